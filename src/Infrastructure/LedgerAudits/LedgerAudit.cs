using Bsp.Infrastructure.LedgerAudits.Runs;
using Bsp.Infrastructure.LedgerAudits.Shown;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Sealing;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>What an audit of one organization found.</summary>
public sealed record LedgerAuditReport(Guid OrganizationId, long Entries, int Months, LedgerFault? FirstFault,
    IReadOnlyList<LedgerCheck> Checks)
{
    public bool Passed => FirstFault is null;

    /// <summary>Checks of which nothing can be said, because a store could not be asked.</summary>
    public IReadOnlyList<LedgerCheck> NotChecked => [.. Checks.Where(check => check.Result == LedgerCheck.NotChecked)];
}

/// <summary>Where a killed audit goes on: behind a month of which everything held.</summary>
/// <param name="Holds">Left of each open hold then, in millionths.</param>
/// <param name="HoldsMark">Over all holds placed until then (<see cref="HoldRows"/>); null: a former release did not note it.</param>
public sealed record AuditPlace(string Currency, string Month, string Hash, long Balance, long Held, Dictionary<string, long> Holds,
    long HoldsPlaced, long HoldsPlacedSum, Guid LastId, long Entries,
    long Transactions, int Months, long? HoldsMark = null);

/// <summary>
/// Replays an organization's ledger from zero: every entry of every month, its row in <c>transactions</c>, then what is kept beside them.
/// Runs of entries are checked by several workers, each with two
/// connections that see the same moment; what an audit holds does not grow with the number of entries.
/// </summary>
/// <param name="from">First month; null: from the beginning.</param>
/// <param name="to">Last month; null: to the end.</param>
/// <param name="workers">Runs that are checked at the same time.</param>
public sealed class LedgerAudit(Shard shard, Guid organizationId, string? from, string? to, int workers, TimeProvider clock)
{
    private const string Earliest = "2020-01"; // no ledger is older, unless its head row says so

    private readonly List<LedgerCheck> checks = [];
    private LedgerFault? fault;
    private long entries;
    private int months;

    /// <summary>A run is 2^this many entries, so that each is one node of its month's tree.</summary>
    public int RunLevel { get; init; } = 14;

    /// <summary>False: rows of <c>transactions</c> are not looked at. For measuring.</summary>
    public bool Table { get; init; } = true;

    /// <summary>False: only the chain, its table, head and holds. For measuring.</summary>
    public bool Beside { get; init; } = true;

    /// <summary>Knows the keys that sign heads; null: signed heads are not looked at.</summary>
    public LogSigner? Signer { get; init; }

    /// <summary>Knows what people see as costs; null: that is not compared.</summary>
    public ShownCosts? Costs { get; init; }

    /// <summary>Told after each run how many entries were checked.</summary>
    public Func<long, Task>? Progressed { get; init; }

    /// <summary>Told after each month of which everything held.</summary>
    public Func<AuditPlace, Task>? MonthDone { get; init; }

    public async Task<LedgerAuditReport> RunAsync(AuditPlace? place, CancellationToken ct)
    {
        await ReplayAsync(place, ct);
        // Other stores stand at places of their own: beside the snapshot, which is given back by then.
        var charged = checks.Exists(check => check is { Name: BesideDeliveries.Name, Result: not "absent" });
        foreach (var (found, said) in fault is null && charged && Costs is not null
            ? await Costs.CheckAsync(shard, organizationId, ct) : [])
        {
            checks.Add(said);
            fault ??= found;
        }

        return new(organizationId, entries, months, fault, checks);
    }

