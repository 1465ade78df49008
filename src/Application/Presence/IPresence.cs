namespace Bsp.Application.Presence;

/// <summary>Somebody who is around.</summary>
/// <param name="Status"><c>online</c> or <c>away</c>.</param>
/// <param name="SeenAt">When they last said so.</param>
public sealed record Present(Guid UserId, string Status, DateTimeOffset SeenAt);

/// <summary>Who of an organization is around. Kept in Redis alone: wiped, everybody is offline until they speak again.</summary>
public interface IPresence
{
    /// <summary>Who has not spoken for this long is offline: a dead browser does not stay online. Browsers repeat every 30 s.</summary>
    static readonly TimeSpan Life = TimeSpan.FromSeconds(90);

    /// <param name="status"><c>online</c>, <c>away</c> or <c>offline</c>.</param>
    /// <exception cref="Common.StoreUnavailable">Redis cannot be reached.</exception>
    Task SetAsync(Guid organizationId, Guid userId, string status, CancellationToken ct);

    /// <summary>Those who are not offline, by user id.</summary>
    /// <exception cref="Common.StoreUnavailable">Redis cannot be reached.</exception>
    Task<IReadOnlyList<Present>> AllAsync(Guid organizationId, CancellationToken ct);
}
