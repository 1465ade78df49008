using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using MediatR;

namespace Bsp.Application.Ledger;

/// <summary>
/// The platform corrects a wallet by hand: a credit, or a debit that never overdraws. It stands in category <c>refund</c>, its metadata
/// says <c>kind=adjustment</c>.
/// </summary>
/// <param name="Amount">Negative: a debit.</param>
/// <param name="Reference">Of the ticket or memo that it rests on; a repeat answers the same movement.</param>
/// <returns>The movement's id.</returns>
/// <exception cref="RefusedFields"><c>request.amount</c>, <c>request.currency</c>, <c>request.reference</c>,
/// <c>request.description</c></exception>
/// <exception cref="Refusal"><c>wallet.insufficient</c>, <c>wallet.reference_taken</c>, <c>wallet.limit</c></exception>
public sealed record AdjustWallet(Guid OrganizationId, string? Amount, string? Currency, string? Reference, string? Description)
    : IRequest<Guid>;

public sealed class AdjustWalletHandler(IWallets wallets) : IRequestHandler<AdjustWallet, Guid>
{
    private static readonly Dictionary<string, string> Adjustment = new() { ["kind"] = "adjustment" };

    public async Task<Guid> Handle(AdjustWallet command, CancellationToken cancellationToken)
    {
        var (amount, currency, reference) = (WalletRules.SignedAmount(command.Amount), WalletRules.Currency(command.Currency),
            WalletRules.Reference(command.Reference));
        var (key, description) = (new ChargeKey(Uuid.Of($"adjustment/{reference}"), "adjustment"),
            WalletRules.Description(command.Description));
        Transfer posting = amount > 0
            ? new Credit(amount, EntryCategories.Refund, key, reference, description, Adjustment)
            : new Debit(-amount, EntryCategories.Refund, key, reference, description, Adjustment);
        var outcome = await wallets.PostAsync(command.OrganizationId, currency, posting, "wallet.adjusted", cancellationToken);
        return await WalletRules.SettleAsync(outcome, wallets, command.OrganizationId, currency,
            known => known.Amount == Math.Abs(amount) && known.Type == (amount > 0 ? EntryTypes.Credit : EntryTypes.Debit)
                && known.Currency == currency, cancellationToken);
    }
}
