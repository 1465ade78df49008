using Bsp.Application.ApiKeys;

namespace Bsp.Api.Common;

/// <summary>
/// What a key that is restricted to one WhatsApp account may reach: only the kinds of things named here, of those that belong to an account
/// only its own. What is not named is refused, so that a
/// new route is closed until somebody has thought of it. Accounts named in bodies are looked for under row-level security, which shows such
/// a key no other (<c>0096_account_restriction.sql</c>).
/// </summary>
public sealed class AccountRestriction(RequestDelegate next, IAccountScope scope)
{
    // Belong to an account; their lists are filtered by row-level security or, where the query narrows them, by the account put there.
    private static readonly HashSet<string> OfAccounts = ["accounts", "templates", "campaigns", "conversations", "messages"];
    private static readonly HashSet<string> Narrowed = ["conversations", "analytics"];

    // Of what belongs to the whole organization: it reads a page at a time, adds, and changes one contact. It takes nothing away, carries
    // nothing off in whole, brings nothing in by the file,
    // makes nothing of two, and changes no list that others' campaigns are sent to. What happened to one person, or happens to all of them,
    // is not one account's.
    private static readonly HashSet<string> OfOrganization =
    [
        "GET /v1/me", "GET /v1/organizations", "GET /v1/organizations/{id}", "GET /v1/plans", "GET /v1/plans/{id}",
        "GET /v1/contacts", "GET /v1/contacts/{id}", "POST /v1/contacts", "PATCH /v1/contacts/{id}", "POST /v1/contacts/{id}/consent",
        "GET /v1/lists", "GET /v1/lists/{id}", "GET /v1/lists/{id}/contacts", "POST /v1/lists", "POST /v1/lists/preview",
        "POST /v1/lists/{id}/preview",
        // row-level security shows such a key its own account's files and those of the whole organization
        "POST /v1/media", "POST /v1/media/fetch", "GET /v1/media", "GET /v1/media/{id}", "GET /v1/media/{id}/content",
    ];

    /// <summary>Whether such a key reaches the route at all, as <see cref="Access"/> writes it.</summary>
    public static bool Reaches(string route) => OfOrganization.Contains(route)
        || (route != "POST /v1/accounts" && !route.Contains(" /v1/accounts/signup", StringComparison.Ordinal)
            && route.Split(' ')[1].Split('/', StringSplitOptions.RemoveEmptyEntries) is ["v1", var kind, ..]
            && (OfAccounts.Contains(kind) || Narrowed.Contains(kind)));

    public async Task InvokeAsync(HttpContext context)
    {
        if (Caller.Of(context) is { AccountId: { } account } caller && context.GetEndpoint() is RouteEndpoint route)
        {
            await RestrictAsync(context, caller, account, route);
        }

        await next(context);
    }

    private async Task RestrictAsync(HttpContext context, Caller caller, Guid account, RouteEndpoint route)
    {
        // As the route is written, not as the request spells it: routing ignores case.
        var path = route.RoutePattern.RawText!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var kind = path is ["v1", var first, ..] ? first : "";
        if (Access.RouteOf(context, route) is not { } own || !Reaches(own))
        {
            throw new Problem(403, "access.account_restricted", "This key is restricted to one account, and this concerns more than one.");
        }

        if (OfAccounts.Contains(kind) && Guid.TryParse(context.GetRouteValue("id") as string, out var id)
            && !await scope.HoldsAsync(caller.OrganizationId, account, kind, id, context.RequestAborted))
        {
            throw Problem.Unknown(kind[..^1]);
        }

        var named = context.Request.Query["account_id"];
        if (named.Count > 0 && (named is not [var one] || !Guid.TryParse(one, out var other) || other != account))
        {
            throw Problem.Unknown("account");
        }

        if (named.Count == 0 && Narrowed.Contains(kind))
        {
            context.Request.QueryString = context.Request.QueryString.Add("account_id", account.ToString());
        }
    }
}
