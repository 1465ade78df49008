using System.Text.Json.Serialization;
using Bsp.Domain.Common;

namespace Bsp.Domain.Ledger;

/// <summary>
/// What an entry of the ledger is. The first three are rows of the specification's <c>transactions</c>; the others are links of the chain
/// only.
/// </summary>
public static class EntryTypes
{
    public const string Credit = "credit";
    public const string Debit = "debit";

    /// <summary>
    /// Of a charge (category <c>message</c>, <c>subscription</c>): comes back into the wallet. Of a top-up (category <c>refund</c>): leaves
    /// it.
    /// </summary>
    public const string Refund = "refund";

    public const string Opening = "opening";
    public const string Closing = "closing";
    public const string HoldPlaced = "hold_placed";
    public const string HoldSettled = "hold_settled";
    public const string HoldReleased = "hold_released";
    public const string HoldExpired = "hold_expired";

    /// <summary>Every type.</summary>
    public static readonly IReadOnlyList<string> All = [Credit, Debit, Refund, Opening, Closing, HoldPlaced, HoldSettled, HoldReleased,
        HoldExpired];

    /// <summary>True for those that are rows of <c>transactions</c>.</summary>
    public static bool IsTransaction(string type) => type is Credit or Debit or Refund;
}

/// <summary>The specification's categories of a transaction.</summary>
public static class EntryCategories
{
    public const string Message = "message";
    public const string Subscription = "subscription";
    public const string Topup = "topup";
    public const string Refund = "refund";

    /// <summary>Every category.</summary>
    public static readonly IReadOnlyList<string> All = [Message, Subscription, Topup, Refund];
}

/// <summary>One link of a wallet's chain, as it is hashed (docs/ledger.md). Nothing of it is ever changed.</summary>
/// <param name="Month">Calendar month of <paramref name="CreatedAt"/>, UTC, <c>yyyy-mm</c>; the closing entry bears the month that it
/// closes.</param>
/// <param name="Sequence">Place in the month's chain, from 1 without gaps: the version in its stream.</param>
/// <param name="Id">UUIDv7 of <paramref name="CreatedAt"/>; ids of one wallet sort as its entries.</param>
/// <param name="Type">One of <see cref="EntryTypes"/>.</param>
/// <param name="Amount">Never negative; 0 for opening and closing, and for what came back of a hold that was used up.</param>
/// <param name="BalanceAfter">Of the wallet; negative when evidence overdrew it.</param>
/// <param name="HeldAfter">Sum of its open holds: <c>available</c> is the balance less this.</param>
/// <param name="Category">One of <see cref="EntryCategories"/>; null for opening and closing.</param>
/// <param name="ReferenceId">What it is about (<c>message/{id}</c>, the payment provider's reference, <c>campaign/{id}</c>); null for
/// opening and closing.</param>
/// <param name="CreatedAt">Recorded time, milliseconds, UTC; never before that of the entry before.</param>
/// <param name="Metadata">Flat; <c>effective_at</c> (delivery, due date), <c>hold</c> (what a debit was taken from), … No phone numbers, no
/// names.</param>
/// <param name="PreviousHash">64 lower-case hex digits: of the entry before; of an opening entry the closing one's of the month before, all
/// zeros for a wallet's first.</param>
/// <param name="Hash">SHA-256 over the previous hash's 32 bytes and the canonical bytes; 64 lower-case hex digits.</param>
public sealed record LedgerEntry(
    Guid OrganizationId,
    string Currency,
    string Month,
    long Sequence,
    Guid Id,
    string Type,
    [property: JsonConverter(typeof(MoneyJson))] decimal Amount,
    [property: JsonConverter(typeof(MoneyJson))] decimal BalanceAfter,
    [property: JsonConverter(typeof(MoneyJson))] decimal HeldAfter,
    string? Category,
    string? ReferenceId,
    string? Description,
    [property: JsonConverter(typeof(InstantJson))] DateTimeOffset CreatedAt,
    IReadOnlyDictionary<string, string> Metadata,
    string PreviousHash,
    string Hash)
{
    /// <summary>Of a wallet's first entry: 64 zeros.</summary>
    public static readonly string NoHash = new('0', 64);

    /// <summary>No metadata.</summary>
    public static readonly IReadOnlyDictionary<string, string> NoMetadata = new Dictionary<string, string>();

    /// <summary>By how much it moves the balance: the amount, its negative, or 0.</summary>
    [JsonIgnore]
    public decimal Change => Type switch
    {
        EntryTypes.Credit => Amount,
        EntryTypes.Debit => -Amount,
        EntryTypes.Refund => Category == EntryCategories.Refund ? -Amount : Amount,
        _ => 0m,
    };

    /// <summary>The same entry with the hash that its fields and its previous hash give.</summary>
    public LedgerEntry Hashed() => this with { Hash = LedgerCanonical.Hash(this) };

    /// <summary>The fact that carries it.</summary>
    /// <exception cref="InvalidOperationException">Its type is none of <see cref="EntryTypes"/>.</exception>
    public LedgerEvent ToEvent() => Type switch
    {
        EntryTypes.Credit => new LedgerCredited(this),
        EntryTypes.Debit => new LedgerDebited(this),
        EntryTypes.Refund => new LedgerRefunded(this),
        EntryTypes.Opening => new LedgerOpened(this),
        EntryTypes.Closing => new LedgerClosed(this),
        EntryTypes.HoldPlaced => new HoldPlaced(this),
        EntryTypes.HoldSettled => new HoldSettled(this),
        EntryTypes.HoldReleased => new HoldReleased(this),
        EntryTypes.HoldExpired => new HoldExpired(this),
        _ => throw new InvalidOperationException($"There is no event for an entry of type {Type}."),
    };
}
