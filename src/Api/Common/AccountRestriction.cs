using Bsp.Application.ApiKeys;

namespace Bsp.Api.Common;

/// <summary>
/// What a key that is restricted to one WhatsApp account may reach: only the kinds of things named here, of those that belong to an account only its own. What is not named is refused, so that a
/// new route is closed until somebody has thought of it. Accounts named in bodies are looked for under row-level security, which shows such a key no other (<c>0096_account_restriction.sql</c>).
/// </summary>
public sealed class AccountRestriction(RequestDelegate next, IAccountScope scope)
{
    // Belong to an account; their lists are filtered by row-level security or, where the query narrows them, by the account put there.
    private static readonly HashSet<string> OfAccounts = ["accounts", "templates", "campaigns", "conversations", "messages"];
    private static readonly HashSet<string> Narrowed = ["conversations", "analytics"];

    // Belong to the whole organization, and say nothing of an account.
    private static readonly HashSet<string> OfOrganization = ["me", "organizations", "plans", "contacts", "imports", "lists", "media"];

    // What happened to one person, or happens to all of him, is not one account's.
    private static readonly HashSet<string> OfWholePersons = ["timeline", "export", "merge", "erase"];

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
        if (!(OfAccounts.Contains(kind) || Narrowed.Contains(kind) || OfOrganization.Contains(kind)) || (context.Request.Method, route.RoutePattern.RawText?.Trim('/')) is ("POST", "v1/accounts")
            || (path is ["v1", "contacts", _, var act] && OfWholePersons.Contains(act)))
        {
            throw new Problem(403, "access.account_restricted", "This key is restricted to one account, and this concerns more than one.");
        }

        if (OfAccounts.Contains(kind) && Guid.TryParse(context.GetRouteValue("id") as string, out var id) && !await scope.HoldsAsync(caller.OrganizationId, account, kind, id, context.RequestAborted))
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
