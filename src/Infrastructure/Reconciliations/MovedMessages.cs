using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Reconciliations;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>Messages of one organization, each beside its document and its rows: what an hour's look costs is what moved in it.</summary>
internal sealed class MovedMessages(IDocumentStore documents, IDocumentDigests digests, ClickHouseClient clickHouse,
    ClickHouseSchema schema,
    TimeProvider clock)
{
    private const int Together = 2_000;

    /// <returns>Null: everything is equal.</returns>
    /// <exception cref="StoreUnavailable">A store could not be asked: nothing is said.</exception>
    public async Task<ReconciliationView?> CompareAsync(Shard shard, Guid organizationId, IReadOnlyCollection<Guid> messages,
        CancellationToken ct)
    {
        var began = clock.GetUtcNow();
        var streams = new LogStreams(shard, organizationId);
        var charging = (await streams.ChargingStreamsAsync(began, ct)).TakeLast(4).ToList();
        var found = new List<(long Order, ReconciliationFault Fault)>();
        foreach (var some in messages.Chunk(Together))
        {
            found.AddRange(await CompareAsync(shard, organizationId, streams, charging, some, began, ct));
        }

        return found.Count == 0 ? null : new(Domain.Common.Uuid.New(began), organizationId, "moved", ReconciliationStatus.Different,
            found.MinBy(f => f.Order).Fault, [.. found.GroupBy(f => (f.Fault.Store, f.Fault.View)).Select(g => new ReconciliationRow(
                organizationId, g.Key.Store, g.Key.View, ReconciliationStatus.Different, null, messages.Count, messages.Count - g.Count(),
                null, null, null, null, []))], began, clock.GetUtcNow());
    }

    private async Task<List<(long, ReconciliationFault)>> CompareAsync(Shard shard, Guid organizationId, LogStreams streams,
        IReadOnlyCollection<Guid> charging, Guid[] messages, DateTimeOffset began, CancellationToken ct)
    {
        var from = await RetiredBefore.OfAsync(shard, organizationId, began, ct);
        var packed = new Func<long, long>(at => new Position(shard.Epoch, at).Packed);
        var cuts = new Cuts(shard.Epoch, await documents.CheckpointAsync(shard, ViewNames.Conversations, ct), null, null, null)
        {
            DocumentsFrom = from, RowsFrom = from,
        };
        var stored = (await digests.RowsAsync(shard, organizationId, messages, ct)).ToDictionary(r => r.Key);
        var rows = new Dictionary<string, StoreRow>();
        if (clickHouse.IsConfigured)
        {
            var (_, at) = await new AnalyticsCheckpoints(clickHouse, schema).StandsAsync(ViewNames.MessageAnalytics, shard, ct);
            cuts = cuts with { Analytics = at };
            rows = (await new AnalyticsSide(clickHouse).RowsAsync(organizationId, messages, from, ct)).ToDictionary(r => r.Key);
        }

        var faults = new List<(long, ReconciliationFault)>();
        foreach (var stream in await streams.ReadAsync(messages, charging, ct))
        {
            var truth = new LogTruth(cuts with { EveryDay = true });
            truth.Take(stream);
            var id = stream[0].StreamId;
            Compare(digests.Store, "messages", truth.DocumentRows, stored.GetValueOrDefault(DocumentId.Of(id).ToString()),
                packed(cuts.Documents!.Value));
            if (cuts.Analytics is { } upTo)
            {
                Compare("clickhouse", "message_analytics", truth.AnalyticsRows, rows.GetValueOrDefault(id.ToString()), packed(upTo));
            }

            void Compare(string store, string view, List<LogRow> log, StoreRow? own, long upTo)
            {
                var (hash, none) = (log.Aggregate(0UL, (xor, row) => xor ^ row.Hash), log.Count == 0);
                if (own?.Position > upTo || (none ? own is null : own?.Hash == hash) || (none && stream[0].Timestamp < from))
                {
                    return;
                }

                var detail = $"The log says {(none ? "nothing" : string.Join("; ", log.Select(r => r.Shown)))}; "
                    + $"{own?.Shown ?? "nothing"} is there.";
                faults.Add((stream[0].Sequence, new(store, view, organizationId, new Position(shard.Epoch, stream[0].Sequence).ToToken(),
                    null, id, null, own is null ? "store.missing" : none ? "store.surplus" : "store.differs",
                    Domain.Common.Text.Cut(detail, 1_000))));
            }
        }

        return faults;
    }
}
