using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using MediatR;

namespace Bsp.Application.Ledger;

/// <summary>
/// Money of one top-up was given back outside and leaves the wallet: never more than is left of that top-up, nor than is available.
/// </summary>
/// <param name="Currency">Null: the top-up's.</param>
/// <param name="Of">The top-up: the payment provider's reference of it, or the transaction's id.</param>
/// <returns>The movement's id.</returns>
/// <exception cref="RefusedFields"><c>request.amount</c>, <c>request.currency</c>, <c>request.reference</c>,
/// <c>request.description</c></exception>
/// <exception cref="Refusal">
/// <c>topup.unknown</c>, <c>refund.exceeds</c>, <c>wallet.currency_mismatch</c>, <c>wallet.insufficient</c>, <c>wallet.reference_taken</c>
/// </exception>
public sealed record ReturnTopUp(Guid OrganizationId, string? Amount, string? Currency, string? Reference, string? Of, string? Description)
    : IRequest<Guid>;

public sealed class ReturnTopUpHandler(IWallets wallets) : IRequestHandler<ReturnTopUp, Guid>
{
    public async Task<Guid> Handle(ReturnTopUp command, CancellationToken cancellationToken)
    {
        var (amount, reference, of) = (WalletRules.Amount(command.Amount), WalletRules.Reference(command.Reference),
            WalletRules.Reference(command.Of, "of"));
        var (asked, description) = (WalletRules.CurrencyOrNull(command.Currency), WalletRules.Description(command.Description));
        var topup = await wallets.FindTopUpAsync(command.OrganizationId, of, cancellationToken)
            ?? throw new Refusal("topup.unknown", "There is no such top-up: name the payment's reference, or the transaction's id.");
        if (asked is not null && asked != topup.Currency)
        {
            throw new Refusal("wallet.currency_mismatch", $"That top-up was in {topup.Currency}: it is given back in {topup.Currency}.");
        }

        var metadata = new Dictionary<string, string> { ["of"] = topup.ReferenceId!, ["of_transaction"] = topup.Id.ToString() };
        var posting = new RefundOf(TopUpWalletHandler.KeyOf(topup.ReferenceId!), amount, new(Uuid.Of($"refund/{reference}"), "refund"),
            reference, description, metadata);
        var outcome = await wallets.PostAsync(command.OrganizationId, topup.Currency, posting, "wallet.refunded", cancellationToken);
        return await WalletRules.SettleAsync(outcome, wallets, command.OrganizationId, topup.Currency,
            known => known.Amount == amount && known.Metadata.GetValueOrDefault("of_transaction") == topup.Id.ToString(),
                cancellationToken);
    }
}
