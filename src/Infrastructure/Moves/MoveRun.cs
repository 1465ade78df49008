using System.Diagnostics;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Moves;
using Bsp.Infrastructure.Homes;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Moves;

/// <summary>
/// One move, from the state in which it is found as far as it goes. Every step may be killed anywhere and done again; the one decision is
/// the
/// update of the directory that finds the organization's former epoch. Decision: docs/decisions/0351.
/// </summary>
internal sealed class MoveRun(MoveView move, MoveParts parts, NpgsqlConnection source, NpgsqlConnection target)
{
    private const int PagesAtOnce = 20;
    private const int NearEvents = 500;      // fewer than so many are missing before it is frozen
    private const int NearNotes = 2_000;
    private static readonly TimeSpan BetweenFreezes = TimeSpan.FromSeconds(2);

    private readonly Guid organization = move.OrganizationId;
    private readonly MoveLog log = new(source, target, move.OrganizationId, move.Epoch);
    private readonly MoveRows rows = new(source, target, move.OrganizationId, move.Epoch);
    private readonly MoveEnds ends = new(move.OrganizationId, move.Id, source, target);
    private IReadOnlyList<MoveTable> tables = [];
    private string state = move.State;
    private long looked;

    /// <summary>As far as it goes now; when to look again, null: it is over.</summary>
    public async Task<TimeSpan?> RunAsync(CancellationToken ct)
    {
        tables = await MoveInventory.OfAsync(source, ct);
        while (true)
        {
            if (state is not ("switched" or "living" or "dropped" or "cancelled") && await CancelledAsync(ct))
            {
                await parts.StillAtHomeAsync(move, ct);
                await ends.UndoAsync(tables, ct);
                await ToAsync("cancelled", ct);
                return null;
            }

            switch (state)
            {
                case "planned":
                    await PlanAsync(ct);
                    break;
                case "copying":
                    await CopyAsync(ct);
                    break;
                case "following" or "frozen" or "proven":
                    if (await FollowAsync(ct) is { } pause)
                    {
                        return pause;
                    }

                    break;
                case "switched":
                    await OpenAsync(ct);
                    break;
                case "living":
                    return await ClearAsync(ct);
                default:
                    return null;
            }
        }
    }

    private async Task PlanAsync(CancellationToken ct)
    {
        await parts.StillAtHomeAsync(move, ct);
        foreach (var shard in new[] { move.Source, move.Target })
        {
            if (await parts.Views.TroubleAsync(parts.Shards.Named(shard), ct) is { } trouble)
            {
                throw new MoveFault(trouble);
            }
        }

        await ends.UndoAsync(tables, ct); // what an earlier attempt, or an earlier life, left at the target
        var (from, to) = await ends.ReserveAsync(ct);
        await MoveTriggers.GuardAsync(target, organization, tables, ct);
        await ends.MarkAsync(to, ct);
        if (!await parts.Views.ReachAsync(parts.Shards.Named(move.Target), to, TimeSpan.FromMinutes(10), ct))
        {
            throw new MoveFault($"A view on shard '{move.Target}' does not follow its log: look at GET /v1/projections.");
        }

        await ends.PlatformRowsAsync(ct);
        await ends.WatchAsync(tables, ct);
        await NoteAsync("UPDATE bsp.moves SET events_total = $2 WHERE id = $1", ct, await ends.EventsAboutAsync(ct));
        await ToAsync("copying", ct);
    }

    // First the rows, which take long and change; then the log. Both go on where they were.
    private async Task CopyAsync(CancellationToken ct)
    {
        var done = await ends.CopiedAsync(ct);
        foreach (var table in tables.Where(t => t.Time == MoveTime.Early && !done.Contains(t.Name)))
        {
            var count = await rows.CopyAsync(table, ct);
            await NoteAsync("UPDATE bsp.moves SET rows = rows + $2 WHERE id = $1", ct, count);
            if (await CancelledAsync(ct))
            {
                return;
            }
        }

        await EventsAsync(await ends.FinalAsync(ct), ct);
        if (!await CancelledAsync(ct))
        {
            await ToAsync("following", ct);
        }
    }

