using Bsp.Application.Streams;
using Bsp.Infrastructure.Streams;

namespace Bsp.UnitTests.Streams;

/// <summary>What an organization's followers share: each keeps a place, and nobody's slowness keeps anything.</summary>
public sealed class StreamRingTests
{
    private readonly StreamRing ring = new();

    [Fact]
    public void Each_follower_reads_from_its_own_place_in_order_and_nothing_twice()
    {
        var (quick, slow) = (ring.Next, ring.Next);
        ring.Add([Frame(1), Frame(2)]);
        Places(ring.Read(ref quick)).ShouldBe([1, 2]);
        Places(ring.Read(ref quick)).ShouldBe([]);
        ring.Add([Frame(3)]);
        Places(ring.Read(ref quick)).ShouldBe([3]);
        Places(ring.Read(ref slow)).ShouldBe([1, 2, 3]);
        var late = ring.Next;
        Places(ring.Read(ref late)).ShouldBe([]); // what was before is not told
    }

    [Fact]
    public void Whoever_is_overtaken_by_a_thousand_frames_is_told_that_some_are_gone()
    {
        var (slow, kept) = (ring.Next, ring.Next + 1);
        ring.Add([.. Enumerable.Range(0, StreamRing.FramesMax + 1).Select(n => Frame(n))]);
        ring.Read(ref slow).ShouldBeNull();
        slow.ShouldBe(0, "its place is found anew by whoever asks the log");
        Places(ring.Read(ref kept)).Count.ShouldBe(StreamRing.FramesMax);
    }

    [Fact]
    public void However_large_frames_are_it_holds_a_quarter_of_a_megabyte_or_one()
    {
        var from = ring.Next;
        for (var n = 0; n < 100; n++)
        {
            ring.Add([Frame(n, 20 * 1024)]);
            ring.Bytes.ShouldBeLessThanOrEqualTo(StreamRing.BytesMax);
        }

        ring.Read(ref from).ShouldBeNull();
        from = ring.Next - 12;
        Places(ring.Read(ref from)).Count.ShouldBe(12);
        ring.Add([Frame(100, StreamRing.BytesMax * 4)]);
        ring.Bytes.ShouldBe(StreamRing.BytesMax * 4, "the newest stays, whoever follows can read it");
        Places(ring.Read(ref from)).ShouldBe([100]);
        ring.Add([Frame(101)]);
        ring.Bytes.ShouldBe(1);
    }

    [Fact]
    public async Task Who_waits_is_woken_by_what_comes_next_and_by_nothing_else()
    {
        var more = ring.More;
        ring.Add([]);
        more.IsCompleted.ShouldBeFalse();
        ring.Add([Frame(1)]);
        await more.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        ring.More.IsCompleted.ShouldBeFalse();
    }

    private static StreamFrame Frame(long at, int bytes = 1) => new(at, new byte[bytes]);

    private static List<long> Places(IReadOnlyList<StreamFrame>? frames) => [.. frames.ShouldNotBeNull().Select(f => f.At)];
}