    private async Task ReplayAsync(AuditPlace? place, CancellationToken ct)
    {
        await using var snapshot = await AuditSnapshot.TakeAsync(shard, organizationId, ct);
        (entries, months) = (place?.Entries ?? 0, place?.Months ?? 0);
        var heads = (await HeadRow.ReadAsync(snapshot, organizationId, ct)).ToDictionary(head => head.Currency);
        var currencies =
            heads.Keys.Union(
            await snapshot.QueryAsync("SELECT DISTINCT d.currency FROM bsp.statement_days d WHERE d.organization_id = $1", r =>
            r.GetString(0), ct, organizationId))
            .Order(StringComparer.Ordinal).ToList();
        foreach (var currency in currencies.Where(currency => place is null || string.CompareOrdinal(currency, place.Currency) >= 0))
        {
            if (fault is null)
            {
                await ChainAsync(snapshot, currency, heads.GetValueOrDefault(currency), currencies.Count == 1,
                    place?.Currency == currency ? place : null, ct);
            }
        }

        fault ??= currencies.Count == 1 || from is not null || to is not null ? null : await StrayRowsAsync(snapshot, currencies, ct);
        checks.Insert(0, new("chain and transactions", fault is null ? "passed" : "failed", entries, null));
        await snapshot.JoinByHashingAsync(ct);
        foreach (var beside in fault is null && Beside ? BesideLedger.All : [])
        {
            var (found, said) = await beside(snapshot, organizationId, ct);
            checks.Add(said);
            fault ??= found;
        }

        if (fault is null && Beside && Signer is not null)
        {
            (fault, var said) = await DayHeads.CheckAsync(snapshot, organizationId, Signer, ct);
            checks.Add(said);
        }
    }

    private async Task ChainAsync(AuditSnapshot snapshot, string currency, HeadRow? head, bool only, AuditPlace? place,
        CancellationToken ct)
    {
        var all = await MonthsAsync(snapshot, currency, head, only, ct);
        using var seams = new ChainSeams(currency);
        var gone = fault;
        if (place is not null)
        {
            seams.ResumeBehind(place);
        }
        else if (from is not null && all.Count > 0 && string.CompareOrdinal(all[0].Month, from) < 0)
        {
            seams.BeginInTheMiddle();
        }

        // What is wrong before a month that is gone comes first.
        fault = null;
        var wanted = all.Where(m => Wanted(m.Month) && (place is null || string.CompareOrdinal(m.Month, place.Month) > 0)).ToList();
        await RunsAsync(snapshot, await ChunksAsync(snapshot, wanted, all, gone is null, place, ct), seams, ct);
        fault ??= gone ?? (Beside ? await TreeRows.DifferAsync(snapshot, organizationId, currency, seams.Trees, ct) : null);
        if (fault is null && to is null && all.Count > 0)
        {
            fault = head is null ? new(seams.End?.Id, currency, seams.End?.Month, null, "head.differs",
                "The wallet has entries and no head row.")
                : (await head.WithLastAsync(snapshot, organizationId, all[^1], ct))
                    .Differs(seams) ?? (seams.HoldsAreKnown ? await HoldRows.DifferAsync(snapshot, organizationId, currency, seams, ct)
                    : null);
        }
    }

    private bool Wanted(string month) => (from is null || string.CompareOrdinal(month, from) >= 0)
        && (to is null || string.CompareOrdinal(month, to) <= 0);

