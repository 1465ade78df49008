using Bsp.Domain.Common;

namespace Bsp.Domain.Charging;

/// <summary>The price of one message of a market and category, for a range of its number in the month.</summary>
/// <param name="Market">A market, or <c>*</c>: every market that the card does not name with this category.</param>
/// <param name="TierFrom">From this message of the calendar month (UTC) on, counted for each organization; 1: from the first.</param>
/// <param name="TierTo">Up to this one; null: without end.</param>
/// <param name="UnitPrice">Of one message, six decimals, 0 or more.</param>
/// <param name="MarkupRate">Share added to it: 0.125 is 12.5 %.</param>
/// <param name="MarkupFixed">Amount added after that.</param>
public sealed record Rate(string Market, string Category, long TierFrom, long? TierTo, decimal UnitPrice, decimal MarkupRate,
    decimal MarkupFixed)
{
    /// <summary>What one message costs: rounded once, so that sums are exact.</summary>
    public decimal Unit => Money.Unit(UnitPrice, MarkupRate, MarkupFixed);
}

/// <summary>What a category and a pricing type of Meta's mean for the charge.</summary>
/// <param name="PricingType">Meta's <c>pricing.type</c> (or <c>pricing.subtype</c>).</param>
/// <param name="Charges">True: one unit; false: nothing.</param>
/// <param name="MonthlyAllowance">So many a month are free by Meta; used for estimates and where evidence is missing, never counted again
/// where it is there. Null: none.</param>
/// <param name="AssumedWhenMissing">
/// Of the category: the type that is assumed without evidence; <c>by_window</c>: free inside the customer-service window;
/// <c>by_allowance</c>: free within the allowance. Null: another line says it.
/// </param>
public sealed record ChargeRule(string Category, string PricingType, bool Charges, long? MonthlyAllowance = null,
    string? AssumedWhenMissing = null);

/// <summary>A price list from a moment on, with its rules. Never edited: a correction is another card from a later moment on.</summary>
public sealed class RateCard(string code, string currency, DateTimeOffset from, IReadOnlyList<Rate> allRates,
    IReadOnlyList<ChargeRule> allRules)
{
    /// <summary>Market of a rate that holds for all others.</summary>
    public const string AnyMarket = "*";

    private readonly ILookup<(string Market, string Category), Rate> rates = allRates.OrderBy(r => r.TierFrom)
        .ToLookup(r => (r.Market, r.Category));

    private readonly Dictionary<(string Category, string Type), ChargeRule> rules = allRules.ToDictionary(r => (r.Category, r.PricingType));

    /// <summary>Its name, unique.</summary>
    public string Code => code;

    /// <summary>ISO 4217.</summary>
    public string Currency => currency;

    /// <summary>In force from this moment on, until a later card of the same currency.</summary>
    public DateTimeOffset From => from;

    public IReadOnlyList<Rate> Rates => allRates;

    public IReadOnlyList<ChargeRule> Rules => allRules;

    /// <summary>
    /// The rates of a market and category, by tier; the card's fallback when it does not name the market. Empty: it has none.
    /// </summary>
    public IEnumerable<Rate> Of(string market, string category) =>
        rates[(market, category)] is var own && own.Any() ? own : rates[(AnyMarket, category)];

    /// <summary>The rate of the <paramref name="number"/>th message of the month; null: the card has none.</summary>
    public Rate? Of(string market, string category, long number) =>
        Of(market, category).FirstOrDefault(r => r.TierFrom <= number && !(r.TierTo < number));

    /// <summary>The rule; null: the card does not know the category or the type.</summary>
    public ChargeRule? Rule(string category, string type) => rules.GetValueOrDefault((category, type));

    /// <summary>What is assumed of a message without evidence, and the allowance that goes with it; null: the rules do not say.</summary>
    public ChargeRule? Assumption(string category) =>
        Rules.FirstOrDefault(r => r.Category == category && r.AssumedWhenMissing is { Length: > 0 });
}

/// <summary>Everything that prices depend on, as stored at one moment.</summary>
/// <param name="Version">Grows with every import.</param>
public sealed record Tariff(long Version, Markets Markets, IReadOnlyList<RateCard> Cards)
{
    /// <summary>The card of a currency that is in force at a moment; null: none yet.</summary>
    public RateCard? At(string currency, DateTimeOffset at) => Cards.Where(c => c.Currency == currency && c.From <= at).MaxBy(c => c.From);

    /// <summary>
    /// That card, then, when it says nothing of what is asked, those that came into force later, in their order: the first that does
    /// decides.
    /// </summary>
    public IEnumerable<RateCard> From(string currency, DateTimeOffset at)
    {
        var first = At(currency, at);
        return Cards.Where(c => c.Currency == currency && (c == first || c.From > at)).OrderBy(c => c.From);
    }
}
