namespace Bsp.Infrastructure.Privacy;

/// <summary>Contacts' keys themselves, for what is sealed in bulk and is no text: archives.</summary>
public interface IContactKeys
{
    /// <summary>The key of each contact, made where there is none; whoever was erased is absent.</summary>
    Task<IReadOnlyDictionary<Guid, (Guid Id, byte[] Key)>> KeysOfAsync(Guid organizationId, IReadOnlyCollection<Guid> contacts,
        CancellationToken ct);

    /// <summary>Keys by their ids; those that were destroyed are absent.</summary>
    Task<IReadOnlyDictionary<Guid, byte[]>> KeysAsync(Guid organizationId, IReadOnlyCollection<Guid> keyIds, CancellationToken ct);
}
