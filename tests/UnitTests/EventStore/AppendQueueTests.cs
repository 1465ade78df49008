using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;

namespace Bsp.UnitTests.EventStore;

public sealed class AppendQueueTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly AppendQueue queue = new(batchEventsMax: 100);
    private readonly Guid loud = Uuid.New();

    [Fact]
    public void One_call_goes_with_the_next_batch_although_another_organization_has_thousands_waiting()
    {
        var quiet = Uuid.New();
        for (var n = 0; n < 5_000; n++)
        {
            queue.Add(Call(loud, Uuid.New()));
        }

        queue.Add(Call(quiet, Uuid.New()));

        var batch = queue.Take().ShouldNotBeNull();
        batch.Count(c => c.Organization == quiet).ShouldBe(1);
        batch.Count.ShouldBe(100, "what the quiet one leaves over goes to the loud one");
    }

    [Fact]
    public void Organizations_that_all_wait_share_every_batch_evenly()
    {
        var organizations = Enumerable.Range(0, 4).Select(_ => Uuid.New()).ToArray();
        foreach (var organization in organizations)
        {
            for (var n = 0; n < 1_000; n++)
            {
                queue.Add(Call(organization, Uuid.New()));
            }
        }

        for (var n = 0; n < 10; n++)
        {
            queue.Take()!.GroupBy(c => c.Organization).Select(g => g.Count()).ShouldBe([25, 25, 25, 25]);
        }
    }

    [Fact]
    public void A_stream_is_in_one_batch_at_a_time_and_a_call_on_several_is_not_overtaken_for_ever()
    {
        var (a, b) = (Uuid.New(), Uuid.New());
        queue.Add(Call(loud, a));
        var first = queue.Take()!;
        queue.Add(Call(loud, a, b));
        queue.Add(Call(loud, b));

        queue.Take().ShouldBeNull("the second waits for the first's stream, and the third for the second's");
        queue.Release(first);

        queue.Take()!.Select(c => c.Streams.Length).ShouldBe([2, 1]);
    }

    [Fact]
    public async Task A_withdrawn_call_takes_no_place()
    {
        var call = Call(loud, Uuid.New());
        queue.Add(call);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        call.TryWithdraw(cancelled.Token).ShouldBeTrue();

        queue.Take().ShouldBeNull();
        queue.Count.ShouldBe(0);
        await Should.ThrowAsync<OperationCanceledException>(call.Outcome);
    }

    private static AppendCall Call(Guid organization, params Guid[] streams) =>
        new(organization, [.. streams.Select(s => new StreamAppend(s, Campaign.StreamType, null, [new CampaignResumed(s, Noon)]))],
            request: null);
}
