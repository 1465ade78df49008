using Bsp.Domain.Charging;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <inheritdoc cref="IPlans"/>
public sealed class PlansInForce : IPlans
{
    // Of a page's deliveries all at once: the lines of the subscription's terms that touch them.
    private const string Sql = """
        SELECT t.subscription_id, t.period, t.from_at, t.until_at, t.currency, t.per_message_price, t.included_messages FROM bsp.subscription_terms t
         WHERE t.organization_id = $1 AND t.from_at <= $3 AND t.until_at > $2 ORDER BY t.from_at
        """;

    private sealed record Line(DateTimeOffset From, DateTimeOffset Until, string Currency, PlanTerms Terms);

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
            ct, organizationId, moments.Min().UtcDateTime, moments.Max().UtcDateTime);
        return moments.Distinct().Select(at => (At: at, Line: lines.LastOrDefault(l => l.From <= at)))
            .Where(m => m.Line is not null && m.Line.Until > m.At)
            .ToDictionary(m => m.At, m => m.Line!.Currency == currency ? m.Line.Terms : m.Line.Terms with { PerMessage = 0 });
    }
}
