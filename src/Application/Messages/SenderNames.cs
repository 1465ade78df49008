namespace Bsp.Application.Messages;

/// <summary>What people are called.</summary>
public interface IUserNames
{
    /// <summary>Names of these users; whoever is none of the organization is missing.</summary>
    Task<IReadOnlyDictionary<Guid, string>> OfAsync(Guid organizationId, IReadOnlyCollection<Guid> userIds, CancellationToken ct);
}

/// <summary>
/// Puts names beside the ids of who sent: events hold none, so that a name that changes, or goes, changes or goes everywhere.
/// </summary>
public sealed class SenderNames(IUserNames users)
{
    public async Task<IReadOnlyList<MessageDocument>> NamedAsync(Guid organizationId, IReadOnlyList<MessageDocument> messages,
        CancellationToken ct)
    {
        var ids = messages.Select(m => m.SentBy?.UserId).OfType<Guid>().Distinct().ToList();
        var names = ids.Count == 0 ? null : await users.OfAsync(organizationId, ids, ct);
        return names is null ? messages
            : [.. messages.Select(m => m.SentBy is { UserId: { } id } by && names.TryGetValue(id, out var name)
                ? m with { SentBy = by with { UserName = name } } : m)];
    }
}
