using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Charging;

/// <summary>What became of the price of one delivered message (of a group: for one participant).</summary>
/// <param name="Participant">Whom of a group it reached, hashed; null: a message to one person.</param>
/// <param name="Outcome"><c>charged</c>, <c>free</c>, <c>included</c> or <c>pending</c>.</param>
/// <param name="Amount">0 unless charged.</param>
/// <param name="Evidence"><c>meta</c>; <c>assumed</c>: Meta has not said what it is priced as.</param>
/// <param name="Reason">Why free or pending: <c>market_unknown</c>, <c>category_unknown</c>, <c>type_unknown</c>, <c>no_card</c>,
/// <c>no_rate</c>; null when charged.</param>
/// <param name="Reference">Of the ledger's entry; null: there is none.</param>
public sealed record ChargeView(Guid MessageId, string? Participant, Guid AccountId, Guid? CampaignId, string Outcome, decimal Amount,
    string Currency, string? Market, string? Category, string? PricingType, string? Card,
    string Evidence, string? Reason, string? Reference, DateTimeOffset DeliveredAt, DateTimeOffset UpdatedAt);

/// <summary>In the order of the messages' ids.</summary>
/// <param name="Outcome"><c>pending</c>: those that wait for a price; null: all.</param>
/// <param name="MessageId">Of this message only; null: of all.</param>
public sealed record ListCharges(Guid OrganizationId, string? Outcome, Guid? MessageId, int Limit, string? Cursor)
    : IRequest<Page<ChargeView>>
{
    public bool NewestFirst { get; init; }
}

public sealed class ListChargesValidator : AbstractValidator<ListCharges>
{
    public ListChargesValidator() =>
        RuleFor(q => q.Outcome).Must(o => o is null or "pending").WithMessage("outcome can be pending, or left out for all.");
}
