using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <summary>What sending would cost an organization, as far as it can be told before.</summary>
/// <param name="Cost">Of all, at the rates of now; enough, whoever of them is reached.</param>
/// <param name="UnitMax">The dearest of them.</param>
/// <param name="Included">So many of them are the plan's.</param>
/// <param name="Available">In the wallet: the balance less what is held and reserved.</param>
/// <param name="Priceless">Markets for which no card has a rate.</param>
public sealed record Price(string Currency, decimal Cost, decimal UnitMax, long Included, decimal Available,
    IReadOnlyList<string> Priceless)
{
    /// <summary>So much is missing in the wallet; 0: nothing is.</summary>
    public decimal Missing => Math.Max(0, Cost - Available);
}

/// <summary>Prices of what is about to be sent.</summary>
public sealed class MessagePrices(BillingOptions options, Wallets wallets, TariffSource tariffs, IPlans plans, TimeProvider clock)
{
    /// <summary>Null: the organization is not charged.</summary>
    /// <param name="sentAs">Category of the template, or <c>service</c>.</param>
    /// <param name="recipients">How many of each kind, as <see cref="Markets.Recipient"/> tells them.</param>
    /// <param name="beyond">So many of them will not be sent to, nobody knows which: the cheapest, to be on the safe side.</param>
    public async Task<Price?> OfAsync(TenantTransaction tx, Guid organizationId, Guid accountId, string sentAs,
        IReadOnlyDictionary<string, int> recipients, int beyond, CancellationToken ct)
    {
        if (options.Mode == BillingMode.Off
            || (await wallets.OfAsync(tx, [organizationId], ct)).GetValueOrDefault(organizationId) is not { } wallet)
        {
            return null;
        }

        var now = clock.GetUtcNow();
        var tariff = await tariffs.CurrentAsync(ct);
        var plan = (await plans.AtAsync(tx, organizationId, wallet.Currency, [now], ct)).GetValueOrDefault(now) ?? PlanTerms.None;
        var counters =
            await Counters.ReadAsync(tx, organizationId,
                [.. new[] { now.UtcDateTime.ToString("yyyy-MM", System.Globalization.CultureInfo.InvariantCulture),
                    plan.Period }.Where(p => p.Length > 0)], ct);
        var available =
            (await tx.QueryAsync("SELECT balance - held - reserved FROM bsp.ledger_heads WHERE organization_id = $1 AND currency = $2",
                r => r.GetDecimal(0), ct, organizationId, wallet.Currency)).FirstOrDefault();
        var promised = plan.Included == 0 ? 0
            : (await tx.QueryAsync(
                "SELECT coalesce(sum(included), 0)::bigint FROM bsp.campaign_holds WHERE organization_id = $1 AND state = 'open'", r =>
                    r.GetInt64(0), ct, organizationId))[0];
        var left = Math.Max(0, plan.Included - counters.Of(Rating.IncludedCounter(plan)) - promised);
        var (units, priceless) = Units(tariff, wallet.Currency, accountId, sentAs, recipients, plan, counters, now);
        var cheap = units.OrderBy(u => u.Price).ToList();
        Take(cheap, beyond, freeToo: true);
        var included = Take(cheap, left, freeToo: false);
        return new(wallet.Currency, cheap.Sum(u => u.Price * u.Count), cheap.Count == 0 ? 0
            : cheap.Max(u => u.Price), included, available, priceless);
    }

    private sealed record Some(decimal Price, long Count);

    // Priced without a plan's included messages: those are taken off at the end. Tiers by the counts of now.
    private static (List<Some> Units, List<string> Priceless) Units(Tariff tariff, string currency, Guid accountId, string sentAs,
        IReadOnlyDictionary<string, int> recipients, PlanTerms plan, Counters counters, DateTimeOffset now)
    {
        var units = new List<Some>();
        var priceless = new SortedSet<string>(StringComparer.Ordinal);
        var counted = new Dictionary<string, long>();
        long Count(string name) => counters.Of(name) + counted.GetValueOrDefault(name);
        foreach (var (recipient, count) in recipients.OrderBy(r => r.Key, StringComparer.Ordinal))
        {
            for (var left = (long)count; left > 0;)
            {
                var delivery = new Delivery(accountId, recipient.Length == 0 ? null : recipient, now, sentAs, null, null);
                var rated = Rating.Of(delivery, tariff, currency, plan with { Included = 0 }, Count);
                if (rated.Outcome == RatingOutcome.Pending)
                {
                    priceless.Add($"{rated.Market ?? "unknown"}/{rated.Category}");
                    break;
                }

                // As many as have the same price: up to the end of the tier or of the allowance.
                var same = Math.Max(1, Math.Min(left, Same(tariff, currency, now, rated, Count)));
                units.Add(new(rated.Amount, same));
                foreach (var name in rated.Counted)
                {
                    counted[name] = counted.GetValueOrDefault(name) + same;
                }

                left -= same;
            }
        }

        return (units, [.. priceless]);
    }

    private static long Same(Tariff tariff, string currency, DateTimeOffset now, Rated rated, Func<string, long> count)
    {
        if (tariff.At(currency, now) is not { } card || rated.Market is not { } market || rated.Category is not { } category)
        {
            return long.MaxValue;
        }

        var number = count(Rating.TierCounter(market, category, now)) + 1;
        var tier = card.Of(market, category, number)?.TierTo is { } end ? end - number + 1 : long.MaxValue;
        var allowance = rated.Counted.FirstOrDefault(c => c.StartsWith("allowance/", StringComparison.Ordinal));
        var free = allowance is null ? null
            : card.Rules.FirstOrDefault(r => r.Category == category && r.MonthlyAllowance is not null)?.MonthlyAllowance;
        return Math.Min(tier, free is { } all && count(allowance!) < all ? all - count(allowance!) : long.MaxValue);
    }

    // Takes so many of the cheapest off; how many it were.
    private static long Take(List<Some> cheapest, long count, bool freeToo)
    {
        var taken = 0L;
        for (var i = 0; i < cheapest.Count && count > 0; i++)
        {
            var some = cheapest[i].Price > 0 || freeToo ? Math.Min(count, cheapest[i].Count) : 0;
            cheapest[i] = cheapest[i] with { Count = cheapest[i].Count - some };
            (taken, count) = (taken + some, count - some);
        }

        cheapest.RemoveAll(s => s.Count == 0);
        return taken;
    }
}