    private async Task<bool> EventsAsync(long upTo, CancellationToken ct)
    {
        var (from, to) = await ends.RangeAsync(ct);
        for (var all = false; !all;)
        {
            (var place, all) = await log.CopyAsync(from, to, upTo, looked, PagesAtOnce, ct);
            looked = place.After;
            await NoteAsync("UPDATE bsp.moves SET events = $2, events_total = greatest(events_total, $2) WHERE id = $1", ct, place.Events);
            if (!all && await CancelledAsync(ct))
            {
                return false;
            }
        }

        return true;
    }

    // Until little is missing; then it is tried.
    private async Task<TimeSpan?> FollowAsync(CancellationToken ct)
    {
        await ends.StateAsync("watched", wait: null, ct); // also after a kill in the middle of a freeze
        if (state != "following")
        {
            await ToAsync("following", ct);
        }

        while (await rows.FollowAsync(tables.ToDictionary(t => t.Name), ct))
        {
            if (await rows.WaitingAsync(ct) < NearNotes)
            {
                break;
            }
        }

        var final = await ends.FinalAsync(ct);
        if (!await EventsAsync(final, ct))
        {
            return null;
        }

        if (await ends.FinalAsync(ct) - final > NearEvents && await ends.MissingAsync(looked, ct) > NearEvents)
        {
            return null; // again at once
        }

        foreach (var shard in new[] { move.Source, move.Target })
        {
            if (await parts.Views.TroubleAsync(parts.Shards.Named(shard), ct) is { } trouble)
            {
                throw new MoveFault(trouble);
            }
        }

        var problem = await FreezeAsync(ct);
        if (problem is not null)
        {
            await NoteAsync("UPDATE bsp.moves SET error = $2 WHERE id = $1", ct, Cut(problem));
            return BetweenFreezes;
        }

        return null;
    }

    // Null: it is switched. Whatever goes wrong before, or takes too long, and it is as it was.
    private async Task<string?> FreezeAsync(CancellationToken ct)
    {
        await NoteAsync("UPDATE bsp.moves SET freezes = freezes + 1 WHERE id = $1", ct);
        var (began, left) = (Stopwatch.GetTimestamp(), parts.FreezeMax);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        over.CancelAfter(left);
        try
        {
            await ends.StateAsync("closing", parts.FreezeMax / 3, over.Token);
            await ToAsync("frozen", over.Token);
            for (var last = -1L; ;)
            {
                var now = await ends.LastAsync(looked, over.Token);
                if (now == last)
                {
                    break;
                }

                last = now;
                if (last > 0 && !await parts.Views.ReachAsync(parts.Shards.Named(move.Source), last, parts.FreezeMax, over.Token))
                {
                    return await UnfrozenAsync("The views of the source are too far behind at this moment.");
                }
            }

            await ends.StateAsync("frozen", parts.FreezeMax / 3, over.Token);
            await EventsAsync(Math.Max(looked, await ends.LastAsync(looked, over.Token)), over.Token);
            while (await rows.FollowAsync(tables.ToDictionary(t => t.Name), over.Token))
            {
            }

            var (place, counts) = (await log.PlaceAsync(over.Token), await ends.ProveAsync(tables, over.Token));
            await ToAsync("proven", over.Token);
            await SwitchAsync(place, counts, (int)Stopwatch.GetElapsedTime(began).TotalMilliseconds, over.Token);
            return null;
        }
        catch (Exception failed) when (failed is not MoveFault && !ct.IsCancellationRequested)
        {
            return await UnfrozenAsync(failed is OperationCanceledException
                ? $"It would have taken longer than {parts.FreezeMax.TotalMilliseconds} ms." : $"It was given up: {failed.Message}");
        }
        catch (MoveFault)
        {
            await UnfrozenAsync("");
            throw;
        }
    }

    // Asks the directory what it has decided before anything is thawed: its answer may have been lost.
    private async Task<string?> UnfrozenAsync(string why)
    {
        if (await parts.StateAsync(move.Id, CancellationToken.None) == "switched")
        {
            state = "switched";
            return null;
        }

        await ends.StateAsync("watched", wait: null, CancellationToken.None);
        await ToAsync("following", CancellationToken.None);
        return why;
    }

