using Bsp.Domain.Common;

namespace Bsp.UnitTests.Common;

public sealed class UuidTests
{
    [Fact]
    public void A_new_id_is_a_version_7_uuid_that_carries_its_time_and_sorts_by_it()
    {
        var at = new DateTimeOffset(2026, 11, 24, 12, 0, 0, 123, TimeSpan.Zero);
        var id = Uuid.New(at);

        (id.Version, id.Variant >> 2).ShouldBe((7, 0b10));
        id.ToString()[..13].Replace("-", "").ShouldBe(Guid.CreateVersion7(at).ToString()[..13].Replace("-", ""));
        Uuid.New(at.AddMilliseconds(1)).ShouldBeGreaterThan(id);
        Should.Throw<ArgumentOutOfRangeException>(() => Uuid.New(DateTimeOffset.UnixEpoch.AddMilliseconds(-1)));
    }

    [Fact]
    public void Ids_made_by_many_threads_at_one_moment_are_all_different()
    {
        var at = DateTimeOffset.UtcNow;

        var ids = Enumerable.Range(0, 8).AsParallel().WithDegreeOfParallelism(8)
            .SelectMany(_ => Enumerable.Range(0, 5_000).Select(_ => Uuid.New(at)).ToList()).ToHashSet();

        ids.Count.ShouldBe(40_000);
    }

    [Fact]
    public void All_random_bits_vary()
    {
        var at = DateTimeOffset.UnixEpoch;
        var ids = Enumerable.Range(0, 1_000).Select(_ => Uuid.New(at).ToByteArray(bigEndian: true)).ToList();

        var varying = Enumerable.Range(0, 128).Where(bit => ids.Select(id => (id[bit / 8] >> (7 - (bit % 8))) & 1).Distinct().Count() == 2)
            .ToList();

        varying.ShouldBe([.. Enumerable.Range(52, 12), .. Enumerable.Range(66, 62)]); // 48 bits of time, 4 of version, 2 of variant stand
    }
}
