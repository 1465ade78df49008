namespace Bsp.Application.Auth;

/// <summary>Somebody signed in whose account works.</summary>
/// <param name="OrganizationId">Where the person belongs.</param>
/// <param name="Role">viewer, agent, manager, admin or super_admin, as it is now.</param>
/// <param name="OrganizationStatus"><c>active</c>, <c>suspended</c> or <c>inactive</c>.</param>
public sealed record KnownSession(Guid UserId, Guid OrganizationId, string Role, string OrganizationStatus, string TokenHash)
{
    public DateTimeOffset ExpiresAt { get; init; }

    /// <summary>A browser holds it; its token is good in the cookie and nowhere else.</summary>
    public bool Cookie { get; init; }

    /// <summary>The role must have a second factor, and the person has none yet: until they have, they can do nothing else.</summary>
    public bool MustEnrol { get; init; }
}

/// <summary>Finds out who is signed in.</summary>
public interface ISessions
{
    /// <summary>24 hours. Source: the specification's retention table.</summary>
    static readonly TimeSpan Life = TimeSpan.FromHours(24);

    /// <summary>A browser's session ends <see cref="Life"/> after its last use, and this long after it began at the latest.</summary>
    static readonly TimeSpan CookieLifeMax = TimeSpan.FromDays(14);

    /// <summary>A use within this long after the last one that was noted is not noted.</summary>
    static readonly TimeSpan NotedEvery = TimeSpan.FromHours(1);

    /// <summary>
    /// Null when there is no such session, it has ended, or its person is not active. May be up to one second behind a change made
    /// elsewhere.
    /// </summary>
    ValueTask<KnownSession?> FindAsync(string tokenHash, CancellationToken ct);

    /// <summary>A browser's session was used: it goes on for <see cref="Life"/> from now, at most to its end.</summary>
    ValueTask UsedAsync(KnownSession session, CancellationToken ct);
}
