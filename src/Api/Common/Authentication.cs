using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Bsp.Application.ApiKeys;
using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Application.Streams;
using Bsp.Domain.Common;

namespace Bsp.Api.Common;

/// <summary>Finds out who calls, whether they may, and for whom; then enters <see cref="CurrentRequest"/>.</summary>
public sealed class Authentication(RequestDelegate next, BspOptions options, IKeyDirectory keys, ISessions sessions, IStreamTickets tickets)
{
    /// <summary>The organization that the platform acts for.</summary>
    public const string OrganizationHeader = "Bsp-Organization";

    private const int TokenCharsMax = 200;

    // A route's rule is found by its text once: as many entries as there are endpoints.
    [Bounded("one a route")]
    private readonly ConcurrentDictionary<RouteEndpoint, Access.Rule> rules = new();

    public async Task InvokeAsync(HttpContext context)
    {
        var caller = Caller.Nobody;
        if (context.GetEndpoint() is RouteEndpoint route)
        {
            var rule = rules.GetOrAdd(route, RuleOf);
            if (rule.Least > Role.Anonymous)
            {
                caller = await CallerAsync(context);
                Allow(caller, rule);
                if (caller.Session is { Cookie: true } session)
                {
                    await sessions.UsedAsync(session, context.RequestAborted);
                }

                context.Features.Set(new Permission(() => HoldsAsync(context, rule)));
            }
        }
        else if (context.GetEndpoint() is not null && context.Request.Path.StartsWithSegments("/v1"))
        {
            caller = await CallerAsync(context); // the routing's own 405 and 415 tell nothing to nobody
        }

        context.Features.Set(caller);
        var current = new CurrentRequest
        {
            CorrelationId = Problems.TraceOf(context), Caller = caller.Role == Role.Anonymous ? null
                : caller.Name, RemoteAddress = AddressOf(context), AccountId = caller.AccountId,
            MayBeBehind = HttpMethods.IsGet(context.Request.Method) && !context.Request.Headers.ContainsKey(MinPosition.Header),
        };
        context.Features.Set(current);
        using (current.Enter())
        {
            await next(context);
        }
    }

    private static Access.Rule RuleOf(RouteEndpoint route) =>
        Access.RoutesOf(route).Select(r => Access.All.GetValueOrDefault(r)).FirstOrDefault(r => r is not null)
        ?? throw new InvalidOperationException($"{route.DisplayName} has no role.");

    // A socket that listens for both families shows IPv4 clients as ::ffff:…
    private static string? AddressOf(HttpContext context) =>
        context.Connection.RemoteIpAddress is { } address ? (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString() : null;

    private static void Allow(Caller caller, Access.Rule rule)
    {
        if (caller.Session is { MustEnrol: true } && !rule.BeforeEnrolment)
        {
            throw new Problem(403, "auth.second_factor_enrol",
                "Your role must have a second factor: make one first with POST /v1/auth/second-factor.");
        }

        if (caller.Role < rule.Least)
        {
            throw new Problem(403, "access.denied",
                $"This needs the role {rule.Least.ToString().ToLowerInvariant()}; yours is {caller.Role.ToString().ToLowerInvariant()}.");
        }

        if (rule.Sends && caller.OrganizationStatus == "suspended")
        {
            throw new Refusal("organization.suspended", "The organization is not active: it can read, but nothing is sent.");
        }

        if (rule.Organization && caller.OrganizationId == Guid.Empty)
        {
            throw Problem.Field("request.organization_missing", OrganizationHeader,
                "must name the organization that the platform acts for.");
        }
    }

    private async ValueTask<bool> HoldsAsync(HttpContext context, Access.Rule rule)
    {
        try
        {
            Allow(await CallerAsync(context), rule);
            return true;
        }
        catch (Exception refused) when (refused is Problem or Refusal)
        {
            return false;
        }
    }

    private async Task<Caller> CallerAsync(HttpContext context)
    {
        if (await TicketAsync(context) is { } ticket)
        {
            return ticket.Kind switch
            {
                "session" => await PersonAsync(context, ticket.Hash, ticket.OrganizationId, cookie: null),
                "key" => await KeyAsync(context, ticket.Hash),
                _ => new(ticket.OrganizationId, Role.Platform, "platform", "platform", null),
            };
        }

        var header = context.Request.Headers.Authorization;
        if (SessionCookie.Of(context) is { } held)
        {
            return header.Count == 0 ? await BrowserAsync(context, held) : throw new Problem(400, "auth.two_credentials",
                "A session's cookie and an Authorization header were sent together: send one of the two.");
        }

        if (header is not [{ Length: > 7 and < TokenCharsMax } value] || !value.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
        {
            throw new Problem(401, "access.unauthenticated", "Send 'Authorization: Bearer <key or session token>'.");
        }

        var token = value[7..].Trim();
        if (CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(token)), options.PlatformKeySha256))
        {
            context.Features.Set(new Credential("platform", ""));
            return new(NamedOrganization(context), Role.Platform, "platform", "platform", null);
        }

        return token.StartsWith(SecretToken.SessionPrefix, StringComparison.Ordinal)
            ? await PersonAsync(context, SecretToken.HashOf(token), null, cookie: false)
            : token.StartsWith("bsp_", StringComparison.Ordinal) ? await KeyAsync(context, ApiKeySecret.HashOf(token)) : throw NoKey();
    }

