using Bsp.Domain.Common;

namespace Bsp.Domain.Ledger;

/// <summary>What a charge, a top-up or a refund is known by: an organization has each once, and the index decides who was first.</summary>
/// <param name="Reference">The thing's own id where it has one (a message's), else the UUIDv5 of its name.</param>
/// <param name="Kind">What of it: <c>message</c>, <c>subscription</c>, <c>topup</c>, <c>refund</c>, <c>adjustment</c>, …; lower-case
/// letters, digits, <c>_</c>, at most 32.</param>
public readonly record struct ChargeKey(Guid Reference, string Kind);

/// <summary>Something that a wallet is asked to take.</summary>
public abstract record Posting;

/// <summary>A posting that becomes a row of <c>transactions</c>.</summary>
/// <param name="Key">Once in an organization.</param>
/// <param name="ReferenceId">As it is shown and hashed, at most 255 characters; what people search by.</param>
/// <param name="Description">At most 1,000 characters; null: none.</param>
/// <param name="Metadata">At most 32 pairs; keys <c>[a-z0-9_]{1,64}</c>, values at most 512 characters. No phone numbers, no names.</param>
/// <param name="EffectiveAt">When it happened (delivery, due date), as <c>effective_at</c>; null: as it is recorded.</param>
public abstract record Transfer(ChargeKey Key, string ReferenceId, string? Description, IReadOnlyDictionary<string, string>? Metadata,
    DateTimeOffset? EffectiveAt) : Posting;

/// <summary>Money comes in.</summary>
/// <param name="Category">One of <see cref="EntryCategories"/>.</param>
public sealed record Credit(
    decimal Amount, string Category, ChargeKey Key, string ReferenceId, string? Description = null, IReadOnlyDictionary<string,
        string>? Metadata = null,
    DateTimeOffset? EffectiveAt = null) : Transfer(Key, ReferenceId, Description, Metadata, EffectiveAt);

/// <summary>Something is charged.</summary>
/// <param name="FromHold">The hold it was set aside in: as much as that still has is taken from it, the rest from the balance; ended or
/// unknown: all from the balance. Null: no hold.</param>
/// <param name="MayOverdraw">True for evidence (it was delivered, it must be paid); false for a command, which is then refused when what is
/// available is not enough.</param>
/// <param name="Evidence">JSON for <c>bsp.charges.evidence</c>: what decided. Null: nothing.</param>
public sealed record Debit(
    decimal Amount, string Category, ChargeKey Key, string ReferenceId, string? Description = null, IReadOnlyDictionary<string,
        string>? Metadata = null,
    string? FromHold = null, bool MayOverdraw = false, DateTimeOffset? EffectiveAt = null, string? Evidence = null)
        : Transfer(Key, ReferenceId, Description, Metadata, EffectiveAt);

/// <summary>
/// Gives back what one earlier transaction moved, at most what is left of it: a charge comes back into the wallet (in the charge's
/// category), a top-up leaves it (category <c>refund</c>).
/// </summary>
/// <param name="Of">The charge or top-up, of the same organization and currency.</param>
/// <param name="Amount">Null: all that is left.</param>
/// <param name="MayOverdraw">As for a debit; only returning a top-up can.</param>
public sealed record RefundOf(
    ChargeKey Of, decimal? Amount, ChargeKey Key, string ReferenceId, string? Description = null, IReadOnlyDictionary<string,
        string>? Metadata = null,
    bool MayOverdraw = false, DateTimeOffset? EffectiveAt = null) : Transfer(Key, ReferenceId, Description, Metadata, EffectiveAt);

/// <summary>Sets part of what is available aside. A command: it never overdraws.</summary>
/// <param name="Reference">Once in an organization, at most 255 characters: <c>campaign/{id}</c>.</param>
/// <param name="ExpiresAt">From then on the clock gives back what is left.</param>
public sealed record PlaceHold(string Reference, decimal Amount, DateTimeOffset ExpiresAt, string Category = EntryCategories.Message,
    IReadOnlyDictionary<string, string>? Metadata = null) : Posting;

/// <summary>What the hold was for is done: what is left comes back, and the hold has ended.</summary>
public sealed record SettleHold(string Reference) : Posting;

/// <summary>Part of a hold comes back, or all of it; without anything left it has ended.</summary>
/// <param name="Amount">At most what is left is given back. Null: all, and it has ended.</param>
public sealed record ReleaseHold(string Reference, decimal? Amount = null) : Posting;

/// <summary>The hold's time is over. Not before it is.</summary>
public sealed record ExpireHold(string Reference) : Posting;

/// <summary>What became of a posting.</summary>
public abstract record PostingOutcome;

/// <summary>It is the wallet's entry now.</summary>
public sealed record Posted(LedgerEntry Entry) : PostingOutcome;

/// <summary>There was one of this key already, or the hold had ended already: nothing was posted.</summary>
/// <param name="EntryId">The entry of then; null for holds and for charges without an entry.</param>
public sealed record Repeated(Guid? EntryId) : PostingOutcome;

/// <summary>The command would overdraw.</summary>
/// <param name="Missing">So much more must be available.</param>
public sealed record Insufficient(decimal Missing) : PostingOutcome;

/// <summary>It cannot be posted.</summary>
/// <param name="Code"><c>charge.unknown</c>, <c>refund.exceeds</c>, <c>hold.unknown</c>, <c>hold.not_due</c>, <c>wallet.limit</c></param>
/// <param name="Left">Of <c>refund.exceeds</c>: what is left of the charge.</param>
public sealed record Refused(string Code, string Detail, decimal Left = 0) : PostingOutcome;

/// <summary>A hold as its row says.</summary>
/// <param name="Left">Of <paramref name="Placed"/>; 0 when it has ended.</param>
/// <param name="State"><c>open</c>, <c>settled</c>, <c>released</c>, <c>expired</c></param>
public sealed record LedgerHold(string Reference, string Currency, string Category, decimal Placed, decimal Left, DateTimeOffset ExpiresAt,
    string State)
{
    /// <summary>True until it was settled, released or has expired.</summary>
    public bool IsOpen => State == "open";
}

/// <summary>A charge, a top-up or a refund as its row says.</summary>
/// <param name="State"><c>posted</c>; <c>pending</c> and <c>free</c> are those that have no entry. A pending one may still be
/// posted.</param>
/// <param name="Refunded">So much of the amount was given back.</param>
/// <param name="EntryId">Null without an entry.</param>
public sealed record LedgerCharge(ChargeKey Key, string Currency, string State, string Type, string? Category, decimal Amount,
    decimal Refunded, Guid? EntryId)
{
    /// <summary>What may still be given back.</summary>
    public decimal Left => Amount - Refunded;
}
