using Bsp.Domain.Ledger;

namespace Bsp.Application.Ledger;

/// <summary>Wallets, for whoever decides on a single movement.</summary>
public interface IWallets
{
    /// <summary>Posts to an organization's wallet, in one transaction with the act on the audit trail.</summary>
    /// <param name="act">As the trail names it (<c>wallet.topped_up</c>); noted only when something was posted.</param>
    /// <exception cref="Common.StoreUnavailable">PostgreSQL cannot be reached; the same key again finds what became of it.</exception>
    Task<PostingOutcome> PostAsync(Guid organizationId, string currency, Transfer posting, string act, CancellationToken ct);

    /// <summary>A movement by its id; null: there is none.</summary>
    Task<TransactionView?> FindAsync(Guid organizationId, Guid transactionId, CancellationToken ct);

    /// <summary>The top-up of that payment; null: there is none.</summary>
    /// <param name="of">The payment provider's reference of it, or the transaction's id.</param>
    Task<TransactionView?> FindTopUpAsync(Guid organizationId, string of, CancellationToken ct);
}
