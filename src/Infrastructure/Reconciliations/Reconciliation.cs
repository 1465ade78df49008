using System.Globalization;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Reconciliations;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>
/// Compares what the stores hold of one organization with its log. Each store is read first, up to the place where it stands, together with
/// the names of what has gone beyond; then the log is folded up to that place without those. So nothing needs to stand still, and a
/// difference is one. Decision: docs/decisions/0310.
/// </summary>
public sealed class Reconciliation
{
    private const int DaysLookedInto = 31;

    // Analytics are kept for five years: what is near its end may be gone.
    private const int AnalyticsMonths = 59;

    private readonly IDocumentStore documents;
    private readonly IDocumentDigests digests;
    private readonly ClickHouseClient clickHouse;
    private readonly ClickHouseSchema schema;
    private readonly RedisConnection redis;
    private readonly CopySeal seal;
    private readonly TimeProvider clock;

    internal Reconciliation(IDocumentStore documents, IDocumentDigests digests, ClickHouseClient clickHouse, ClickHouseSchema schema,
        RedisConnection redis, CopySeal seal, TimeProvider clock) =>
        (this.documents, this.digests, this.clickHouse, this.schema, this.redis, this.seal, this.clock) =
            (documents, digests, clickHouse, schema, redis, seal, clock);

    /// <summary>Compares everything that is kept of an organization.</summary>
    /// <param name="workers">Parts of the log that are folded at once, 1 to 16.</param>
    public async Task<ReconciliationView> WholeAsync(Shard shard, Guid organizationId, int workers, CancellationToken ct)
    {
        var began = clock.GetUtcNow();
        var run = new ReconciliationRun(shard, organizationId, began, new(shard, organizationId))
        {
            DocumentsFrom = await RetiredBefore.OfAsync(shard, organizationId, began, ct),
        };
        run.Charging = await run.Streams.ChargingStreamsAsync(began, ct);
        var documentsAt = await DocumentsAsync(run, ct);
        var analytics = await AnalyticsAsync(run, ct);
        var (campaigns, progress) = await CampaignsAsync(run, ct);
        run.Cuts = run.Cuts with
        {
            DocumentsFrom = run.DocumentsFrom, RowsFrom = began.AddMonths(-AnalyticsMonths),
        };
        var truth = await FoldAsync(run, workers, ct);
        await CompareAsync(run, documentsAt, truth, workers, ct);
        if (documentsAt is not null)
        {
            await CompareConversationsAsync(run, truth, ct);
        }

        if (analytics is not null)
        {
            await CompareRowsAsync(run, analytics, truth, workers, ct);
        }

        Compare(run, campaigns, truth);
        Compare(run, progress, truth);
        await CompareLedgerAsync(run, ct);
        var first = run.Faults.OrderBy(f => f.Order).Select(f => f.Fault).FirstOrDefault();
        return new(Domain.Common.Uuid.New(began), organizationId, "whole",
            run.Rows.TrueForAll(r => r.Status is ReconciliationStatus.Equal or ReconciliationStatus.Absent or ReconciliationStatus.Busy)
                ? ReconciliationStatus.Equal : ReconciliationStatus.Different, first, run.Rows, began, clock.GetUtcNow());
    }

    private async Task<StoreDigest?> DocumentsAsync(ReconciliationRun run, CancellationToken ct) =>
        await AskAsync(run, digests.Store, "messages", async () =>
    {
        var upTo = await documents.CheckpointAsync(run.Shard, ViewNames.Conversations, ct);
        var found = await digests.DaysAsync(run.Shard, run.OrganizationId, run.Packed(upTo), run.DocumentsFrom, ct);
        run.Cuts = run.Cuts with { Documents = upTo, MovedDocuments = found.Moved };
        return found;
    });

    private async Task<StoreDigest?> AnalyticsAsync(ReconciliationRun run, CancellationToken ct)
    {
        if (!clickHouse.IsConfigured)
        {
            run.Rows.Add(run.Row("clickhouse", "message_analytics", ReconciliationStatus.Absent, null, new(), new(), [],
                "No ClickHouse is configured (ConnectionStrings:ClickHouse)."));
            return null;
        }

        return await AskAsync(run, "clickhouse", "message_analytics", async () =>
        {
            var (_, upTo) = await new AnalyticsCheckpoints(clickHouse, schema).StandsAsync(ViewNames.MessageAnalytics, run.Shard, ct);
            var found = await new AnalyticsSide(clickHouse).DaysAsync(run.OrganizationId, run.Packed(upTo),
                run.Began.AddMonths(-AnalyticsMonths), ct);
            run.Cuts = run.Cuts with { Analytics = upTo, MovedRows = found.Moved };
            return found;
        });
    }