    private async Task<Caller> BrowserAsync(HttpContext context, string token)
    {
        SessionCookie.RequireOwnPage(context, token);
        var acting = HttpMethods.IsGet(context.Request.Method)
            && context.Request.Query[SessionCookie.OrganizationParameter] is [{ Length: > 0 } named] ? Organization(named) : (Guid?)null;
        var caller = await PersonAsync(context, SecretToken.HashOf(token), acting, cookie: true);
        return acting is null || caller.Role == Role.Platform ? caller : throw NotPlatform();
    }

    // Of a stream that was opened with one: taken once, and whom it stands for is looked up each time.
    private async Task<StreamTicket?> TicketAsync(HttpContext context)
    {
        if (context.Features.Get<StreamTicket>() is { } taken)
        {
            return taken;
        }

        if (context.Request.Headers.Authorization.Count > 0 || context.Request.Query["ticket"] is not [{ Length: > 0 } ticket]
            || context.GetEndpoint() is not RouteEndpoint { RoutePattern.RawText: "/v1/stream" })
        {
            return null;
        }

        var found = await tickets.TakeAsync(ticket, context.RequestAborted)
            ?? throw new Problem(401, "access.unauthenticated",
                "This ticket was used, has ended, or never was: ask for another with POST /v1/stream/ticket.");
        context.Features.Set(found);
        return found;
    }

    private static Problem NoKey() => new(401, "access.unauthenticated", "This key does not exist, has expired or was revoked.");

    private async Task<Caller> KeyAsync(HttpContext context, string hash)
    {
        var key = await keys.FindAsync(hash, context.RequestAborted) ?? throw NoKey();
        context.Features.Set(new Credential("key", hash));

        ForOwnOrganization(context, key.OrganizationStatus);
        keys.Used(key);
        var role = key.Permissions switch { "admin" => Role.Admin, "write" => Role.Manager, _ => Role.Viewer };
        return new(key.OrganizationId, role, key.KeyId.ToString(), key.Prefix, key.KeyId) { AccountId = key.AccountId,
            OrganizationStatus = key.OrganizationStatus };
    }

    // Acting: whom staff named when they asked for a ticket; null: whom the header names. Cookie: how the token came, and a browser's is
    // good in no other way; null: not itself.
    private async Task<Caller> PersonAsync(HttpContext context, string hash, Guid? acting, bool? cookie)
    {
        context.Features.Set(new Credential("session", hash));
        var session = await sessions.FindAsync(hash, context.RequestAborted);
        if (session is null || (cookie is { } held && held != session.Cookie))
        {
            throw new Problem(401, "access.unauthenticated", "You are not signed in any more: sign in again.");
        }

        var name = session.UserId.ToString();
        if (session.Role == "super_admin")
        {
            return new(acting ?? NamedOrganization(context), Role.Platform, name, name, null) { Session = session };
        }

        ForOwnOrganization(context, session.OrganizationStatus);
        return new(session.OrganizationId, Enum.Parse<Role>(session.Role, ignoreCase: true), name, name, null) { Session = session,
            OrganizationStatus = session.OrganizationStatus };
    }

    private static void ForOwnOrganization(HttpContext context, string status)
    {
        if (context.Request.Headers.ContainsKey(OrganizationHeader))
        {
            throw NotPlatform();
        }

        if (status == "inactive")
        {
            throw new Problem(403, "access.organization_inactive", "The organization is inactive: nobody of it gets in.");
        }
    }

    private static Problem NotPlatform() => new(403, "access.organization_header",
        $"{OrganizationHeader} is for the platform: everybody else acts for their own organization.");

    private static Guid NamedOrganization(HttpContext context) =>
        context.Request.Headers.TryGetValue(OrganizationHeader, out var named) ? Organization(named.ToString()) : Guid.Empty;

    private static Guid Organization(string named) => Guid.TryParseExact(named, "D", out var id) && id != Guid.Empty ? id
        : throw Problem.Field("request.organization_malformed", OrganizationHeader, "must be an organization's id.");
}
