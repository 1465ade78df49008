using System.Globalization;
using Bsp.Domain.Ledger;

namespace Bsp.Infrastructure.Statements;

/// <summary>Entries that a statement shows as one line: of one recorded day, by what they were for.</summary>
/// <param name="Part">Of the month's chain, 2^<see cref="PartBits"/> entries each.</param>
internal sealed record StatementGroup(Guid OrganizationId, string Currency, DateOnly Day, int Part, string Kind, string Category,
    string Market, string AccountId, string EffectiveMonth)
{
    /// <summary>As in 0270_statement_parts.sql.</summary>
    public const int PartBits = 15;

    /// <summary>The group of an entry that moves the balance.</summary>
    public static StatementGroup Of(LedgerEntry entry)
    {
        var kind = KindOf(entry);
        var messages = entry.Category == EntryCategories.Message;
        return new(entry.OrganizationId, entry.Currency, DateOnly.FromDateTime(entry.CreatedAt.UtcDateTime),
            (int)((entry.Sequence - 1) >> PartBits), kind, messages
            ? Named(entry, "pricing_category") ?? Named(entry, "category") ?? "" : "",
            Named(entry, "market") ?? "", Named(entry, "account_id") ?? "", LedgerTime.Month(EffectiveAt(entry)));
    }

    /// <summary>When it happened; without word of it when it was recorded.</summary>
    public static DateTimeOffset EffectiveAt(LedgerEntry entry) =>
        Named(entry, "effective_at") is { } text && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at) ? at : entry.CreatedAt;

    private static string KindOf(LedgerEntry entry) => (entry.Type, entry.Category) switch
    {
        _ when Named(entry, "kind") == "adjustment" => "adjustment",
        (EntryTypes.Refund, EntryCategories.Refund) => "topup_refund",
        (EntryTypes.Refund, _) => "refund",
        (EntryTypes.Credit, EntryCategories.Topup) => "topup",
        (EntryTypes.Debit, EntryCategories.Message) => "usage",
        (_, EntryCategories.Subscription) => "subscription",
        _ => "adjustment",
    };

    private static string? Named(LedgerEntry entry, string key) => entry.Metadata.GetValueOrDefault(key) is { Length: > 0 } value ? value
        : null;
}
