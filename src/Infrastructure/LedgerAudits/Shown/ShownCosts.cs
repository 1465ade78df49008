using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Reconciliations;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.LedgerAudits.Shown;

/// <summary>
/// What people see as costs beside what the ledger charged: the message documents, message by message, and ClickHouse, day by day of
/// delivery, and of the first day that differs message by message. As in a reconciliation (docs/decisions/0310) nothing stands still: a
/// store is compared up to where it stands, without what was charged or has moved beyond. A store that cannot be asked is said to be
/// <c>not_checked</c>.
/// </summary>
public sealed class ShownCosts
{
    private const string OfDocuments = "documents";
    private const string OfAnalytics = "analytics";

    // As in a reconciliation: what is older may have been taken by retention.
    private const int DocumentMonths = 23;

    // Charges beyond the place where a store stands that are told apart.
    private const int AheadOfDocumentsMax = 100_000;
    private const int AheadOfAnalyticsMax = 5_000; // they are named to ClickHouse

    private readonly IDocumentStore documents;
    private readonly IDocumentDigests digests;
    private readonly ClickHouseClient clickHouse;
    private readonly ClickHouseSchema schema;
    private readonly TimeProvider clock;

    internal ShownCosts(IDocumentStore documents, IDocumentDigests digests, ClickHouseClient clickHouse, ClickHouseSchema schema,
        TimeProvider clock) => (this.documents, this.digests, this.clickHouse, this.schema, this.clock) =
            (documents, digests, clickHouse, schema, clock);

    /// <summary>Both comparisons, one after the other.</summary>
    public async Task<IReadOnlyList<(LedgerFault? Fault, LedgerCheck Check)>> CheckAsync(Shard shard, Guid organizationId,
        CancellationToken ct) =>
    [
        await AskAsync(OfDocuments, () => DocumentsAsync(shard, organizationId, ct)),
        clickHouse.IsConfigured ? await AskAsync(OfAnalytics, () => AnalyticsAsync(shard, organizationId, ct))
            : (null, new(OfAnalytics, "absent", 0, "No ClickHouse is configured (ConnectionStrings:ClickHouse).")),
    ];

    private async Task<(LedgerFault?, LedgerCheck)> DocumentsAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        var upTo = await documents.CheckpointAsync(shard, ViewNames.Conversations, ct);
        await using var snapshot = await shard.BeginSnapshotAsync(organizationId, ct);
        if (await AheadAsync(snapshot, shard, organizationId, upTo, AheadOfDocumentsMax, ct) is not { } ahead)
        {
            return Unchecked(OfDocuments, $"the documents are more than {AheadOfDocumentsMax} charges behind the log. Audit again later.");
        }

        var packed = new Position(shard.Epoch, upTo).Packed;
        var found = new CostDifferences("document", ahead, packed);
        await using var charged = await ChargedMessages.OpenAsync(snapshot, organizationId,
            LedgerTime.Text(clock.GetUtcNow().AddMonths(-DocumentMonths)), null, ct);
        await found.MergeAsync(charged, take => digests.CostsAsync(shard, organizationId, packed, take, ct), ct);
        return Said(OfDocuments, found.First, found.Compared);
    }

    private async Task<(LedgerFault?, LedgerCheck)> AnalyticsAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        var (_, upTo) = await new AnalyticsCheckpoints(clickHouse, schema).StandsAsync(ViewNames.MessageAnalytics, shard, ct);
        await using var snapshot = await shard.BeginSnapshotAsync(organizationId, ct);
        if (await AheadAsync(snapshot, shard, organizationId, upTo, AheadOfAnalyticsMax, ct) is not { } ahead)
        {
            return Unchecked(OfAnalytics, $"ClickHouse is more than {AheadOfAnalyticsMax} charges behind the log. Audit again later.");
        }

        var side = new AnalyticsCosts(clickHouse, organizationId, new Position(shard.Epoch, upTo).Packed, ahead);
        return await side.CompareAsync(snapshot, DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime), ct) is { } days
            ? Said(OfAnalytics, days.Fault, days.Messages)
            : Unchecked(OfAnalytics, "too much of it moved meanwhile to be told apart. Audit again later.");
    }

    // Messages charged beyond a place of the log, and those of groups, of which no store shows the sum; null: more than are told apart.
    private async Task<IReadOnlySet<string>?> AheadAsync(TenantTransaction snapshot, Shard shard, Guid organizationId, long upTo,
        int max, CancellationToken ct)
    {
        var streams = await new LogStreams(shard, organizationId).ChargingStreamsAsync(clock.GetUtcNow(), ct);
        var found = await snapshot.QueryLongAsync("""
            (SELECT c ->> 'message_id' FROM unnest($2::uuid[]) AS s (id)
               CROSS JOIN LATERAL (SELECT x.data FROM public.mt_events x WHERE x.tenant_id = $1::text AND x.stream_id = s.id
                                     AND x.type = 'messages_charged' AND x.seq_id > $3 OFFSET 0) e
               CROSS JOIN LATERAL jsonb_array_elements(e.data -> 'charges') AS c LIMIT $4)
            UNION
            (SELECT t.metadata ->> 'message_id' FROM public.transactions t
              WHERE t.organization_id = $1::text::uuid AND t.category = 'message' AND t.reference_id LIKE 'message/%/%' LIMIT $4)
            """, r => r.IsDBNull(0) ? "" : r.GetString(0), ct, organizationId.ToString(), streams.ToArray(), upTo, max + 1);
        return found.Count > max ? null : found.ToHashSet();
    }

    private static async Task<(LedgerFault?, LedgerCheck)> AskAsync(string name, Func<Task<(LedgerFault?, LedgerCheck)>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception e) when (e is StoreUnavailable or ClickHouseException or MongoDB.Driver.MongoException)
        {
            var why = Text.Cut((e as StoreUnavailable)?.InnerException?.Message ?? e.Message, 500);
            return Unchecked(name, $"{(name == OfAnalytics ? "ClickHouse" : "the document store")} could not be asked: {why}");
        }
    }

    private static (LedgerFault?, LedgerCheck) Said(string name, LedgerFault? fault, long messages) =>
        (fault, new(name, fault is null ? "passed" : "failed", messages, fault?.Detail));

    private static (LedgerFault?, LedgerCheck) Unchecked(string name, string why) =>
        (null, new(name, LedgerCheck.NotChecked, 0, $"not checked: {why}"));
}
