using Bsp.Domain.Common;

namespace Bsp.Application.Privacy;

/// <summary>Seals personal data for events under the contact's own key (made on first use), and opens it again.</summary>
public interface IPersonalData
{
    /// <summary>Seals one text for each contact, in the order given; missing keys are made in one round trip. At most 5,000.</summary>
    /// <exception cref="Refusal"><c>contact.unknown</c>: one of them was erased; nothing more is recorded of them</exception>
    Task<IReadOnlyList<Sealed>> SealAsync(Guid organizationId, IReadOnlyList<(Guid ContactId, string Text)> texts, CancellationToken ct);

    /// <summary>Opens each; null where the key was destroyed (erased).</summary>
    Task<IReadOnlyList<string?>> OpenAsync(Guid organizationId, IReadOnlyList<Sealed> data, CancellationToken ct);

    /// <summary>Forgets a contact's key at once in this process; call it after the key was destroyed.</summary>
    void Forget(Guid organizationId, Guid contactId);
}

/// <summary>Seals secrets at rest (access tokens, webhook secrets) under the master key.</summary>
public interface ISecrets
{
    /// <summary><c>v1.{key id}.{base64}</c>.</summary>
    string Seal(string secret);

    /// <exception cref="InvalidOperationException">Sealed under a master key that the configuration does not hold.</exception>
    string Open(string sealedSecret);
}
