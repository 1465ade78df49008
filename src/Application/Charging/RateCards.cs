using Bsp.Application.Common;
using MediatR;

namespace Bsp.Application.Charging;

/// <summary>Takes in a CSV file of rate cards, or of rules; all of it or nothing. <see cref="Done.Id"/> names what was taken in.</summary>
/// <exception cref="RefusedFields">Every bad line is named: <see cref="RateCardFile"/>.</exception>
/// <exception cref="Domain.Common.Refusal"><c>rate_card.exists</c>, <c>rate_card.moment_taken</c>, <c>rate_card.too_large</c></exception>
public sealed record ImportRateCards(Stream Csv) : ICommand
{
    // Rate cards belong to the platform, which is all zeros where an organization is named.
    public Guid OrganizationId => Guid.Empty;
}

/// <summary>A rate card as it is listed.</summary>
/// <param name="InForce">It decides what is delivered now.</param>
/// <param name="RulesOf">Code of the card whose rules hold for it: its own, or those of the card before it; null: the product's
/// own.</param>
public sealed record RateCardView(Guid Id, string Code, string Currency, DateTimeOffset EffectiveFrom, bool InForce, int Rates,
    string? RulesOf, DateTimeOffset CreatedAt);

/// <param name="Price">Of one message, the markup included.</param>
/// <param name="UnitPrice">Before the markup; null unless the platform asks.</param>
/// <param name="MarkupRate">As above.</param>
/// <param name="MarkupFixed">As above.</param>
public sealed record RateView(string Market, string Category, long TierFrom, long? TierTo, string Price, string? UnitPrice,
    string? MarkupRate, string? MarkupFixed);

/// <param name="Charge"><c>unit</c> or <c>none</c>.</param>
public sealed record RuleView(string Category, string PricingType, string Charge, long? MonthlyAllowance, string? AssumedWhenMissing);

/// <summary>A pair that a card has no price for.</summary>
public sealed record MissingRate(string Market, string Category);

/// <summary>A card with all it says.</summary>
/// <param name="Missing">Usual pairs that it has no price for: what is delivered so waits, and is shown.</param>
/// <param name="ByFallback">Usual pairs that have the price of <c>*</c>.</param>
public sealed record RateCardDetail(RateCardView Card, IReadOnlyList<RateView> Rates, IReadOnlyList<RuleView> Rules,
    IReadOnlyList<MissingRate> Missing, int ByFallback);

/// <summary>Cards in the order in which they were taken in.</summary>
/// <param name="ImportId">Only those of one import; null: all.</param>
public sealed record ListRateCards(int Limit, string? Cursor, Guid? ImportId = null) : IRequest<Page<RateCardView>>;

/// <summary>Null: there is none.</summary>
/// <param name="WithMarkup">The platform's own view.</param>
public sealed record GetRateCard(Guid Id, bool WithMarkup) : IRequest<RateCardDetail?>;