    // Months have streams of known ids; one that should be there and is not is the first fault.
    private async Task<IReadOnlyList<MonthStream>> MonthsAsync(AuditSnapshot snapshot, string currency, HeadRow? head, bool only,
        CancellationToken ct)
    {
        var last = LedgerTime.Month(clock.GetUtcNow().AddMonths(1));
        last = string.CompareOrdinal(head?.Month, last) > 0 ? head!.Month : last;
        var names = new List<string>();
        for (var month = string.CompareOrdinal(head?.FirstMonth, Earliest) < 0 && head is not null ? head.FirstMonth
            : Earliest; string.CompareOrdinal(month, last) <= 0; month = LedgerTime.Next(month))
        {
            names.Add(month);
        }

        var byId = names.ToDictionary(name => Uuid.Ledger(organizationId, currency, name));
        var found = await snapshot.QueryAsync("""
            SELECT w.id, coalesce(s.version, 0), coalesce((SELECT e.version FROM public.mt_events e WHERE e.tenant_id = $1 AND
              e.stream_id = w.id ORDER BY e.version DESC LIMIT 1), 0)
              FROM unnest($2::uuid[]) AS w (id) LEFT JOIN public.mt_streams s ON s.tenant_id = $1 AND s.id = w.id
            """, r => (Id: r.GetGuid(0), Version: r.GetInt64(1), Last: r.GetInt64(2)), ct, organizationId.ToString(), byId.Keys.ToArray());
        var there = found.Where(f => f.Version > 0 || f.Last > 0)
            .Select(f => (Stream: new MonthStream(currency, byId[f.Id], f.Id, Math.Max(f.Version, f.Last), only), f.Version, f.Last))
            .OrderBy(f => f.Stream.Month, StringComparer.Ordinal).ToList();
        var expected = head?.FirstMonth ?? (there.Count == 0 ? null : there[0].Stream.Month);
        foreach (var month in there)
        {
            fault ??= month.Stream.Month != expected
                ? new(null, currency, expected, null, "month.missing", $"{expected} is gone: {month.Stream.Month} follows.")
                : month.Last > month.Version ? new(null, currency, expected, month.Version + 1, "entry.added",
                    $"The stream of {expected} has {month.Version} entries by its version, and {month.Last} are there.")
                : null;
            expected = LedgerTime.Next(month.Stream.Month);
        }

        if (fault is null && head is not null && string.CompareOrdinal(head.Month, there.Count == 0 ? "" : there[^1].Stream.Month) > 0)
        {
            fault = new(null, currency, head.Month, null, "month.missing", $"The head row knows {head.Month}, and that month is gone.");
        }

        return fault is null || fault.Month is null ? [.. there.Select(t => t.Stream)]
            : [.. there.Select(t => t.Stream).TakeWhile(s => string.CompareOrdinal(s.Month, fault.Month) < 0)];
    }

    private async Task<List<(Chunk Chunk, string Rows)>> ChunksAsync(AuditSnapshot snapshot, List<MonthStream> wanted,
        IReadOnlyList<MonthStream> all, bool whole, AuditPlace? place, CancellationToken ct)
    {
        var chunks = new List<(Chunk, string)>();
        var size = 1L << RunLevel;
        var lower = place is not null ? $"t.id > '{place.LastId}'"
            : wanted.Count > 0 && wanted[0] != all[0] ? $"t.id >= '{Bound(LedgerTime.Start(wanted[0].Month))}'" : "true";
        foreach (var month in wanted)
        {
            var ends = Enumerable.Range(1, (int)((month.Version + size - 1) / size)).Select(n => Math.Min(n * size, month.Version))
                .ToArray();
            var ids = (await snapshot.QueryAsync(
                "SELECT e.version, e.id, e.data -> 'entry' ->> 'id' FROM unnest($3::bigint[]) AS w (version) JOIN public.mt_events e "
                    + "ON e.tenant_id = $1 AND e.stream_id = $2 AND e.version = w.version",
                r => (r.GetInt64(0), Later(r.GetGuid(1), r.IsDBNull(2) ? null : r.GetString(2))), ct, organizationId.ToString(),
                    month.StreamId, ends)).ToDictionary();
            foreach (var end in ends)
            {
                var last = whole && month == all[^1] && end == month.Version;
                var upper = last ? "true" : ids.GetValueOrDefault(end) is { } id ? $"t.id <= '{id}'"
                    : $"t.id < '{Bound(LedgerTime.Start(LedgerTime.Next(month.Month)))}'";
                chunks.Add((new(month, (end - 1) / size * size, end), $"{lower} AND {upper}"));
                lower = $"NOT ({upper})";
            }
        }

        return chunks;
    }

