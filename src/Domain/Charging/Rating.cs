using Bsp.Domain.Common;

namespace Bsp.Domain.Charging;

/// <summary>What became of a delivered message's price.</summary>
public enum RatingOutcome
{
    /// <summary>It costs <see cref="Rated.Amount"/>.</summary>
    Charged,

    /// <summary>The rules say that it costs nothing.</summary>
    Free,

    /// <summary>It is one of the messages that the organization's plan includes.</summary>
    Included,

    /// <summary>It cannot be told yet what it costs: shown and alarmed, and rated again when a card comes.</summary>
    Pending,
}

/// <summary>Meta's <c>pricing</c> object of one status.</summary>
/// <param name="Subtype">Meta's word beside the type, <c>paid_exempt</c>; null: none.</param>
/// <param name="At">Timestamp of the status by Meta's clock.</param>
/// <param name="Rung">Of the status: 1 sent, 2 delivered, 3 read; decides between equal timestamps.</param>
public sealed record PricingEvidence(string? Category, string? Type, string? Subtype, bool? Billable, DateTimeOffset At, int Rung)
{
    /// <summary>The one with the newest timestamp; of equal ones read before delivered before sent. Null: there is none.</summary>
    public static PricingEvidence? Newest(IEnumerable<PricingEvidence?> all) => all.Where(e => e is not null).MaxBy(e => (e!.At, e.Rung));

    /// <summary>Whether this one decides when the other was known before.</summary>
    public bool Overrules(DateTimeOffset at, int rung) => (At, Rung).CompareTo((at, rung)) > 0;
}

/// <summary>A message that reached somebody, as far as its price depends on it.</summary>
/// <param name="AccountId">The number that sent it: allowances are counted for each.</param>
/// <param name="Recipient">As <see cref="Markets.Recipient"/> gives it; null: not known.</param>
/// <param name="DeliveredAt">Decides which rates hold.</param>
/// <param name="SentAs">Category by our own template (<c>marketing</c>, …), or <c>service</c>: what is assumed without evidence.</param>
/// <param name="InWindow">Whether the customer-service window was open; null: not known.</param>
/// <param name="Evidence">Null: Meta has said nothing about its price yet.</param>
public sealed record Delivery(Guid AccountId, string? Recipient, DateTimeOffset DeliveredAt, string SentAs, bool? InWindow,
    PricingEvidence? Evidence);

/// <summary>What the organization's plan says at the moment of delivery.</summary>
/// <param name="Period">Names the period in which included messages are counted.</param>
/// <param name="Included">Messages that cost nothing in the period.</param>
/// <param name="PerMessage">The plan's own price of each further message, beside the card's.</param>
public sealed record PlanTerms(string Period, long Included, decimal PerMessage)
{
    /// <summary>No plan: nothing is included, nothing is added.</summary>
    public static readonly PlanTerms None = new("", 0, 0);
}

/// <summary>What a message costs and why.</summary>
/// <param name="Amount">0 unless charged.</param>
/// <param name="Assumed">Without evidence of Meta's, by the rules; corrected when it comes.</param>
/// <param name="Reason">Why free, or why pending (<c>market_unknown</c>, <c>category_unknown</c>, <c>type_unknown</c>, <c>no_card</c>,
/// <c>no_rate</c>, <c>no_rule</c>); null when charged.</param>
/// <param name="Counted">Counters that go up by one with it.</param>
public sealed record Rated(RatingOutcome Outcome, decimal Amount, string? Market, string? Category, string? Type, string? Card,
    bool Assumed, string? Reason, IReadOnlyList<string> Counted)
{
    /// <summary>Whether it comes to the same for the ledger.</summary>
    public bool SameCharge(RatingOutcome outcome, decimal amount, string? category, string? type) =>
        (Outcome, Amount, Category, Type) == (outcome, amount, category, type);
}

/// <summary>What a delivered message costs: pure, by the tariff valid at its delivery, the plan and the counts so far.</summary>
public static class Rating
{
    /// <summary>Category of free-form messages.</summary>
    public const string Service = "service";

    private const string Regular = "regular";
    private const string FreeService = "free_customer_service";
    private const string ByWindow = "by_window";
    private const string ByAllowance = "by_allowance";

    /// <param name="count">A counter as it stands, by its name.</param>
    /// <param name="included">It was one of the plan's included messages before: no second place is taken for it.</param>
    public static Rated Of(Delivery delivery, Tariff tariff, string currency, PlanTerms plan, Func<string, long> count,
        bool included = false)
    {
        var market = tariff.Markets.Of(delivery.Recipient, delivery.DeliveredAt);
        Rated? first = null;
        foreach (var card in tariff.From(currency, delivery.DeliveredAt))
        {
            var rated = ByCard(delivery, market, card, plan, count, included);
            if (rated.Outcome != RatingOutcome.Pending)
            {
                return rated;
            }

            first ??= rated;
        }

        return first
            ?? Pending(market, delivery.Evidence?.Category
                ?? delivery.SentAs, delivery.Evidence?.Type, null, delivery.Evidence is null, "no_card");
    }

