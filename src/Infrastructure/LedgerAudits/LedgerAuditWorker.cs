using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Ledger;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.LedgerAudits.Shown;
using Bsp.Infrastructure.Sealing;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>
/// Carries out the audits that were asked for over HTTP, one at a time in this process. After each month what was found stands in the
/// audit's row; a killed worker's audit is taken up by the next one,
/// after the lease, behind the last whole month, and one that fails time and again is shown as failed, with the reason.
/// </summary>
public sealed partial class LedgerAuditWorker(Shards shards, AuditSignal signal, LogSigner signer, ShownCosts? costs,
    TimeProvider clock, ILogger<LedgerAuditWorker> log) : LeasedWorker(shards, signal)
{
    internal const int LeaseSeconds = 30;
    internal const int AttemptsMax = 5;
    private static readonly TimeSpan BeatEvery = TimeSpan.FromSeconds(3);
    private readonly Guid owner = Guid.NewGuid();

    protected override async Task<bool> TakeAsync(Shard shard, CancellationToken ct)
    {
        if (await LeaseAsync(shard, ct) is not { } lease)
        {
            return false;
        }

        await CarryAsync(shard, lease, ct);
        return true;
    }

    private async Task<Lease?> LeaseAsync(Shard shard, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT organization_id, id, attempts FROM bsp.lease_ledger_audit($1, $2)");
        command.Parameters.Add(new() { Value = owner });
        command.Parameters.Add(new() { Value = LeaseSeconds });
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? new(reader.GetGuid(0), reader.GetGuid(1), reader.GetInt32(2)) : null;
    }

    private async Task CarryAsync(Shard shard, Lease lease, CancellationToken ct)
    {
        if (lease.Attempts > AttemptsMax)
        {
            await FailAsync(shard, lease,
                $"It was begun {AttemptsMax} times and ended each time before it was done: see this process's log.", ct);
            return;
        }

        try
        {
            var report = await Task.Run(() => AuditAsync(shard, lease, ct), ct);
            await DoneAsync(shard, lease, report, ct);
            LogDone(lease.Id, lease.OrganizationId, report.Entries, report.FirstFault?.Code ?? "nothing");
        }
        catch (LeaseLost)
        {
            LogLeaseLost(lease.Id);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            LogFailed(e, lease.Id); // the lease ends, and the next worker takes it up
            Loop.Failed(e);
        }
    }

    private async Task<LedgerAuditReport> AuditAsync(Shard shard, Lease lease, CancellationToken ct)
    {
        Work.Is(WorkKind.Bulk);
        var (from, to, done) =
            await shard.FirstAsync(lease.OrganizationId, "SELECT from_month, to_month, done::text FROM bsp.ledger_audits WHERE id = $1",
            r => (r.TextOrNull(0), r.TextOrNull(1), r.TextOrNull(2)), ct, lease.Id);
        var beaten = clock.GetTimestamp();
        var audit = new LedgerAudit(shard, lease.OrganizationId, from, to, workers: 1, clock)
        {
            Progressed = async entries =>
            {
                if (clock.GetElapsedTime(beaten) > BeatEvery)
                {
                    beaten = clock.GetTimestamp();
                    await BeatAsync(shard, lease, entries, null, ct);
                }
            },
            Signer = signer,
            Costs = costs,
            MonthDone = place => BeatAsync(shard, lease, place.Entries, place, ct),
        };
        return await audit.RunAsync(done is null ? null : JsonSerializer.Deserialize<AuditPlace>(done), ct);
    }

    // Of another pool than the audit's, which may be small.
    private async Task BeatAsync(Shard shard, Lease lease, long entries, AuditPlace? place, CancellationToken ct)
    {
        Work.Is(WorkKind.Background);
        await using var transaction = await shard.BeginAsync(lease.OrganizationId, ct);
        var held = await transaction.ExecuteAsync("""
            UPDATE bsp.ledger_audits SET entries = $3, months = coalesce($4, months), done = coalesce($5::text::jsonb, done),
              leased_until = now() + make_interval(secs => $6)
             WHERE id = $1 AND leased_by = $2 AND status = 'running'
            """, ct, lease.Id, owner, entries, Parameter.Of(place?.Months),
                Parameter.Of(place is null ? null : JsonSerializer.Serialize(place)), LeaseSeconds);
        await transaction.CommitAsync(ct);
        if (held == 0)
        {
            throw new LeaseLost();
        }
    }

    private async Task DoneAsync(Shard shard, Lease lease, LedgerAuditReport report, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(lease.OrganizationId, ct);
        await transaction.ExecuteAsync("""
            UPDATE bsp.ledger_audits SET status = $3, entries = $4, months = $5, first_fault = $6::text::jsonb, checks = $7::text::jsonb,
              done = NULL, completed_at = now(), leased_by = NULL,
                   leased_until = NULL WHERE id = $1 AND leased_by = $2 AND status = 'running'
            """, ct, lease.Id, owner, report.Passed ? "passed" : "failed", report.Entries, report.Months,
            Parameter.Of(report.FirstFault is null ? null : JsonSerializer.Serialize(report.FirstFault)),
                JsonSerializer.Serialize(report.Checks));
        await transaction.CommitAsync(ct);
    }

    private async Task FailAsync(Shard shard, Lease lease, string reason, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(lease.OrganizationId, ct);
        await transaction.ExecuteAsync(
            "UPDATE bsp.ledger_audits SET status = 'failed', error = $3, completed_at = now(), leased_by = NULL, leased_until = NULL "
            + "WHERE id = $1 AND leased_by = $2", ct,
            lease.Id, owner, reason);
        await transaction.CommitAsync(ct);
        LogGivenUp(lease.Id, lease.OrganizationId);
    }

    private sealed record Lease(Guid OrganizationId, Guid Id, int Attempts);

    private sealed class LeaseLost : Exception;

    [LoggerMessage(Level = LogLevel.Information, Message =
        "audit {AuditId} of organization {OrganizationId}: {Entries} entries, {Found} wrong")]
    private partial void LogDone(Guid auditId, Guid organizationId, long entries, string found);

    [LoggerMessage(Level = LogLevel.Warning, Message = "audit {AuditId}: another worker has taken it over")]
    private partial void LogLeaseLost(Guid auditId);

    [LoggerMessage(Level = LogLevel.Error, Message = "audit {AuditId} failed; it is taken up again when its lease is over")]
    private partial void LogFailed(Exception exception, Guid auditId);

    [LoggerMessage(Level = LogLevel.Error, Message = "audit {AuditId} of organization {OrganizationId} is given up")]
    private partial void LogGivenUp(Guid auditId, Guid organizationId);

    [LoggerMessage(Level = LogLevel.Error, Message = "audits of shard {Shard} cannot be looked up")]
    protected override partial void LogLookFailed(Exception e, string shard);
}
