using Bsp.Application.Common;
using Bsp.Application.Meta;

namespace Bsp.Application.Accounts;

/// <summary>The rows that say whose a number is, and what Meta said of it.</summary>
public interface IAccountNumbers
{
    /// <summary>The account's number with its opened token, an empty one when there is none; null: there is no such account.</summary>
    Task<MetaNumber?> NumberAsync(Guid organizationId, Guid accountId, CancellationToken ct);

    /// <summary>Stores what Meta says of the number.</summary>
    /// <exception cref="VersionConflict">The named version is not the stored one.</exception>
    Task<Done> KeepAsync(SyncAccount command, NumberFacts facts, CancellationToken ct);

    /// <summary>
    /// Claims the number for the account, which becomes CONNECTED, and releases what waited for it: Meta has confirmed token, number and
    /// WABA. A holder that cannot hold it any longer gives
    /// way (docs/decisions/0175).
    /// </summary>
    /// <exception cref="Domain.Common.Refusal"><c>account.number_taken</c>: the holder's own proof still stands, or others keep claiming
    /// it.</exception>
    /// <exception cref="MetaRefused">Meta could not be asked about the holder.</exception>
    Task<Done> ClaimAsync(SyncAccount command, MetaNumber number, NumberFacts facts, CancellationToken ct);
}
