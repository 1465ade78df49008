using System.Buffers.Text;

namespace Bsp.Infrastructure.LedgerAudits.Runs;

/// <summary><see cref="Domain.Ledger.EntryTypes"/> as a number.</summary>
internal enum EntryKind
{
    Unknown, Credit, Debit, Refund, Opening, Closing, HoldPlaced, HoldSettled, HoldReleased, HoldExpired,
}

/// <summary>What is calculated with of an entry. Amounts in millionths, times in microseconds since 2000.</summary>
internal struct EntryValues
{
    public EntryKind Kind { get; private set; }

    public Guid Id { get; private set; }

    public long Sequence { get; private set; }

    public long Amount { get; private set; }

    public long Balance { get; private set; }

    public long Held { get; private set; }

    public long CreatedAt { get; private set; }

    /// <summary>By how much the balance moves.</summary>
    public long Change { get; private set; }

    public readonly bool IsTransaction => Kind is EntryKind.Credit or EntryKind.Debit or EntryKind.Refund;

    /// <summary>False: something is not in the form that entries have.</summary>
    public bool Read(EntryBytes entry)
    {
        Kind = KindOf(entry[EntryField.Type]);
        var formed = TryId(entry[EntryField.Id], out var id) & TryNumber(entry[EntryField.Sequence], out var sequence)
            & Micros.TryMoney(entry[EntryField.Amount], out var amount) & Micros.TryMoney(entry[EntryField.BalanceAfter], out var balance)
            & Micros.TryMoney(entry[EntryField.HeldAfter], out var held) & Micros.TryTime(entry[EntryField.CreatedAt], out var createdAt);
        (Id, Sequence, Amount, Balance, Held, CreatedAt) = (id, sequence, amount, balance, held, createdAt);
        var category = entry[EntryField.Category];
        Change = Kind switch
        {
            EntryKind.Credit => amount,
            EntryKind.Debit => -amount,
            EntryKind.Refund => category.SequenceEqual("refund"u8) ? -amount : amount,
            _ => 0,
        };
        var named = category.SequenceEqual("message"u8) || category.SequenceEqual("subscription"u8) || category.SequenceEqual("topup"u8)
            || category.SequenceEqual("refund"u8);
        return formed && Kind != EntryKind.Unknown && amount >= 0 && held >= 0
            && (Kind is EntryKind.Opening or EntryKind.Closing ? amount == 0 && entry.IsNull(EntryField.Category) : named);
    }

    /// <summary>The stored name of the event that carries such an entry.</summary>
    public static ReadOnlySpan<byte> EventName(EntryKind kind) => kind switch
    {
        EntryKind.Credit => "ledger_credited"u8,
        EntryKind.Debit => "ledger_debited"u8,
        EntryKind.Refund => "ledger_refunded"u8,
        EntryKind.Opening => "ledger_opened"u8,
        EntryKind.Closing => "ledger_closed"u8,
        EntryKind.HoldPlaced => "hold_placed"u8,
        EntryKind.HoldSettled => "hold_settled"u8,
        EntryKind.HoldReleased => "hold_released"u8,
        EntryKind.HoldExpired => "hold_expired"u8,
        _ => [],
    };

    private static EntryKind KindOf(ReadOnlySpan<byte> type) =>
        type.SequenceEqual("debit"u8) ? EntryKind.Debit
        : type.SequenceEqual("credit"u8) ? EntryKind.Credit
        : type.SequenceEqual("refund"u8) ? EntryKind.Refund
        : type.SequenceEqual("opening"u8) ? EntryKind.Opening
        : type.SequenceEqual("closing"u8) ? EntryKind.Closing
        : type.SequenceEqual("hold_placed"u8) ? EntryKind.HoldPlaced
        : type.SequenceEqual("hold_settled"u8) ? EntryKind.HoldSettled
        : type.SequenceEqual("hold_released"u8) ? EntryKind.HoldReleased
        : type.SequenceEqual("hold_expired"u8) ? EntryKind.HoldExpired
        : EntryKind.Unknown;

    private static bool TryId(ReadOnlySpan<byte> text, out Guid id) => Utf8Parser.TryParse(text, out id, out var length, 'D')
        && length == text.Length && !text.ContainsAnyInRange((byte)'A', (byte)'F');

    private static bool TryNumber(ReadOnlySpan<byte> text, out long number) => Utf8Parser.TryParse(text, out number, out var length)
        && length == text.Length && number > 0 && text[0] != '0' && text[0] != '+';
}