    private async Task SwitchAsync(MoveLog.Place place, IReadOnlyDictionary<string, long> counts, int refused, CancellationToken ct)
    {
        var switched = await parts.Moves.RowsAsync($"""
            WITH asked AS (SELECT a.id FROM bsp.moves a WHERE a.id = $1 AND NOT a.cancel FOR UPDATE),
            home AS (
              UPDATE bsp.directory_organizations o SET shard = $2, epoch = o.epoch + 1 FROM asked
               WHERE o.organization_id = $3 AND o.shard = $4 AND o.epoch = $5 RETURNING o.organization_id)
            UPDATE bsp.moves m SET state = 'switched', switched_at = $6, changed_at = $6, hash = $7, checks = $8::jsonb, refused_ms = $9,
                   error = NULL
              FROM home, LATERAL (SELECT pg_notify('{HomeNews.Channel}', home.organization_id::text)) told
             WHERE m.id = $1 RETURNING m.id
            """, r => r.GetGuid(0), ct, move.Id, move.Target, organization, move.Source, move.Epoch, parts.Now, place.Hash,
            JsonSerializer.Serialize(counts), refused);
        if (switched.Count == 0)
        {
            throw new MoveFault("The directory has another home for it than when the move was asked for: cancel the move.");
        }

        state = "switched";
        parts.Shards.Forget(organization);
    }

    // Forward only. The source refuses, the target does not take anything yet: what tells background work what to do goes over now.
    private async Task OpenAsync(CancellationToken ct)
    {
        await ends.StateAsync("gone", wait: null, ct);
        foreach (var table in tables.Where(t => t.Time == MoveTime.Late))
        {
            await rows.CopyAsync(table, ct);
        }

        await ends.LateRowsAsync(ct);
        await parts.HandOverAsync(move, source, ct);
        await ends.OpenAsync(ct);
        await NoteAsync("""
            UPDATE bsp.moves SET refused_ms = refused_ms + greatest(0, (extract(epoch FROM $2::timestamptz - switched_at) * 1000)::int)
             WHERE id = $1
            """, ct, parts.Now);
        await ToAsync("living", ct);
        await parts.Moves.RowsAsync($"SELECT pg_notify('{HomeNews.Channel}', $1)", _ => 0, ct, organization.ToString());
    }

    // Rows at once: they are proven to lie at the target, and background work would go on finding them. The log stays for a while.
    private async Task<TimeSpan?> ClearAsync(CancellationToken ct)
    {
        if (!await parts.LivesElsewhereAsync(move, ct))
        {
            throw new MoveFault("It lives at the former shard again: nothing of it is cleared away there.");
        }

        await ends.ClearRowsAsync(tables, ct);
        await MoveTriggers.DropAsync(target, organization, "in", ct);
        var since = move.SwitchedAt ?? parts.Now;
        if (parts.Now - since < parts.KeepLog)
        {
            return parts.KeepLog - (parts.Now - since);
        }

        await ends.DropLogAsync(ct);
        await MoveTriggers.DropAsync(source, organization, "out", ct);
        await ToAsync("dropped", ct);
        return null;
    }

    private async Task<bool> CancelledAsync(CancellationToken ct) =>
        (await parts.Moves.RowsAsync("SELECT cancel FROM bsp.moves WHERE id = $1", r => r.GetBoolean(0), ct, move.Id)) is [true];

    private async Task ToAsync(string next, CancellationToken ct)
    {
        await NoteAsync("UPDATE bsp.moves SET state = $2, changed_at = $3, error = NULL WHERE id = $1", ct, next, parts.Now);
        state = next;
    }

    private Task NoteAsync(string sql, CancellationToken ct, params object?[] arguments) =>
        parts.Moves.RowsAsync(sql, _ => 0, ct, [move.Id, .. arguments]);

    internal static string Cut(string text) => Domain.Common.Text.Cut(text, 500)!;
}
