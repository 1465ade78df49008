using Bsp.Application.Common;
using Bsp.Application.Moves;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Moves;

/// <summary>
/// Carries out moves, one at a time in this process, under a lease that is renewed while it works: a killed process's is taken up by
/// another within some seconds, and an advisory lock of the target keeps two from working at one.
/// </summary>
internal sealed partial class MoveWorker(MoveParts parts, MoveSignal signal, TimeProvider clock, ILogger<MoveWorker> log)
    : BackgroundService
{
    private const int LockClass = 0x4D76_576B; // "MvWk"
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(5);

    private readonly Guid me = Guid.NewGuid();

    /// <summary>Takes one that is due, as far as it goes. False: there was none.</summary>
    public async Task<bool> WorkAsync(CancellationToken ct)
    {
        var now = parts.Now;
        var due = await parts.Moves.RowsAsync($"""
            UPDATE bsp.moves m SET leased_by = $1, leased_until = $2
             WHERE m.id = (SELECT d.id FROM bsp.moves d WHERE d.state NOT IN ('dropped', 'cancelled') AND d.due_at <= $3
                              AND (d.leased_until IS NULL OR d.leased_until < $3 OR d.leased_by = $1)
                            ORDER BY d.due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING {MovesTable.Columns}
            """, MovesTable.Row, ct, me, now + Lease, now);
        if (due is not [var move])
        {
            return false;
        }

        using var working = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var renewing = RenewAsync(move.Id, working);
        var (pause, error) = await TryAsync(move, working.Token);
        await working.CancelAsync();
        await renewing;
        ct.ThrowIfCancellationRequested();
        await parts.Moves.RowsAsync("""
            UPDATE bsp.moves SET leased_by = NULL, leased_until = NULL, due_at = $2, error = coalesce($3, error) WHERE id = $1 AND
              leased_by = $4
            """, _ => 0, ct, move.Id, parts.Now + (pause ?? TimeSpan.Zero),
            MovesTable.Nullable(NpgsqlTypes.NpgsqlDbType.Text, error), me);
        return true;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Bulk);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var any = await WorkAsync(stoppingToken);
                Loop.Worked();
                if (!any)
                {
                    await signal.WaitAsync(LookEvery, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
            catch (Exception away) when (!stoppingToken.IsCancellationRequested)
            {
                LogLook(away);
                Loop.Failed(away);
                await Task.Delay(LookEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task<(TimeSpan? Pause, string? Error)> TryAsync(MoveView move, CancellationToken ct)
    {
        try
        {
            await using var source = await MoveConnection.OpenAsync(parts.Options, move.OrganizationId, move.Source, ct);
            await using var target = await MoveConnection.OpenAsync(parts.Options, move.OrganizationId, move.Target, ct);
            // At both ends: another move of the same organization has one of them in common.
            foreach (var end in new[] { source, target })
            {
                if (!await end.OneAsync<bool>("SELECT pg_try_advisory_lock($1, hashtext($2))", ct, LockClass,
                    move.OrganizationId.ToString()))
                {
                    return (AfterFault, null);
                }
            }

            return await parts.FindAsync(move.Id, ct) is { } now
                ? (await new MoveRun(now, parts, source, target).RunAsync(ct), null) : (TimeSpan.Zero, null);
        }
        catch (MoveFault fault)
        {
            LogStands(move.OrganizationId, move.Source, move.Target, fault.Message);
            return (AfterFault, MoveRun.Cut(fault.Message));
        }
        catch (Exception failed) when (!ct.IsCancellationRequested)
        {
            LogFailed(failed, move.OrganizationId, move.Source, move.Target);
            return (AfterFault, MoveRun.Cut(failed is PostgresException refused
                ? $"PostgreSQL refuses: {refused.MessageText}" : failed.Message));
        }
        catch (OperationCanceledException)
        {
            return (TimeSpan.Zero, null);
        }
    }

    private async Task RenewAsync(Guid move, CancellationTokenSource working)
    {
        while (!working.IsCancellationRequested)
        {
            await Task.Delay(Lease / 4, clock, working.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (working.IsCancellationRequested)
            {
                return;
            }

            try
            {
                if ((await parts.Moves.RowsAsync("UPDATE bsp.moves SET leased_until = $3 WHERE id = $1 AND leased_by = $2 RETURNING id",
                    r => r.GetGuid(0), working.Token, move, me, parts.Now + Lease)).Count == 0)
                {
                    await working.CancelAsync(); // somebody else has it
                }
            }
            catch (Exception away) when (StoreTrouble.Is(away) || away is OperationCanceledException)
            {
                // the directory is away: the advisory lock at the target keeps it ours
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "move of {OrganizationId} from {Source} to {Target} does not go on: {Reason}")]
    private partial void LogStands(Guid organizationId, string source, string target, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "move of {OrganizationId} from {Source} to {Target} failed; it is taken up again")]
    private partial void LogFailed(Exception e, Guid organizationId, string source, string target);

    [LoggerMessage(Level = LogLevel.Warning, Message = "moves could not be looked for; trying again")]
    private partial void LogLook(Exception e);
}
