using MediatR;

namespace Bsp.Application.Statements;

/// <summary>What one calendar month (UTC, by recorded time) of an organization's wallet came to.</summary>
/// <param name="Month"><c>yyyy-mm</c>.</param>
/// <param name="Currency">Null: the wallet's.</param>
/// <param name="AsOf">Only what was recorded up to then; null: everything.</param>
/// <exception cref="Domain.Common.Refusal"><c>statement.unknown</c>: no month, or one of which the wallet has no entry.</exception>
public sealed record GetStatement(Guid OrganizationId, string Month, string? Currency, DateTimeOffset? AsOf) : IRequest<Statement>;

/// <summary>A month of a wallet. <see cref="Opening"/> and the sum of all lines make <see cref="Closing"/>, to the last
/// millionth.</summary>
/// <param name="Status"><c>open</c>: entries may follow; <c>closed</c>: none will, late facts go to the month that is open then.</param>
/// <param name="RecordedFrom">Inclusive; with <paramref name="RecordedTo"/> (exclusive) the time in which its entries were
/// recorded.</param>
/// <param name="AsOf">The moment it speaks of; null: all that was recorded.</param>
/// <param name="Held">Reserved for messages under way, at the same moment as <paramref name="Closing"/>; no part of the sums.</param>
/// <param name="Totals">By kind of line.</param>
/// <param name="Lines">At most <see cref="LinesMax"/>; what would be more is summed up in a last line of its kind.</param>
/// <param name="Head">The chain's signed head at that moment: keep it, and nothing before it can be changed unseen.</param>
public sealed record Statement(Guid OrganizationId, string OrganizationName, string Currency, string Month, string Status,
    DateTimeOffset RecordedFrom, DateTimeOffset RecordedTo,
    DateTimeOffset? AsOf, decimal Opening, StatementTotals Totals, decimal Closing, decimal Held, IReadOnlyList<StatementLine> Lines,
        Ledger.SignedLedgerHead? Head)
{
    public const int LinesMax = 5_000;
}

/// <summary>Signed as they moved the balance: what was paid in is positive, what was used is negative.</summary>
/// <param name="Refunds">Charges given back, and top-ups returned to whoever paid them (negative).</param>
public sealed record StatementTotals(decimal TopUps, decimal Subscription, decimal Usage, decimal Refunds, decimal Adjustments);

/// <summary>Entries that are alike.</summary>
/// <param name="Kind"><c>topup</c>, <c>subscription</c>, <c>usage</c>, <c>refund</c> (a charge given back), <c>topup_refund</c> (returned
/// to the payer), <c>adjustment</c>.</param>
/// <param name="Category">Of messages: what Meta calls the pricing category; of others null.</param>
/// <param name="Market">Of the recipients; null: none.</param>
/// <param name="AccountId">The number that sent; null: none.</param>
/// <param name="Number">Its name and number as they are today; null: none, or it is gone.</param>
/// <param name="EffectiveMonth">When the facts happened, <c>yyyy-mm</c>. Another month than the statement's: they came to be known
/// late.</param>
/// <param name="Amount">Sum, signed as it moved the balance.</param>
/// <param name="Entries">Where the single entries are listed; each names its message, and that its webhook.</param>
public sealed record StatementLine(string Kind, string? Category, string? Market, Guid? AccountId, string? Number, string EffectiveMonth,
    bool Late, long Count, decimal Amount,
    DateTimeOffset FirstEffectiveAt, DateTimeOffset LastEffectiveAt, DateTimeOffset FirstRecordedAt, DateTimeOffset LastRecordedAt,
        string Entries);
