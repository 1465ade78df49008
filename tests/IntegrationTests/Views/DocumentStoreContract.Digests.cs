using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Reconciliations;

namespace Bsp.IntegrationTests.Views;

public abstract partial class DocumentStoreContract
{
    [Fact]
    public async Task What_the_store_sums_up_is_what_the_log_calls_for_and_what_moved_is_told_apart()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(31, await database.NewOrganizationAsync(), 60);
        var (store, _) = await OpenAsync(database.Shards);
        await database.RunAsync(new ConversationsProjection(store, new Plain()), log);
        var digests = Digests();
        foreach (var upTo in (long[])[log.Events[^1].Sequence, log.Events[log.Events.Count / 2].Sequence])
        {
            var packed = new Position(database.Shard.Epoch, upTo).Packed;
            var found = await digests.DaysAsync(database.Shard, log.OrganizationId, packed, default, default);
            var truth = new LogTruth(new(database.Shard.Epoch, upTo, null, null, null) { MovedDocuments = found.Moved });
            foreach (var stream in log.Events.GroupBy(e => e.StreamId))
            {
                truth.Take([.. stream]);
            }

            found.Moved.Count.ShouldBe(upTo == log.Events[^1].Sequence ? 0 : found.Moved.Count);
            truth.Documents.Differing(found.Days).ShouldBeEmpty();
            truth.Documents.Total().Count.ShouldBeGreaterThan(0);
            foreach (var day in truth.Documents.Days)
            {
                var rows = await digests.RowsAsync(database.Shard, log.OrganizationId, packed, day, default);
                rows.Count.ShouldBe((int)truth.Documents[day].Count);
                rows.Aggregate(0UL, (xor, row) => xor ^ row.Hash).ShouldBe(truth.Documents[day].Xor);
            }
        }

        var conversations = await digests.ConversationsAsync(database.Shard, log.OrganizationId, default);
        conversations.Sum(c => c.Incoming).ShouldBe(log.Ends.Count(m => m.Phase == Domain.Messages.MessagePhase.Inbound));
        var one = log.Ends.First(m => m.Phase == Domain.Messages.MessagePhase.Inbound).Ref!.MessageId;
        (await digests.RowsAsync(database.Shard, log.OrganizationId, [one, Guid.NewGuid()], default)).ShouldHaveSingleItem()
            .Key.ShouldBe(DocumentId.Of(one).ToString());
    }
}