    private async Task<(Dictionary<Guid, (long[]? Progress, long[] Columns)> Campaigns, Dictionary<Guid, (long Sequence, long[]? Numbers)>?
        Progress)> CampaignsAsync(ReconciliationRun run, CancellationToken ct)
    {
        var side = new CampaignsSide(run.Shard, run.OrganizationId, redis, seal);
        var (at, numbers) = await side.InPostgresAsync(ct);
        run.Cuts = run.Cuts with { Counters = at };
        var progress = await AskAsync(run, "redis", "campaign_progress", async () =>
            await side.InRedisAsync(numbers.Keys, ct) ?? throw new StoreUnavailable("redis",
                new InvalidOperationException("The campaigns' numbers are being built in Redis.")));
        if (progress is not null)
        {
            run.Cuts = run.Cuts with { Progress = id => progress.TryGetValue(id, out var own) ? own.Sequence : 0 };
        }

        return (numbers, progress);
    }

    private static async Task<T?> AskAsync<T>(ReconciliationRun run, string store, string view, Func<Task<T>> ask) where T : class
    {
        try
        {
            return await ask();
        }
        catch (Exception e) when (e is StoreUnavailable or ClickHouseException or MongoDB.Driver.MongoException)
        {
            var why = (e as StoreUnavailable)?.InnerException?.Message ?? e.Message;
            run.Rows.Add(run.Row(store, view, ReconciliationStatus.Away, null, new(), new(), [], Domain.Common.Text.Cut(why, 500)));
            run.Faults.Add((long.MaxValue, new(store, view, run.OrganizationId, null, null, null, null, "store.away",
                $"It could not be asked: {Domain.Common.Text.Cut(why, 500)}")));
            return null;
        }
    }

