namespace Bsp.Api.Common;

/// <summary>What a caller may do; each includes those before it.</summary>
public enum Role
{
    /// <summary>Nobody in particular: health, documentation, Meta's webhooks.</summary>
    Anonymous,

    /// <summary>Reads. Also a <c>read</c> key.</summary>
    Viewer,

    /// <summary>Answers customers.</summary>
    Agent,

    /// <summary>Runs campaigns, contacts, templates. Also a <c>write</c> key.</summary>
    Manager,

    /// <summary>Users, keys, billing. Also an <c>admin</c> key.</summary>
    Admin,

    /// <summary>The platform's own staff and its key: all organizations.</summary>
    Platform,
}

/// <summary>Who asks. A parameter of this type in an endpoint is filled in.</summary>
/// <param name="OrganizationId">Whom the caller acts for; all zeros: the platform without <c>Bsp-Organization</c>.</param>
/// <param name="Id">Key id, <c>platform</c>, or empty when anonymous: scope of limits and Idempotency-Keys.</param>
/// <param name="Name">For logs and event metadata: the key's prefix or <c>platform</c>.</param>
/// <param name="KeyId">Null: not an API key.</param>
public sealed record Caller(Guid OrganizationId, Role Role, string Id, string Name, Guid? KeyId)
{
    /// <summary>Nobody.</summary>
    public static readonly Caller Nobody = new(Guid.Empty, Role.Anonymous, "", "anonymous", null);

    /// <summary>The organization, or for the platform any organization.</summary>
    public bool MaySee(Guid organizationId) => organizationId == OrganizationId || Role == Role.Platform;

    public static ValueTask<Caller?> BindAsync(HttpContext context) => ValueTask.FromResult<Caller?>(Of(context));

    /// <summary>Set by <see cref="Authentication"/>.</summary>
    public static Caller Of(HttpContext context) => context.Features.Get<Caller>() ?? Nobody;
}
