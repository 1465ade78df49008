using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;

namespace Bsp.Application.Ledger;

/// <summary>What is asked of those who move money from outside, each fault with a code of its own.</summary>
public static class WalletRules
{
    public const int ReferenceMax = 200;
    public const int DescriptionMax = 1_000;

    /// <summary>More than zero, in plain digits.</summary>
    /// <exception cref="RefusedFields"><c>request.amount</c></exception>
    public static decimal Amount(string? text) => Money.TryParse(text, out var amount) ? amount : throw Fault("request.amount", "amount",
        "must be a decimal string of more than zero with at most twelve digits before the point and six behind it, such as \"12.340000\".");

    /// <summary>The same with a minus sign allowed.</summary>
    public static decimal SignedAmount(string? text) => Money.TryParseSigned(text, out var amount) && amount != 0 ? amount
        : throw Fault("request.amount", "amount",
        "must be a decimal string other than zero with at most twelve digits before the point and six behind it, such as \"-12.340000\".");

    /// <exception cref="RefusedFields"><c>request.currency</c></exception>
    public static string Currency(string? code) => code is not null && Currencies.All.Contains(code) ? code
        : throw Fault("request.currency", "currency", "must be a currency code of ISO 4217 in upper case, such as USD.");

    /// <summary>The payment provider's own id of it.</summary>
    /// <exception cref="RefusedFields"><c>request.reference</c></exception>
    public static string Reference(string? text, string field = "reference") =>
        !string.IsNullOrWhiteSpace(text) && text.Length <= ReferenceMax && Text.IsStorable(text) ? text
            : throw Fault("request.reference", field,
                $"must be 1–{ReferenceMax} characters: the payment provider's own id, by which a repeat is known.");

    /// <exception cref="RefusedFields"><c>request.description</c></exception>
    public static string? Description(string? text) => text is null || (text.Length <= DescriptionMax && Text.IsStorable(text)) ? text
        : throw Fault("request.description", "description", $"must be at most {DescriptionMax} characters.");

    /// <summary>Null, or a code of the list.</summary>
    public static string? CurrencyOrNull(string? code) => code is null ? null : Currency(code);

    /// <summary>The movement's id; what was not posted is refused, and the same reference for something else too.</summary>
    /// <param name="isSame">Whether the movement of then is what is asked for now.</param>
    public static async Task<Guid> SettleAsync(PostingOutcome outcome, IWallets wallets, Guid organizationId, string currency,
        Func<TransactionView, bool> isSame, CancellationToken ct) => outcome switch
    {
        Posted posted => posted.Entry.Id,
        Repeated { EntryId: { } earlier } => await wallets.FindAsync(organizationId, earlier, ct) is { } known && isSame(known) ? earlier
            : throw new Refusal("wallet.reference_taken",
                "There is another movement with this reference already: a reference belongs to one payment."),
        Insufficient { Missing: var missing } => throw new Refusal("wallet.insufficient",
            $"{Money.Text(missing)} {currency} are missing: no more can leave a wallet than is available."),
        Refused { Code: "charge.unknown" } => throw new Refusal("topup.unknown", "There is no such top-up in this wallet."),
        Refused refused => throw new Refusal(refused.Code, refused.Detail),
        _ => throw new Refusal("wallet.reference_taken", "There is something else with this reference already."),
    };

    private static RefusedFields Fault(string code, string field, string message) =>
        new(code, $"{field} {message}", new Dictionary<string, string[]> { [field] = [message] });
}
