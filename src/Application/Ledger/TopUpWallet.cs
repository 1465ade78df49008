using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using MediatR;

namespace Bsp.Application.Ledger;

/// <summary>
/// Money that came in outside is put into a wallet. The payment provider's reference is its name: a repeat answers the same movement, with
/// or without an Idempotency-Key.
/// </summary>
/// <param name="Amount">Decimal string.</param>
/// <returns>The movement's id.</returns>
/// <exception cref="RefusedFields"><c>request.amount</c>, <c>request.currency</c>, <c>request.reference</c>,
/// <c>request.description</c></exception>
/// <exception cref="Refusal"><c>wallet.reference_taken</c>, <c>wallet.limit</c></exception>
public sealed record TopUpWallet(Guid OrganizationId, string? Amount, string? Currency, string? Reference, string? Description)
    : IRequest<Guid>;

public sealed class TopUpWalletHandler(IWallets wallets) : IRequestHandler<TopUpWallet, Guid>
{
    public async Task<Guid> Handle(TopUpWallet command, CancellationToken cancellationToken)
    {
        var (amount, currency, reference) = (WalletRules.Amount(command.Amount), WalletRules.Currency(command.Currency),
            WalletRules.Reference(command.Reference));
        var posting = new Credit(amount, EntryCategories.Topup, KeyOf(reference), reference, WalletRules.Description(command.Description));
        var outcome = await wallets.PostAsync(command.OrganizationId, currency, posting, "wallet.topped_up", cancellationToken);
        return await WalletRules.SettleAsync(outcome, wallets, command.OrganizationId, currency, known =>
            known.Amount == amount && known.Currency == currency, cancellationToken);
    }

    /// <summary>What a top-up is known by.</summary>
    public static ChargeKey KeyOf(string reference) => new(Uuid.Of($"topup/{reference}"), "topup");
}
