using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Charging;

/// <summary>
/// The process manager that charges for messages: what follows for the wallets from a page of the log is one transaction with its
/// checkpoint, so each delivered message is charged once, whatever is
/// killed when. An event that cannot be taken stops the charging of its organization, and of no other: <see cref="ChargingCatchUp"/> goes
/// on with it later, from there. Decision: docs/decisions/0231.
/// </summary>
public sealed partial class ChargingReactor(BillingOptions options, Charger charger, Wallets wallets, TimeProvider clock,
    ILogger<ChargingReactor> log) : PostgresProjection
{
    private const string Savepoint = "bsp_charging";
    private const int ReasonMax = 500;

    public override string Name => ViewNames.Charging;

    /// <summary>
    /// None while billing is off: it only keeps up with the log, so that billing turned on begins with what happens then.
    /// </summary>
    public override IReadOnlyCollection<string>? EventTypes { get; } = options.Mode == BillingMode.Off ? [] : [.. Charger.Types];

    // About 500 of them are deliveries. The append, which holds back the readers of the shard, comes last. Decision: docs/decisions/0268.
    public override int PageEventsMax => 1_000;

    // What is delivered within half a second is one transaction, one event and one row of the wallet; whoever is alone waits for none.
    public override TimeSpan GatherFor => TimeSpan.FromMilliseconds(500);

    /// <summary>It decides itself whom a body that cannot be read stops.</summary>
    public override bool TakesUnreadable => true;

    protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var known = await wallets.OfAsync(tx, page.Organizations, ct);
        foreach (var of in page.Events.GroupBy(e => e.OrganizationId).OrderBy(g => g.Key))
        {
            if (known.GetValueOrDefault(of.Key) is { } wallet && await LockAsync(tx, of.Key, ct) is null)
            {
                await TakeAsync(tx, page.Shard, of.Key, wallet, [.. of.Where(e => e.Timestamp >= wallet.Since)], ct);
            }
        }
    }

    /// <summary>Locks the organization's row. Null: it goes on; else the place after which nothing of it is charged.</summary>
    internal static async Task<long?> LockAsync(TenantTransaction tx, Guid organizationId, CancellationToken ct) =>
        (await tx.QueryAsync("""
            INSERT INTO bsp.charging AS c (organization_id, pages) VALUES ($1, 1) ON CONFLICT (organization_id) DO UPDATE SET pages = c.pages + 1 RETURNING stopped_after
            """, r => r.IsDBNull(0) ? (long?)null : r.GetInt64(0), ct, organizationId))[0];

    private async Task TakeAsync(TenantTransaction tx, Shard shard, Guid organizationId, Wallet wallet, IReadOnlyList<StoredEvent> events,
        CancellationToken ct)
    {
        if (events.Count == 0)
        {
            return;
        }

        await tx.ExecuteAsync($"SAVEPOINT {Savepoint}", ct);
        try
        {
            await charger.TakeAsync(tx, shard, organizationId, wallet.Currency, events, ct);
            await tx.ExecuteAsync($"RELEASE SAVEPOINT {Savepoint}", ct);
        }
        catch (Exception bad) when (!ct.IsCancellationRequested && !StoreTrouble.Is(bad))
        {
            await tx.ExecuteAsync($"ROLLBACK TO SAVEPOINT {Savepoint}", ct);
            LogStopped(organizationId, events[0].Sequence, bad);
            await StopAsync(tx, organizationId, events[0].Sequence - 1, bad.Message, clock.GetUtcNow(), ct);
        }
    }

    /// <summary>Nothing of the organization is charged after this place until somebody could.</summary>
    internal static Task StopAsync(TenantTransaction tx, Guid organizationId, long after, string reason, DateTimeOffset now,
        CancellationToken ct) => tx.ExecuteAsync("""
        UPDATE bsp.charging SET stopped_after = $2, stop_reason = $3, stopped_at = coalesce(stopped_at, $4), attempts = attempts + 1,
          retry_at = $4 + least(interval '15 minutes', interval '5 seconds' * power(2, least(attempts, 10))) WHERE organization_id = $1
        """, ct, organizationId, after, Domain.Common.Text.Cut(reason, ReasonMax), now.UtcDateTime);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "charging of organization {OrganizationId} has stopped before event {Sequence}; it is tried again by itself")]
    private partial void LogStopped(Guid organizationId, long sequence, Exception error);
}