    // Both are the same unless one was changed: the later one keeps the run's rows with it, so that the entry is named and no row.
    private static Guid? Later(Guid ofEvent, string? ofEntry) => Guid.TryParse(ofEntry, out var id) && id.CompareTo(ofEvent) > 0 ? id
        : ofEvent;

    private static Guid Bound(DateTimeOffset at) =>
        new(at.ToUnixTimeMilliseconds() is var ms ? $"{ms >> 16:x8}-{ms & 0xFFFF:x4}-0000-0000-000000000000" : "");

    private async Task RunsAsync(AuditSnapshot snapshot, List<(Chunk Chunk, string Rows)> chunks, ChainSeams seams, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var results = new TaskCompletionSource<ChunkResult>?[chunks.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        var next = -1;
        var running = Enumerable.Range(0, Math.Min(workers, chunks.Count))
            .Select(n => WorkAsync(snapshot, n, chunks, results, () => Interlocked.Increment(ref next), stop.Token)).ToList();
        try
        {
            for (var i = 0; i < chunks.Count && fault is null; i++)
            {
                var run = await results[i]!.Task.WaitAsync(ct);
                results[i] = null;
                await PutAsync(seams, run, first: i == 0, ct);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task PutAsync(ChainSeams seams, ChunkResult run, bool first, CancellationToken ct)
    {
        fault = seams.Put(run, first);
        entries += run.Entries;
        if (Progressed is not null)
        {
            await Progressed(entries);
        }

        if (run.Chunk.UpTo != run.Chunk.Of.Version || fault is not null)
        {
            return;
        }

        months++;
        ct.ThrowIfCancellationRequested();
        if (MonthDone is not null && seams.IsClosed && seams.HoldsAreKnown && seams.End is { } end)
        {
            await MonthDone(new(run.Chunk.Of.Currency, end.Month, end.Hash, end.Balance, end.Held, new(seams.Holds), seams.Placed.Count,
                seams.Placed.Sum, end.Id, entries, seams.Transactions, months,
                seams.PlacedMark));
        }
    }

    // The first worker takes the snapshot's own connection, which has nothing else to do meanwhile.
    private async Task WorkAsync(AuditSnapshot snapshot, int number, List<(Chunk Chunk, string Rows)> chunks,
        TaskCompletionSource<ChunkResult>?[] results, Func<int> take, CancellationToken ct)
    {
        var place = -1;
        try
        {
            await Task.Yield();
            var stream = number == 0 ? snapshot.Own : await snapshot.OpenAsync(ct);
            var table = await snapshot.OpenAsync(ct);
            using var audit = new ChunkAudit();
            while ((place = take()) < chunks.Count)
            {
                var (at, slot) = (place, results[place]!);
                slot.SetResult(await Task.Factory.StartNew(() => audit.Run(stream, table, organizationId, chunks[at].Chunk, Table
                    ? chunks[at].Rows : null, ct), ct, TaskCreationOptions.LongRunning, TaskScheduler.Default));
            }
        }
        catch (Exception e)
        {
            // Whoever waits for this run, or for one that nobody takes any more, hears of it.
            foreach (var slot in results)
            {
                slot?.TrySetException(e);
            }
        }
    }

    // Rows of currencies that have no chain, which no run looks at.
    private async Task<LedgerFault?> StrayRowsAsync(AuditSnapshot snapshot, List<string> currencies, CancellationToken ct)
    {
        var stray =
            await snapshot.QueryAsync(
            "SELECT t.id, t.currency FROM public.transactions t WHERE t.organization_id = $1 AND NOT t.currency = ANY ($2) ORDER BY "
            + "t.id LIMIT 1",
            r => (r.GetGuid(0), r.GetString(1)), ct, organizationId, currencies.ToArray());
        return stray is [var (id, of)]
            ? new(id, of, null, null, "table.extra", $"A row of transactions is in {of}, and there is no ledger in that currency.") : null;
    }
}
