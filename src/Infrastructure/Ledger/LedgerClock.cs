using Bsp.Application.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Ledger;

/// <summary>
/// What nobody's posting does: months of idle wallets are closed, holds expire, and <c>transactions</c> gets its next months. However many
/// processes run it, each thing is done once: the head
/// row decides. One wallet that cannot be dealt with keeps none of the others waiting.
/// </summary>
public sealed partial class LedgerClock(Shards shards, LedgerWriter writer, LedgerMonths months, TimeProvider clock,
    ILogger<LedgerClock> log) : BackgroundService
{
    /// <summary>Pause between two rounds.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(15);

    private const int PageMax = 200;
    private const int LoggedMax = 10;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Background);
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var shard in shards.All)
            {
                try
                {
                    await RoundAsync(shard, stoppingToken);
                    Loop.Worked(shard.Name);
                }
                catch (Exception error) when (!stoppingToken.IsCancellationRequested)
                {
                    LogFailed(error, shard.Name);
                    Loop.Failed(error, shard.Name);
                }
            }

            await Task.Delay(Every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One round over one shard.</summary>
    /// <exception cref="AggregateException">Some wallets could not be dealt with; all others were.</exception>
    public async Task RoundAsync(Shard shard, CancellationToken ct)
    {
        await months.MakeAheadAsync(shard, clock.GetUtcNow(), ct);
        var faults = new List<Exception>();
        await ExpireAsync(shard, faults, ct);
        await CloseAsync(shard, faults, ct);
        if (faults.Count > 0)
        {
            throw new AggregateException(faults);
        }
    }

    private async Task ExpireAsync(Shard shard, List<Exception> faults, CancellationToken ct)
    {
        var (now, after) = (clock.GetUtcNow(), (At: DateTimeOffset.UnixEpoch, Organization: Guid.Empty, Reference: ""));
        while (true)
        {
            var due = await shard.QueryAsync(Guid.Empty,
                "SELECT organization_id, currency, reference, expires_at FROM bsp.ledger_due_holds($1, $2, $3, $4, $5)",
                row => (Organization: row.GetGuid(0), Currency: row.GetString(1), Reference: row.GetString(2),
                    At: row.GetFieldValue<DateTimeOffset>(3)), ct,
                now.UtcDateTime, after.At.UtcDateTime, after.Organization, after.Reference, PageMax);
            foreach (var wallet in due.GroupBy(hold => (hold.Organization, hold.Currency)))
            {
                await EachAsync(shard, wallet.Key.Organization, faults, tx => writer.PostAsync(
                    tx, shard, wallet.Key.Organization, wallet.Key.Currency, [.. wallet.Select(hold => new ExpireHold(hold.Reference))],
                        ct), ct);
            }

            if (due.Count < PageMax)
            {
                return;
            }

            after = (due[^1].At, due[^1].Organization, due[^1].Reference);
        }
    }

    private async Task CloseAsync(Shard shard, List<Exception> faults, CancellationToken ct)
    {
        var (month, after) = (LedgerTime.Month(clock.GetUtcNow()), (Month: "", Organization: Guid.Empty, Currency: ""));
        while (true)
        {
            var idle = await shard.QueryAsync(Guid.Empty,
                "SELECT organization_id, currency, month FROM bsp.ledger_idle($1, $2, $3, $4, $5)",
                row => (Organization: row.GetGuid(0), Currency: row.GetString(1), Month: row.GetString(2)), ct, month, after.Month,
                    after.Organization, after.Currency, PageMax);
            foreach (var wallet in idle)
            {
                await EachAsync(shard, wallet.Organization, faults, tx =>
                    writer.CloseAsync(tx, shard, wallet.Organization, wallet.Currency, ct), ct);
            }

            if (idle.Count < PageMax)
            {
                return;
            }

            after = (idle[^1].Month, idle[^1].Organization, idle[^1].Currency);
        }
    }

    private async Task EachAsync(Shard shard, Guid organizationId, List<Exception> faults, Func<TenantTransaction, Task> work,
        CancellationToken ct)
    {
        try
        {
            await using var tx = await shard.BeginAsync(organizationId, ct);
            await work(tx);
            await tx.CommitAsync(ct);
        }
        catch (Exception error) when (!ct.IsCancellationRequested)
        {
            if (faults.Count < LoggedMax)
            {
                faults.Add(new InvalidOperationException(
                    $"The wallet of organization {organizationId} could not be dealt with: {error.Message}", error));
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "shard {Shard}: wallets could not be looked after; trying again soon")]
    private partial void LogFailed(Exception error, string shard);
}
