using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Charging;

/// <summary>
/// What charging left behind: bills that wait for a card are rated again when one has come; organizations whose charging stopped are tried
/// again from where it stopped, until they have reached the
/// process manager; reserves of sends that never came to be are given back. Any number of processes may run it: the organization's row is
/// locked.
/// </summary>
public sealed partial class ChargingCatchUp(Shards shards, BillingOptions options, TariffSource tariffs, Charger charger, Wallets wallets,
    IEventLog events, ChargingBoard board, TimeProvider clock, ILogger<ChargingCatchUp> log)
    : BackgroundService
{
    private const int OrganizationsMax = 50; // a round
    private const int PagesMax = 100;        // of one organization a round
    private const int PageEvents = 400;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (options.Mode != BillingMode.Off && !stoppingToken.IsCancellationRequested)
        {
            foreach (var shard in shards.All)
            {
                try
                {
                    await RoundAsync(shard, stoppingToken);
                    await board.LookAsync(shard, stoppingToken);
                    Loop.Worked(shard.Name);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    LogRound(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
            }

            await Task.Delay(Every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One look at everything that is left behind on a shard.</summary>
    internal async Task RoundAsync(Shard shard, CancellationToken ct)
    {
        var behind = new List<(Guid Organization, bool Stopped)>();
        await using (var command = shard.App.CreateCommand("SELECT organization_id, stopped FROM bsp.charging_behind($1, $2, $3)"))
        {
            command.Parameters.Add(new() { Value = await tariffs.VersionAsync(ct) });
            command.Parameters.Add(new() { Value = clock.GetUtcNow().UtcDateTime });
            command.Parameters.Add(new() { Value = OrganizationsMax });
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                behind.Add((reader.GetGuid(0), reader.GetBoolean(1)));
            }
        }

        foreach (var (organization, stopped) in behind)
        {
            var more = true;
            for (var page = 0; more && page < PagesMax; page++)
            {
                more = stopped ? await GoOnAsync(shard, organization, ct) : await RetryAsync(shard, organization, ct);
            }
        }

        await DirectReserves.SweepAsync(shard, clock.GetUtcNow(), ct);
    }

    private async Task<bool> RetryAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(organizationId, ct);
        await ChargingReactor.LockAsync(tx, organizationId, ct);
        var more = await charger.RetryAsync(tx, shard, organizationId, ct);
        await tx.CommitAsync(ct);
        return more;
    }

    // One page of what was left out. At the process manager's place it is over: that place cannot move meanwhile, because its row is
    // locked.
    private async Task<bool> GoOnAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(organizationId, ct);
        var reached =
            (await tx.QueryAsync("SELECT sequence FROM bsp.projections WHERE name = $1 FOR SHARE", r =>
                r.GetInt64(0), ct, ViewNames.Charging))[0];
        if (await ChargingReactor.LockAsync(tx, organizationId, ct) is not { } after
            || (await wallets.OfAsync(tx, [organizationId], ct)).GetValueOrDefault(organizationId) is not { } wallet)
        {
            return false;
        }

        var slice = await events.ReadAsync(organizationId, new(Types: [.. Charger.Types]), new(shard.Epoch, after), PageEvents, ct);
        var taken = slice.Events.Where(e => e.Sequence <= reached).ToList();
        try
        {
            await tx.ExecuteAsync("SAVEPOINT bsp_charging", ct);
            await charger.TakeAsync(tx, shard, organizationId, wallet.Currency, [.. taken.Where(e => e.Timestamp >= wallet.Since)], ct);
        }
        catch (Exception bad) when (!ct.IsCancellationRequested && !StoreTrouble.Is(bad))
        {
            LogStillStopped(organizationId, after, bad);
            await tx.ExecuteAsync("ROLLBACK TO SAVEPOINT bsp_charging", ct);
            await ChargingReactor.StopAsync(tx, organizationId, after, bad.Message, clock.GetUtcNow(), ct);
            await tx.CommitAsync(ct);
            return false;
        }

        var upTo = Math.Min(reached, slice.UpTo.Sequence);
        var over = upTo >= reached;
        await tx.ExecuteAsync("""
            UPDATE bsp.charging SET stopped_after = $2, stopped_at = CASE WHEN $3 THEN NULL ELSE stopped_at END, stop_reason = CASE WHEN $3 THEN NULL ELSE stop_reason END, attempts = 0 WHERE organization_id = $1
            """, ct, organizationId, new Npgsql.NpgsqlParameter { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bigint, Value = over ? DBNull.Value : upTo }, over);
        await tx.CommitAsync(ct);
        return !over;
    }

    [LoggerMessage(Level = LogLevel.Error,
        Message = "charging: what was left behind on {Shard} could not be looked at; trying again in a moment")]
    private partial void LogRound(Exception error, string shard);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "charging of organization {OrganizationId} still cannot go on after {Sequence}; tried again later")]
    private partial void LogStillStopped(Guid organizationId, long sequence, Exception error);
}
