using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Bsp.Infrastructure.Webhooks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Accounts;

/// <summary>
/// Asks Meta again about numbers in doubt: those of before proofs were asked for, and those for which a webhook named another WABA.
/// Confirmed, what waited is carried out; denied, the claim lapses;
/// not to be found out, it is tried again. Also carries out what was noted in the very moment of a proof.
/// </summary>
public sealed partial class NumberProofs(Shards shards, NumberClaims claims, NumberDirectory directory, IMeta meta,
    ILogger<NumberProofs> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);
    private const int AtOnceMax = 50;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RoundAsync(stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogFailed(e);
            }

            await directory.DoubtsAsync(Every, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One round over the directory.</summary>
    public async Task RoundAsync(CancellationToken ct)
    {
        foreach (var (phoneNumberId, holder, proven) in await OpenAsync(ct))
        {
            try
            {
                await CheckAsync(phoneNumberId, holder, proven, ct);
            }
            catch (Exception e) when (e is MetaRefused or Refusal or StoreUnavailable || StoreTrouble.Is(e))
            {
                LogOpen(phoneNumberId, e.Message);
            }
        }

        foreach (var phoneNumberId in await WaitedForAsync(ct))
        {
            await claims.ReleaseAsync(phoneNumberId, ct);
        }
    }

    private async Task CheckAsync(string phoneNumberId, NumberHolder holder, bool proven, CancellationToken ct)
    {
        if (await claims.AccountAsync(holder.OrganizationId, holder.AccountId, ct) is not { } account || account.Status != "CONNECTED"
            || account.Number.PhoneNumberId != phoneNumberId)
        {
            await claims.LapseAsync(phoneNumberId, holder, ct); // given up, or never connected: nobody's
            return;
        }

        try
        {
            var facts = await meta.ProveAsync(account.Number, ct);
            await claims.ConfirmAsync(phoneNumberId, holder, NumberClaims.Digits(facts, phoneNumberId), ct);
        }
        catch (MetaRefused refused) when (refused.Denied)
        {
            LogLapsed(phoneNumberId, holder.OrganizationId, proven, refused.Message);
            await claims.LapseAsync(phoneNumberId, holder, ct);
        }
    }

    // Taken by time, not by a lock: Meta is asked while no transaction is open.
    private async Task<List<(string PhoneNumberId, NumberHolder Holder, bool Proven)>> OpenAsync(CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand("""
            UPDATE bsp.directory_numbers SET checked_at = now() WHERE phone_number_id IN (
              SELECT phone_number_id FROM bsp.directory_numbers WHERE (proven_at IS NULL OR doubted_at IS NOT NULL)
                 AND (checked_at IS NULL OR checked_at < now() - interval '10 s' OR checked_at < doubted_at) ORDER BY checked_at NULLS FIRST LIMIT $1 FOR UPDATE SKIP LOCKED)
            RETURNING phone_number_id, organization_id, account_id, proven_at IS NOT NULL
            """);
        command.Parameters.Add(new() { Value = AtOnceMax });
        var open = new List<(string, NumberHolder, bool)>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            open.Add((reader.GetString(0), new(reader.GetGuid(1), reader.GetGuid(2)), reader.GetBoolean(3)));
        }

        return open;
    }

    private async Task<List<string>> WaitedForAsync(CancellationToken ct)
    {
        await using var command =
            shards.Directory.CreateCommand("SELECT bsp.numbers_waited_for($1) UNION SELECT bsp.numbers_doubted_again($1)");
        command.Parameters.Add(new() { Value = AtOnceMax });
        var waited = new List<string>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            waited.Add(reader.GetString(0));
        }

        return waited;
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "number {PhoneNumberId}: whether it is still its holder's could not be found out ({Reason}); asked again")]
    private partial void LogOpen(string phoneNumberId, string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "number {PhoneNumberId} is no longer routed to {OrganizationId} (proven before: {Proven}): {Reason}")]
    private partial void LogLapsed(string phoneNumberId, Guid organizationId, bool proven, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "numbers in doubt could not be looked at; trying again")]
    private partial void LogFailed(Exception e);
}
