namespace Bsp.Application.ApiKeys;

/// <summary>An API key that works.</summary>
/// <param name="Permissions"><c>read</c>, <c>write</c> or <c>admin</c>.</param>
/// <param name="AccountId">The one WhatsApp account it is restricted to; null: every account.</param>
/// <param name="OrganizationStatus"><c>active</c>, <c>suspended</c> or <c>inactive</c>.</param>
public sealed record KnownKey(Guid OrganizationId, Guid KeyId, string Prefix, string Permissions, Guid? AccountId,
    string OrganizationStatus);

/// <summary>Finds out who calls.</summary>
public interface IKeyDirectory
{
    /// <summary>
    /// Null when there is no such key, or it is revoked or expired. May be up to one second behind a revocation made elsewhere.
    /// </summary>
    ValueTask<KnownKey?> FindAsync(string keyHash, CancellationToken ct);

    /// <summary>Notes that the key was used now; written in batches.</summary>
    void Used(KnownKey key);
}
