using Bsp.Domain.Common;

namespace Bsp.Domain.Ledger;

/// <summary>
/// What a wallet must remember to take one more entry: the end of its chain. A month's stream folds to it, and the head row keeps it, so
/// that no page reads a month of entries again; an
/// audit compares the two.
/// </summary>
/// <param name="Id">The month's stream; all zeros before the first entry.</param>
/// <param name="Month"><c>yyyy-mm</c>; empty before the first entry.</param>
/// <param name="Size">Entries of the month: sequence of the last one, version of the stream.</param>
/// <param name="Hash">Of the last entry; <see cref="LedgerEntry.NoHash"/> before the first.</param>
/// <param name="Held">Sum of the open holds.</param>
/// <param name="Tree">Over the month's entry hashes.</param>
/// <param name="LastAt">Recorded time of the last entry: none after it is earlier.</param>
public sealed record LedgerHead(
    Guid Id, Guid OrganizationId, string Currency, string Month, long Size, string Hash, decimal Balance, decimal Held,
        MerkleFrontier Tree, DateTimeOffset LastAt)
    : IAggregate<LedgerHead, LedgerEvent>
{
    /// <inheritdoc/>
    public static string StreamType => "ledger";

    /// <inheritdoc/>
    public static LedgerHead Initial { get; } = New(Guid.Empty, "");

    /// <summary>What a command may spend: less than nothing when evidence overdrew the wallet.</summary>
    public decimal Available => Balance - Held;

    /// <summary>A wallet without entries.</summary>
    public static LedgerHead New(Guid organizationId, string currency) =>
        new(Guid.Empty, organizationId, currency, "", 0, LedgerEntry.NoHash, 0.000000m, 0.000000m, MerkleFrontier.Empty,
            DateTimeOffset.MinValue);

    /// <summary>After one more entry, whatever it says: facts are facts, and an audit judges them.</summary>
    /// <param name="finished">Told every subtree that is finished now.</param>
    public LedgerHead After(LedgerEntry entry, Action<MerkleNode>? finished = null)
    {
        var tree = entry.Type == EntryTypes.Opening ? MerkleFrontier.Empty : Tree;
        var same = Id != Guid.Empty && (entry.Month, entry.Currency, entry.OrganizationId) == (Month, Currency, OrganizationId);
        return new(
            same ? Id : Uuid.Ledger(entry.OrganizationId, entry.Currency, entry.Month), entry.OrganizationId, entry.Currency, entry.Month,
                entry.Sequence, entry.Hash,
            entry.BalanceAfter, entry.HeldAfter, tree.Append(Convert.FromHexString(entry.Hash), finished), entry.CreatedAt);
    }

    /// <inheritdoc/>
    public static LedgerHead Evolve(LedgerHead state, LedgerEvent @event) => state.After(@event.Entry);
}
