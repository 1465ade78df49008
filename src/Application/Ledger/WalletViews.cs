using Bsp.Application.Common;
using Bsp.Domain.Ledger;
using MediatR;

namespace Bsp.Application.Ledger;

/// <summary>One movement of a wallet: a row of <c>transactions</c>.</summary>
/// <param name="Type"><c>credit</c>, <c>debit</c> or <c>refund</c>.</param>
/// <param name="Amount">More than zero; whether it came or went is in type and category.</param>
/// <param name="BalanceAfter">Negative when evidence overdrew the wallet.</param>
/// <param name="Category"><c>message</c>, <c>subscription</c>, <c>topup</c> or <c>refund</c> (of a top-up: it left the wallet).</param>
/// <param name="CreatedAt">Recorded time; when it happened is <c>metadata.effective_at</c>.</param>
/// <param name="Hash">Of the entry in the month's chain, 64 hex digits; see docs/ledger.md.</param>
/// <param name="Sequence">Place in the month's chain, from 1.</param>
public sealed record TransactionView(
    Guid Id, Guid OrganizationId, string Type, decimal Amount, decimal BalanceAfter, string Currency, string Category, string? ReferenceId,
        string? Description,
    IReadOnlyDictionary<string, string> Metadata, DateTimeOffset CreatedAt, string Hash, string PreviousHash, long Sequence);

/// <summary>What there is.</summary>
/// <param name="Held">Set aside for campaigns that are under way.</param>
/// <param name="Available">The balance less what is held, and less what single sends on their way have reserved: what a command may
/// spend.</param>
/// <param name="AsOf">The moment that was asked for; now when none was.</param>
/// <param name="Position">Of the last entry counted, as <c>Bsp-Position</c>.</param>
public sealed record WalletView(string Currency, decimal Balance, decimal Held, decimal Available, DateTimeOffset AsOf, string Position);

/// <summary>The wallet now, or as it was.</summary>
/// <param name="Currency">Null: the organization's first wallet; without any, USD with nothing in it.</param>
/// <param name="AsOf">Recorded time, included; null: now.</param>
public sealed record GetWallet(Guid OrganizationId, string? Currency, DateTimeOffset? AsOf) : IRequest<WalletView>;

/// <summary>One movement.</summary>
/// <exception cref="Domain.Common.Refusal"><c>transaction.unknown</c></exception>
public sealed record GetTransaction(Guid OrganizationId, Guid Id) : IRequest<TransactionView>;

/// <summary>What a line of a statement sums up; of each, null: whatever it is, empty: the entry names none.</summary>
/// <param name="Kind">One of <see cref="Kinds"/>.</param>
/// <param name="PricingCategory">Of messages, Meta's word.</param>
/// <param name="Market">Of the recipient.</param>
/// <param name="AccountId">The number that sent.</param>
/// <param name="EffectiveMonth">When it happened, <c>yyyy-mm</c>.</param>
public sealed record LineFilter(string? Kind, string? PricingCategory, string? Market, string? AccountId, string? EffectiveMonth)
{
    /// <summary>Kinds of lines.</summary>
    public static readonly IReadOnlyList<string> Kinds = ["topup", "subscription", "usage", "refund", "topup_refund", "adjustment"];

    /// <summary>Nothing is asked.</summary>
    public bool IsEmpty => this is { Kind: null, PricingCategory: null, Market: null, AccountId: null, EffectiveMonth: null };
}

/// <summary>Movements in the order of their recording.</summary>
/// <param name="From">Recorded at or after; null: from the first.</param>
/// <param name="To">Recorded before; null: to the last.</param>
/// <param name="Line">
/// Keeps those of a statement's line. Of a page <see cref="LookedAtMax"/> movements are looked at, so it may be shorter than its limit, or
/// empty, and have a next one all the same.
/// </param>
public sealed record ListTransactions(
    Guid OrganizationId, string? Type, string? Category, string? ReferenceId, string? Currency, DateTimeOffset? From, DateTimeOffset? To,
        LineFilter Line, int Limit, string? Cursor)
    : IRequest<Page<TransactionView>>
{
    public const int LookedAtMax = 50_000;

    public bool NewestFirst { get; init; }
}

/// <summary>Every link of a wallet's chain, in its order: openings, closings and holds too.</summary>
/// <param name="Currency">As of <see cref="GetWallet"/>.</param>
/// <param name="After">An entry's id; null: from the wallet's first entry.</param>
/// <param name="Limit">1–1,000.</param>
/// <exception cref="RefusedFields"><c>request.after</c>: there is no such entry in this wallet</exception>
/// <exception cref="Domain.Common.Refusal"><c>ledger.unreadable</c>: what is stored is no entry</exception>
public sealed record ListLedgerEntries(Guid OrganizationId, string? Currency, Guid? After, int Limit)
    : IRequest<IReadOnlyList<LedgerEntry>>;
