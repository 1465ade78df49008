using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// Carries open erasures to their end. Each step may be done again, so a killed worker's erasure is taken up after its lease by the next
/// one, from the first step.
/// </summary>
public sealed partial class ErasureWorker(Shards shards, Erasure erasure, ErasureSignal signal, TimeProvider clock,
    ILogger<ErasureWorker> log) : LeasedWorker(shards, signal)
{
    private const int LeaseSeconds = 60;
    private static readonly TimeSpan FailedPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BehindPause = TimeSpan.FromMilliseconds(300);

    // One that fails again and again is tried ever more rarely: 5 s, 10 s, … 10 minutes; so is its log.
    private static readonly TimeSpan FailedPauseMax = TimeSpan.FromMinutes(10);
    private const int DoublingsMax = 7;

    protected override async Task<bool> TakeAsync(Shard shard, CancellationToken ct)
    {
        if (await LeaseAsync(shard, ct) is not { } open)
        {
            return false;
        }

        await CarryAsync(shard, open.OrganizationId, open.ContactId, ct);
        return true;
    }

    private static async Task<(Guid OrganizationId, Guid ContactId)?> LeaseAsync(Shard shard, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT organization_id, contact_id FROM bsp.lease_erasure($1)");
        command.Parameters.Add(new() { Value = LeaseSeconds });
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? (reader.GetGuid(0), reader.GetGuid(1)) : null;
    }

    private async Task CarryAsync(Shard shard, Guid organizationId, Guid contactId, CancellationToken ct)
    {
        using var _ = new CurrentRequest { CorrelationId = $"erasure {contactId}", Caller = "erasures" }.Enter();
        try
        {
            if (await erasure.CarryAsync(shard, organizationId, contactId, ct) is { } waitsFor)
            {
                await NoteAsync(shard, organizationId, contactId, $"Waiting: {waitsFor}.", BehindPause, failed: false, ct);
                await Task.Delay(BehindPause, clock, ct);
                return;
            }

            LogDone(contactId);
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            LogFailed(e, contactId);
            await NoteAsync(shard, organizationId, contactId, e is StoreUnavailable or PostgresException or Refusal ? e.Message
                : "A step failed; the log of this process says how.", FailedPause, failed: !StoreTrouble.Is(e), ct);
        }
    }

    private static async Task NoteAsync(Shard shard, Guid organizationId, Guid contactId, string? error, TimeSpan pause, bool failed,
        CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync(
            "UPDATE bsp.contact_erasures SET attempts = attempts + 1, error = $2, leased_until = now() + least($3 * power(2, least(attempts, $4)), $5) WHERE contact_id = $1", ct, contactId,
            ContactRows.Nullable(NpgsqlTypes.NpgsqlDbType.Text, error), pause, failed ? DoublingsMax : 0, FailedPauseMax);
        await transaction.CommitAsync(ct);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "erasure of contact {ContactId}: done")]
    private partial void LogDone(Guid contactId);

    [LoggerMessage(Level = LogLevel.Error, Message = "erasure of contact {ContactId}: a step failed; it will be tried again")]
    private partial void LogFailed(Exception exception, Guid contactId);

    [LoggerMessage(Level = LogLevel.Error, Message = "erasures of shard {Shard} cannot be looked up")]
    protected override partial void LogLookFailed(Exception e, string shard);
}