    /// <summary>Meta's word for a category without what tells groups apart, which have the prices of the same category.</summary>
    public static string Category(string word) => word.StartsWith("group_", StringComparison.Ordinal) ? word["group_".Length..] : word;

    /// <summary>The name of the counter of a tier, of an allowance, of a plan's included messages.</summary>
    public static string TierCounter(string market, string category, DateTimeOffset at) => $"tier/{market}/{category}/{Month(at)}";

    /// <inheritdoc cref="TierCounter"/>
    public static string AllowanceCounter(string category, Guid accountId, DateTimeOffset at) =>
        $"allowance/{category}/{accountId}/{Month(at)}";

    /// <inheritdoc cref="TierCounter"/>
    public static string IncludedCounter(PlanTerms plan) => $"included/{plan.Period}";

    private static Rated ByCard(Delivery delivery, string? market, RateCard card, PlanTerms plan, Func<string, long> count, bool included)
    {
        var evidence = delivery.Evidence;
        var category = Category(evidence?.Category ?? delivery.SentAs);
        var assumption = evidence is null ? card.Assumption(category) : null;
        if (evidence is null && assumption is null)
        {
            return Pending(market, category, null, card, true, "category_unknown");
        }

        var allowance = card.Rules.FirstOrDefault(r => r.Category == category && r.MonthlyAllowance is not null);
        var type = evidence is null ? Assume(assumption!, allowance, delivery, count) : Type(evidence, card, category);
        if (type is null || card.Rule(category, type) is not { } rule)
        {
            return Pending(market, category, type ?? evidence?.Type, card, evidence is null, card.Rules.Any(r => r.Category == category)
                ? "type_unknown" : "category_unknown");
        }

        string[] allowed = allowance is not null && type is Regular or FreeService
            ? [AllowanceCounter(category, delivery.AccountId, delivery.DeliveredAt)] : [];
        return !rule.Charges
            ? new(RatingOutcome.Free, 0, market, category, type, card.Code, evidence is null, type, allowed)
            : Charge(delivery, market, category, type, card, plan, count, included, allowed);
    }

    private static Rated Charge(Delivery delivery, string? market, string category, string type, RateCard card, PlanTerms plan,
        Func<string, long> count, bool included, string[] allowed)
    {
        var assumed = delivery.Evidence is null;
        if (included || (plan.Included > 0 && count(IncludedCounter(plan)) < plan.Included))
        {
            return new(RatingOutcome.Included, 0, market, category, type, card.Code, assumed, null, included ? allowed
                : [IncludedCounter(plan), .. allowed]);
        }

        if (market is null)
        {
            return Pending(market, category, type, card, assumed, "market_unknown");
        }

        var tier = TierCounter(market, category, delivery.DeliveredAt);
        return card.Of(market, category, count(tier) + 1) is not { } rate
            ? Pending(market, category, type, card, assumed, "no_rate")
            : rate.Unit + plan.PerMessage is var amount && amount > 0
                ? new(RatingOutcome.Charged, amount, market, category, type, card.Code, assumed, null, [tier, .. allowed])
                : new(RatingOutcome.Free, 0, market, category, type, card.Code, assumed, "price_is_zero", [tier, .. allowed]);
    }

    // What Meta says. A subtype that the rules know (an exemption) goes before the type; before types there was only "billable".
    private static string? Type(PricingEvidence evidence, RateCard card, string category)
    {
        if (evidence.Subtype is { } subtype && card.Rule(category, subtype) is not null)
        {
            return subtype;
        }

        return evidence.Type is { } type ? type.Replace("free_group_", "free_", StringComparison.Ordinal) : evidence.Billable == true
            ? Regular : null;
    }

    private static string? Assume(ChargeRule assumption, ChargeRule? allowance, Delivery delivery, Func<string, long> count) =>
        assumption.AssumedWhenMissing switch
    {
        ByWindow => delivery.InWindow == true ? FreeService : Regular,
        ByAllowance => allowance is { MonthlyAllowance: { } free }
        && count(AllowanceCounter(assumption.Category, delivery.AccountId, delivery.DeliveredAt)) < free ? FreeService : Regular,
        var type => type,
    };

    private static Rated Pending(string? market, string? category, string? type, RateCard? card, bool assumed, string reason) =>
        new(RatingOutcome.Pending, 0, market, category, type, card?.Code, assumed, reason, []);

    private static string Month(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM", System.Globalization.CultureInfo.InvariantCulture);
}
