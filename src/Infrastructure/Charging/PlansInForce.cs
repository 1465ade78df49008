using Bsp.Domain.Charging;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Bsp.Infrastructure.Subscriptions;

namespace Bsp.Infrastructure.Charging;

/// <inheritdoc cref="IPlans"/>
/// <param name="desk">Carries out what is due; null: somebody else sees to that.</param>
public sealed class PlansInForce(SubscriptionDesk? desk = null) : IPlans
{
    // Of a page's deliveries all at once: the lines of the subscription's terms that touch them.
    private const string Sql = """
        SELECT t.subscription_id, t.period, t.from_at, t.until_at, t.currency, t.per_message_price, t.included_messages FROM bsp.subscription_terms t
         WHERE t.organization_id = $1 AND t.from_at <= $3 AND t.until_at > $2 ORDER BY t.from_at
        """;

    private sealed record Line(DateTimeOffset From, DateTimeOffset Until, string Currency, PlanTerms Terms);

    public async Task CarryOutAsync(TenantTransaction tx, Shard shard, Guid organizationId, IReadOnlyCollection<DateTimeOffset> moments,
        CancellationToken ct)
    {
        if (desk is null || moments.Count == 0 || (await tx.QueryAsync(
            "SELECT 1 FROM bsp.subscription_clock WHERE organization_id = $1 AND due_at <= $2", r => r.GetInt32(0), ct, organizationId,
            moments.Max().UtcDateTime)).Count == 0)
        {
            return;
        }

        try
        {
            await desk.CarriedOutAsync(shard, organizationId, ct);
        }
        catch (Exception bad) when (!ct.IsCancellationRequested && !StoreTrouble.Is(bad))
        {
            // A step that cannot be taken is the clock's to tell (it does, in its log and in /health/ready) and stops no charges: these go
            // by the terms that stand.
        }
    }

    public async Task<IReadOnlyDictionary<DateTimeOffset, PlanTerms>> AtAsync(TenantTransaction tx, Guid organizationId, string currency,
        IReadOnlyCollection<DateTimeOffset> moments, CancellationToken ct)
    {
        if (moments.Count == 0)
        {
            return new Dictionary<DateTimeOffset, PlanTerms>();
        }

        var lines = await tx.QueryAsync(Sql, r =>
            new Line(r.GetFieldValue<DateTimeOffset>(2), r.GetFieldValue<DateTimeOffset>(3), r.GetString(4),
                new($"{r.GetGuid(0)}:{r.GetInt32(1)}", r.GetInt32(6), r.GetDecimal(5))),
            ct, organizationId, moments.Min().UtcDateTime, moments.Max().AddSeconds(1).UtcDateTime);
        return moments.Distinct().Select(at => (At: at, Line: lines.LastOrDefault(l => Second(l.From) <= at)))
            .Where(m => m.Line is not null && m.Line.Until > m.At)
            .ToDictionary(m => m.At, m => m.Line!.Currency == currency ? m.Line.Terms : m.Line.Terms with { PerMessage = 0 });
    }

    // Meta tells deliveries in whole seconds: what was sent in the moment after a plan began would else lie before it.
    private static DateTimeOffset Second(DateTimeOffset at) => at.AddTicks(-(at.Ticks % TimeSpan.TicksPerSecond));
}
