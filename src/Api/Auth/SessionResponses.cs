using System.Text.Json.Serialization;
using Bsp.Api.Common;
using Bsp.Api.Organizations;
using Bsp.Api.Users;
using Bsp.Application.Auth;
using Bsp.Application.Organizations;
using Bsp.Application.Users;
using Bsp.Domain.Common;
using Ranks = Bsp.Domain.Users.Roles;

namespace Bsp.Api.Auth;

/// <param name="Enabled">It is asked for at each sign-in.</param>
/// <param name="Required">The role must have one.</param>
/// <param name="MustEnrol">There is none yet: until there is, every other route answers 403 <c>auth.second_factor_enrol</c>.</param>
public sealed record SecondFactorState(bool Enabled, bool Required, bool MustEnrol);

/// <summary>Who is signed in, and what their pages need.</summary>
/// <param name="Csrf">For the header <c>Bsp-Csrf</c> of whatever changes something; null: it is no browser's session.</param>
/// <param name="ExpiresAt">A browser's session moves it with each use, 14 days long.</param>
/// <param name="Role">viewer, agent, manager, admin or super_admin (the platform).</param>
/// <param name="Roles">The role and those that it includes.</param>
/// <param name="Organization">Where the person belongs.</param>
public sealed record SessionResponse(string? Csrf, DateTimeOffset ExpiresAt, string Role, IReadOnlyList<string> Roles, UserResponse User,
    OrganizationResponse Organization, SecondFactorState SecondFactor)
{
    /// <summary>Put together of what is stored now.</summary>
    /// <param name="token">The browser's; null: it is no browser's session.</param>
    internal static async Task<SessionResponse> OfAsync(Guid organizationId, Guid userId, DateTimeOffset expiresAt, string? token,
        Call call)
    {
        var user = await call.Send(new GetUser(organizationId, userId)) ?? throw Gone();
        var organization = await call.Send(new GetOrganization(organizationId)) ?? throw Gone();
        var second = await call.Send(new GetSecondFactor(organizationId, userId, user.Role));
        return new(token is null ? null : SessionCookie.CsrfOf(token), expiresAt, user.Role,
            [.. Ranks.All.Where(role => Ranks.Reaches(user.Role, role))], call.Map<UserResponse>(user),
            call.Map<OrganizationResponse>(organization),
            new(second.Enabled, second.Required, second is { Required: true, Enabled: false }));
    }

    private static Refusal Gone() => new("user.unknown", "This person was removed a moment ago.");
}

/// <param name="Token">For <c>Authorization: Bearer</c>: shown here and never again. Absent: the session is in the cookie, and the rest
/// is as <c>GET /v1/auth/session</c> answers it.</param>
/// <param name="ExpiresAt">24 hours later.</param>
public sealed record LoginResponse(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Token, DateTimeOffset ExpiresAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Csrf = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Role = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Roles = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] UserResponse? User = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] OrganizationResponse? Organization = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] SecondFactorState? SecondFactor = null)
{
    internal static LoginResponse Of(SessionResponse s) =>
        new(null, s.ExpiresAt, s.Csrf, s.Role, s.Roles, s.User, s.Organization, s.SecondFactor);
}
