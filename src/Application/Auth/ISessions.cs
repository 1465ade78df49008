namespace Bsp.Application.Auth;

/// <summary>Somebody signed in whose account works.</summary>
/// <param name="OrganizationId">Where the person belongs.</param>
/// <param name="Role">viewer, agent, manager, admin or super_admin, as it is now.</param>
/// <param name="OrganizationStatus"><c>active</c>, <c>suspended</c> or <c>inactive</c>.</param>
public sealed record KnownSession(Guid UserId, Guid OrganizationId, string Role, string OrganizationStatus, string TokenHash);

/// <summary>Finds out who is signed in.</summary>
public interface ISessions
{
    /// <summary>24 hours. Source: the specification's retention table.</summary>
    static readonly TimeSpan Life = TimeSpan.FromHours(24);

    /// <summary>
    /// Null when there is no such session, it has ended, or its person is not active. May be up to one second behind a change made
    /// elsewhere.
    /// </summary>
    ValueTask<KnownSession?> FindAsync(string tokenHash, CancellationToken ct);
}