    private static async Task<LogTruth> FoldAsync(ReconciliationRun run, int workers, CancellationToken ct)
    {
        var total = new LogTruth(run.Cuts);
        var gate = new object();
        var parts = await run.Streams.PartsAsync(workers, run.Charging, ct);
        await Parallel.ForEachAsync(parts, new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = ct },
            async (part, stop) =>
            {
                var truth = new LogTruth(run.Cuts);
                await foreach (var stream in run.Streams.ReadAsync(part, run.Charging, stop))
                {
                    truth.Take(stream);
                }

                truth.End();
                lock (gate)
                {
                    total.Add(truth);
                }
            });
        return total;
    }

    private async Task CompareAsync(ReconciliationRun run, StoreDigest? found, LogTruth truth, int workers, CancellationToken ct)
    {
        if (found is null)
        {
            return;
        }

        var days = found.Busy ? [] : truth.Documents.Differing(found.Days);
        run.Add(digests.Store, "messages", found, run.Cuts.Documents!.Value, truth.Documents, days);
        if (days.Count == 0)
        {
            return;
        }

        var looked = days.Take(DaysLookedInto).ToHashSet();
        run.Cuts = run.Cuts with { DocumentDays = looked };
        var log = (await FoldAsync(run, workers, ct)).DocumentRows.ToLookup(r => r.Day);
        foreach (var day in looked)
        {
            var stored = (await digests.RowsAsync(run.Shard, run.OrganizationId, run.Packed(run.Cuts.Documents!.Value), day, ct))
                .Where(r => !run.Cuts.MovedDocuments.Contains(r.Key)).ToDictionary(r => r.Key);
            Differences(run, digests.Store, "messages", day, log[day].ToDictionary(r => DocumentId.Of(r.MessageId).ToString()), stored,
                shown => Guid.TryParse(shown.Split('|').ElementAtOrDefault(1), out var id) ? id : null);
        }
    }

    private async Task CompareRowsAsync(ReconciliationRun run, StoreDigest found, LogTruth truth, int workers, CancellationToken ct)
    {
        var days = found.Busy ? [] : truth.Rows.Differing(found.Days);
        run.Add("clickhouse", "message_analytics", found, run.Cuts.Analytics!.Value, truth.Rows, days);
        if (days.Count == 0)
        {
            return;
        }

        var looked = days.Take(DaysLookedInto).ToHashSet();
        run.Cuts = run.Cuts with { RowDays = looked };
        var log = (await FoldAsync(run, workers, ct)).AnalyticsRows.ToLookup(r => r.Day);
        foreach (var day in looked)
        {
            var stored = (await new AnalyticsSide(clickHouse).RowsAsync(run.OrganizationId, run.Packed(run.Cuts.Analytics!.Value), day, ct))
                .ToDictionary(r => r.Key);
            Differences(run, "clickhouse", "message_analytics", day, log[day].ToDictionary(r => r.MessageId.ToString()), stored,
                shown => Guid.TryParse(shown.Split('|')[0], out var id) ? id : null);
        }
    }

    private static void Differences(ReconciliationRun run, string store, string view, DateOnly day, Dictionary<string, LogRow> log,
        Dictionary<string, StoreRow> stored, Func<string, Guid?> messageOf)
    {
        foreach (var key in log.Keys.Union(stored.Keys))
        {
            var (expected, found) = (log.GetValueOrDefault(key), stored.GetValueOrDefault(key));
            if (expected?.Hash == found?.Hash)
            {
                continue;
            }

            var (code, detail) = (expected, found) switch
            {
                ({ } e, null) => ("store.missing", $"The log says {e.Shown}; nothing is there."),
                (null, { } f) => ("store.surplus", $"The log knows nothing of it; {f.Shown} is there."),
                var (e, f) => ("store.differs", $"The log says {e!.Shown}; {f!.Shown} is there."),
            };
            run.Differs(expected?.First ?? found!.Position & ((1L << 48) - 1), new(store, view, run.OrganizationId,
                expected is null ? null : run.Token(expected.First), day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
                expected?.MessageId ?? messageOf(found!.Shown), null, code, Domain.Common.Text.Cut(detail, 1_000)));
        }
    }

    private async Task CompareConversationsAsync(ReconciliationRun run, LogTruth truth, CancellationToken ct)
    {
        var rows = await AskAsync(run, digests.Store, "conversations", () =>
            digests.ConversationsAsync(run.Shard, run.OrganizationId, ct));
        if (rows is null)
        {
            return;
        }

        var from = run.DocumentsFrom;
        var (expected, found) = (new DayDigest(), new DayDigest());
        var stored = rows.Where(r => r.CreatedAt >= from).ToDictionary(r => r.Id);
        var upTo = run.Packed(run.Cuts.Documents!.Value);
        foreach (var (id, says) in truth.Conversations.Where(c => c.Value.First >= from))
        {
            var own = stored.GetValueOrDefault(id);
            stored.Remove(id);
            if (own?.Position > upTo)
            {
                continue;
            }

            Add(expected, id, says.Incoming, says.Outgoing);
            if (own is not null)
            {
                Add(found, id, own.Incoming, own.Outgoing);
            }

            if (own is null || (own.Incoming, own.Outgoing) != (says.Incoming, says.Outgoing))
            {
                run.Differs(long.MaxValue - 1, new(digests.Store, "conversations", run.OrganizationId, null, null, null, id.ToString(),
                    own is null ? "store.missing" : "store.differs",
                    $"The log says {says.Incoming} in, {says.Outgoing} out; "
                    + $"{(own is null ? "nothing" : $"{own.Incoming} in, {own.Outgoing} out")} is there."));
            }
        }

        // one that nobody has written in yet is known by other facts
        foreach (var own in stored.Values.Where(r => r.Position <= upTo && r.Incoming + r.Outgoing > 0
            && !truth.Conversations.ContainsKey(r.Id)))
        {
            Add(found, own.Id, own.Incoming, own.Outgoing);
            run.Differs(own.Position & ((1L << 48) - 1), new(digests.Store, "conversations", run.OrganizationId, null, null, null,
                own.Id.ToString(), "store.surplus", $"The log knows no message of it; {own.Incoming} in, {own.Outgoing} out is there."));
        }

        run.Rows.Add(run.Row(digests.Store, "conversations", expected.Same(found) ? ReconciliationStatus.Equal
            : ReconciliationStatus.Different, run.Cuts.Documents, expected, found, []));
    }

    private static void Add(DayDigest digest, Guid id, long incoming, long outgoing) => digest.Add(
        [("incoming", incoming), ("outgoing", outgoing)], 1, 0, RowHash.Of($"{id}|{incoming}|{outgoing}"));

    private static void Compare(ReconciliationRun run, Dictionary<Guid, (long[]? Progress, long[] Columns)> campaigns, LogTruth truth)
    {
        var none = new long[CampaignTally.Names.Length];
        Compare(run, "postgres", "campaign_progress", run.Cuts.Counters, campaigns.Keys.Union(truth.Counters.Keys), CampaignTally.Names,
            id => truth.Counters.GetValueOrDefault(id, none), id => campaigns.GetValueOrDefault(id).Progress ?? none);
        Compare(run, "postgres", "campaigns", run.Cuts.Counters, campaigns.Keys.Union(truth.Counters.Keys),
            ["sent_count", "delivered_count", "read_count", "failed_count"],
            id => CampaignsSide.ColumnsOf(truth.Counters.GetValueOrDefault(id, none)),
            id => campaigns.GetValueOrDefault(id).Columns ?? new long[4]);
    }

    private static void Compare(ReconciliationRun run, Dictionary<Guid, (long Sequence, long[]? Numbers)>? progress, LogTruth truth)
    {
        if (progress is not null)
        {
            var none = new long[CampaignTally.Names.Length];
            Compare(run, "redis", "campaign_progress", progress.Count == 0 ? null : progress.Values.Min(p => p.Sequence), progress.Keys,
                CampaignTally.Names, id => truth.Progress.GetValueOrDefault(id, none), id => progress[id].Numbers ?? none);
        }
    }

    private static void Compare(ReconciliationRun run, string store, string view, long? at, IEnumerable<Guid> campaigns, string[] names,
        Func<Guid, long[]> says, Func<Guid, long[]> holds)
    {
        var (expected, found) = (new DayDigest(), new DayDigest());
        foreach (var id in campaigns.Order())
        {
            var (log, own) = (says(id), holds(id));
            Add(expected, id, names, log);
            Add(found, id, names, own);
            if (!log.SequenceEqual(own))
            {
                var differing = names.Select((name, i) => (name, log: log[i], own: own[i])).Where(n => n.log != n.own);
                run.Differs(long.MaxValue - 2, new(store, view, run.OrganizationId, null, null, null, id.ToString(), "store.differs",
                    $"Campaign {id}: {string.Join(", ", differing.Select(n => $"{n.name} is {n.log} by the log and {n.own} there"))}."));
            }
        }

        run.Rows.Add(run.Row(store, view, expected.Same(found) ? ReconciliationStatus.Equal : ReconciliationStatus.Different, at, expected,
            found, []));
    }

    private static void Add(DayDigest digest, Guid id, string[] names, long[] numbers) => digest.Add(
        names.Zip(numbers), 1, 0, RowHash.Of($"{id}|{string.Join('|', numbers)}"));

    private static async Task CompareLedgerAsync(ReconciliationRun run, CancellationToken ct)
    {
        var side = new LedgerSide(run.Shard, run.OrganizationId);
        var (expected, found, first) = await side.CompareAsync(run.Began, ct);
        var days = expected.Differing(found);
        run.Add("ledger", "transactions", new(found, new HashSet<string>(), false), null, expected, days);
        if (first is not null)
        {
            run.Differs(first.Sequence ?? long.MaxValue - 3, new("ledger", "transactions", run.OrganizationId,
                first.Sequence is { } at ? run.Token(at) : null, first.Day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), null,
                first.Entry.ToString(), first.Expected is null ? "store.surplus" : first.Found is null ? "store.missing" : "store.differs",
                $"The log says {first.Expected ?? "nothing"}; {first.Found ?? "nothing"} is there."));
        }

        var (charged, debited) = await side.ChargesAsync(run.Charging, ct);
        run.Rows.Add(run.Row("ledger", "charges", charged.Same(debited) ? ReconciliationStatus.Equal : ReconciliationStatus.Different, null,
            charged, debited, []));
        if (!charged.Same(debited))
        {
            run.Differs(long.MaxValue - 3, new("ledger", "charges", run.OrganizationId, null, null, null, null, "store.differs",
                $"Charges in the log: {charged.States}, {charged.Sum}; entries: {debited.States}, {debited.Sum}. "
                + "./run audit names which."));
        }
    }
}
