using Bsp.Application.Auth;
using Bsp.Domain.Messages;

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

    /// <summary>The platform's own staff (<c>super_admin</c>) and its key: all organizations.</summary>
    Platform,
}

/// <summary>Who asks. A parameter of this type in an endpoint is filled in.</summary>
/// <param name="OrganizationId">Whom the caller acts for; all zeros: the platform without <c>Bsp-Organization</c>.</param>
/// <param name="Id">Key id, user id, <c>platform</c>, or empty when anonymous: scope of limits and Idempotency-Keys.</param>
/// <param name="Name">For logs and event metadata: the key's prefix, the user's id or <c>platform</c>.</param>
/// <param name="KeyId">Null: not an API key.</param>
public sealed record Caller(Guid OrganizationId, Role Role, string Id, string Name, Guid? KeyId)
{
    /// <summary>Somebody signed in; null: a key, or nobody.</summary>
    public KnownSession? Session { get; init; }

    /// <summary>The one WhatsApp account that the key is restricted to; null: every account.</summary>
    public Guid? AccountId { get; init; }

    /// <summary><c>active</c> or <c>suspended</c>; of the platform always <c>active</c>.</summary>
    public string OrganizationStatus { get; init; } = "active";

    /// <summary>The role as the specification writes it.</summary>
    public string RoleName => Role == Role.Platform ? "super_admin" : Role.ToString().ToLowerInvariant();

    /// <summary>Who causes a message. A person goes by their id alone: events hold no names.</summary>
    public SentBy Sends(string source, bool automated) =>
        Session is { } person ? new(source, person.UserId, null, automated) : new(source, null, Name, automated);

    /// <summary>The person's session.</summary>
    /// <exception cref="Problem">409 <c>session.missing</c>: it is a key that calls.</exception>
    public KnownSession RequireSession() =>
        Session ?? throw new Problem(409, "session.missing", "This is for people who are signed in: a key has no session.");

    /// <summary>Nobody.</summary>
    public static readonly Caller Nobody = new(Guid.Empty, Role.Anonymous, "", "anonymous", null);

    /// <summary>The organization, or for the platform any organization.</summary>
    public bool MaySee(Guid organizationId) => organizationId == OrganizationId || Role == Role.Platform;

    public static ValueTask<Caller?> BindAsync(HttpContext context) => ValueTask.FromResult<Caller?>(Of(context));

    /// <summary>Set by <see cref="Authentication"/>.</summary>
    public static Caller Of(HttpContext context) => context.Features.Get<Caller>() ?? Nobody;
}
