namespace Bsp.Api.Common;

/// <summary>
/// The least role of every route, in one place. A mapped route that is missing here stops the start; so does a route with another spelling.
/// </summary>
public static class Access
{
    /// <param name="Least">The least role.</param>
    /// <param name="Organization">The route acts for one organization: the platform must name it in <c>Bsp-Organization</c>.</param>
    /// <param name="Sends">Something may leave for Meta's customers or the organization's own systems because of it: refused to a suspended
    /// organization.</param>
    public sealed record Rule(Role Least, bool Organization, bool Sends)
    {
        /// <summary>Open to somebody who must make a second factor first.</summary>
        public bool BeforeEnrolment { get; init; }
    }

    private static readonly HashSet<string> Enrolling =
    [
        "GET /v1/auth/session", "GET /v1/auth/second-factor", "POST /v1/auth/second-factor", "POST /v1/auth/second-factor/confirm",
        "POST /v1/auth/logout", "POST /v1/auth/logout-all",
    ];

    private static readonly HashSet<string> Sending =
    [
        "POST /v1/messages", "POST /v1/conversations/{id}/messages", "POST /v1/conversations/{id}/typing",
            "POST /v1/campaigns/{id}/schedule", "POST /v1/campaigns/{id}/launch", "POST /v1/campaigns/{id}/resume",
            "POST /v1/campaigns/{id}/trigger", "POST /v1/campaigns/{id}/test",
        "POST /v1/webhooks/{id}/test", "POST /v1/deliveries/{id}/redeliver",
    ];

    private static readonly Dictionary<string, Rule> Rules = Parse("""
        anonymous  GET /health/live | GET /health/ready | GET /docs | GET /openapi/{documentName}.json | GET / | GET /favicon.ico | GET /.well-known/bsp-log-keys | GET /.well-known/bsp-ledger-keys
        anonymous  GET /webhooks/meta | POST /webhooks/meta | GET /webhooks/meta/{organizationId} | POST /webhooks/meta/{organizationId}
        anonymous  POST /v1/auth/login | POST /v1/auth/reset | POST /v1/auth/invitations/accept
        anonymous  POST /v1/auth/login/second-factor | POST /v1/auth/forgot | GET /console | GET /console/{**path}
        platform   GET /metrics

        anyone     GET /v1/me | POST /v1/auth/logout | POST /v1/auth/logout-all | POST /v1/auth/password
        anyone     GET /v1/organizations | GET /v1/organizations/{id} | GET /v1/plans | GET /v1/plans/{id} | GET /v1/rate-cards | GET /v1/rate-cards/{id}
        platform   POST /v1/organizations | POST /v1/organizations/{id}/suspend | POST /v1/organizations/{id}/activate | POST /v1/organizations/{id}/deactivate | POST /v1/plans | PATCH /v1/plans/{id} | DELETE /v1/plans/{id} | POST /v1/rate-cards
        platform   GET /v1/projections | POST /v1/projections/{name}/rebuild | POST /v1/projections/{name}/pause | POST /v1/projections/{name}/resume | POST /v1/projections/{name}/cancel | POST /v1/projections/{name}/retry | GET /v1/retention | POST /v1/retention/run
        platform   GET /v1/operations/queues
        platform   GET /v1/shards | POST /v1/organizations/{id}/move
        platform   GET /v1/organizations/{id}/move | POST /v1/organizations/{id}/move/cancel
        platform   GET /v1/sending | POST /v1/sending/pause | POST /v1/sending/resume
        platform   GET /v1/incoming-webhooks/set-aside | POST /v1/incoming-webhooks/set-aside/retry | POST /v1/incoming-webhooks/set-aside/{id}/retry | GET /v1/incoming-webhooks/notes
        anyone     GET /v1/auth/session | GET /v1/auth/sessions | DELETE /v1/auth/sessions/{id} | GET /v1/auth/second-factor
        anyone     POST /v1/auth/second-factor | POST /v1/auth/second-factor/confirm | POST /v1/auth/second-factor/disable
        anyone     POST /v1/auth/second-factor/recovery-codes
        admin+     PATCH /v1/organizations/{id} | POST /v1/auth/reset/request | GET /v1/audit-trail

        admin      GET /v1/auth/invitations | DELETE /v1/auth/invitations/{id} | GET /v1/mail | DELETE /v1/users/{id}/second-factor
        admin      GET /v1/auth/second-factor/policy | PUT /v1/auth/second-factor/policy
        admin      POST /v1/auth/invitations | GET /v1/users | POST /v1/users | GET /v1/users/{id} | PATCH /v1/users/{id} | DELETE /v1/users/{id}
        admin      GET /v1/api-keys | POST /v1/api-keys | GET /v1/api-keys/{id} | DELETE /v1/api-keys/{id} | POST /v1/api-keys/{id}/rotate

        viewer     GET /v1/accounts | GET /v1/accounts/{id} | GET /v1/accounts/{id}/notices
        manager    POST /v1/accounts/signup | GET /v1/signups | GET /v1/signups/{id}
        manager    POST /v1/signups/{id}/resume
        manager    POST /v1/accounts | PATCH /v1/accounts/{id} | POST /v1/accounts/{id}/connect | POST /v1/accounts/{id}/disconnect | POST /v1/accounts/{id}/sync

        viewer     GET /v1/templates | GET /v1/templates/{id} | GET /v1/templates/{id}/versions | POST /v1/templates/{id}/preview
        manager    POST /v1/templates | PATCH /v1/templates/{id} | DELETE /v1/templates/{id} | POST /v1/templates/{id}/submit | POST /v1/templates/{id}/pause
        manager    POST /v1/templates/{id}/resume | POST /v1/templates/{id}/sync | POST /v1/templates/sync

        viewer     GET /v1/contacts | GET /v1/contacts/{id} | GET /v1/contacts/{id}/timeline | GET /v1/contacts/{id}/export | GET /v1/imports | GET /v1/imports/{id} | GET /v1/imports/{id}/rejected | GET /v1/imports/{id}/stream | GET /v1/contacts/export
        manager    POST /v1/contacts | PATCH /v1/contacts/{id} | DELETE /v1/contacts/{id} | POST /v1/contacts/{id}/consent | POST /v1/contacts/{id}/merge | POST /v1/contacts/{id}/erase | POST /v1/contacts/import
        viewer     GET /v1/lists | GET /v1/lists/{id} | GET /v1/lists/{id}/contacts | POST /v1/lists/preview | POST /v1/lists/{id}/preview
        manager    POST /v1/lists | PATCH /v1/lists/{id} | DELETE /v1/lists/{id} | POST /v1/lists/{id}/contacts

        viewer     GET /v1/campaigns | GET /v1/campaigns/{id} | GET /v1/campaigns/{id}/events | GET /v1/campaigns/{id}/progress | GET /v1/campaigns/{id}/progress/stream
        viewer     GET /v1/campaigns/{id}/recipients | GET /v1/campaigns/{id}/recipients/{contactId}/why | POST /v1/campaigns/{id}/estimate
        manager    POST /v1/campaigns | PATCH /v1/campaigns/{id} | POST /v1/campaigns/{id}/schedule | POST /v1/campaigns/{id}/launch | POST /v1/campaigns/{id}/pause
        manager    POST /v1/campaigns/{id}/resume | POST /v1/campaigns/{id}/cancel | POST /v1/campaigns/{id}/trigger
        manager    POST /v1/campaigns/{id}/retry | POST /v1/campaigns/{id}/test

        viewer     GET /v1/messages/{id} | GET /v1/messages/{id}/history | GET /v1/media | GET /v1/media/{id} | GET /v1/media/{id}/content
        agent      POST /v1/messages | POST /v1/media | POST /v1/media/fetch
        manager    DELETE /v1/media/{id}
        manager    POST /v1/messages/{id}/settle
        viewer     GET /v1/conversations | GET /v1/conversations/{id} | GET /v1/conversations/{id}/messages
        agent      POST /v1/conversations/{id}/messages | POST /v1/conversations/{id}/assign | POST /v1/conversations/{id}/read | POST /v1/conversations/{id}/typing | POST /v1/conversations/{id}/notes
        agent      PATCH /v1/conversations/{id} | PUT /v1/presence | POST /v1/conversations/{id}/snooze
        viewer     GET /v1/conversations/{id}/notes | GET /v1/conversations/{id}/history | GET /v1/mentions
        viewer     GET /v1/colleagues | GET /v1/ledger/audits | GET /v1/wallet/holds
        viewer     GET /v1/teams | GET /v1/teams/{id} | GET /v1/canned-replies | GET /v1/canned-replies/{id}
        manager    POST /v1/teams | PATCH /v1/teams/{id} | DELETE /v1/teams/{id} | POST /v1/canned-replies | PATCH /v1/canned-replies/{id} | DELETE /v1/canned-replies/{id}
        viewer     GET /v1/conversations/{id}/ai
        agent      POST /v1/conversations/{id}/ai
        manager    GET /v1/ai/settings | GET /v1/ai/shadows | GET /v1/ai/shadows/{id} | GET /v1/ai/shadows/{id}/items
        admin      POST /v1/ai/shadows | POST /v1/ai/shadows/{id}/cancel
        admin      PATCH /v1/ai/settings
        viewer     GET /v1/presence | GET /v1/stream | POST /v1/stream/ticket

        viewer     GET /v1/subscriptions | GET /v1/subscriptions/{id} | GET /v1/wallet | GET /v1/statements/{month} | GET /v1/transactions | GET /v1/transactions/{id} | GET /v1/transactions/export | GET /v1/charges
        admin      POST /v1/subscriptions | POST /v1/subscriptions/{id}/cancel | POST /v1/subscriptions/{id}/revoke-cancellation | POST /v1/subscriptions/{id}/change
        *platform  POST /v1/subscriptions/{id}/suspend | POST /v1/subscriptions/{id}/reactivate | POST /v1/wallet/topups | POST /v1/wallet/refunds | POST /v1/wallet/adjustments
        viewer     GET /v1/ledger/entries | POST /v1/ledger/audits | GET /v1/ledger/audits/{id} | GET /v1/ledger/head | GET /v1/ledger/heads | GET /v1/ledger/proof/{transactionId}

        viewer     GET /v1/webhooks | GET /v1/webhooks/{id} | GET /v1/webhooks/{id}/deliveries | GET /v1/events | GET /v1/events/stream | GET /v1/log/heads
        admin      POST /v1/webhooks | PATCH /v1/webhooks/{id} | DELETE /v1/webhooks/{id} | POST /v1/webhooks/{id}/test | POST /v1/webhooks/{id}/rotate-secret | POST /v1/webhooks/{id}/enable
        admin      POST /v1/webhooks/{id}/recover | POST /v1/deliveries/{id}/redeliver
        admin      GET /v1/retention/policy | PATCH /v1/retention/policy | GET /v1/retention/holds | POST /v1/retention/holds
        admin      GET /v1/retention/holds/{id} | DELETE /v1/retention/holds/{id}
        viewer     GET /v1/reconciliations | GET /v1/reconciliations/{id}
        viewer     GET /v1/analytics/daily | GET /v1/analytics/messages | GET /v1/analytics/funnel | GET /v1/analytics/heatmap | GET /v1/analytics/costs | GET /v1/analytics/templates | GET /v1/analytics/agents | GET /v1/analytics/ai
        """);

    /// <summary>The rule of a route; null when the table does not know it.</summary>
    public static Rule? Of(string method, string pattern) => Rules.GetValueOrDefault($"{method} {pattern}");

    /// <summary>Every route of the table.</summary>
    public static IReadOnlyDictionary<string, Rule> All => Rules;

    /// <summary>Attaches each route's rule to it.</summary>
    /// <exception cref="InvalidOperationException">Routes are mapped that the table does not know.</exception>
    public static void Check(IEnumerable<Endpoint> endpoints)
    {
        var missing = endpoints.OfType<RouteEndpoint>().SelectMany(RoutesOf).Where(route => !Rules.ContainsKey(route)).Distinct().ToList();
        if (missing.Count > 0)
        {
            throw new InvalidOperationException($"No role is declared in Api/Common/Access.cs for: {string.Join(", ", missing)}.");
        }
    }

    /// <summary><c>METHOD /pattern</c> as the table writes it.</summary>
    public static IEnumerable<string> RoutesOf(RouteEndpoint endpoint)
    {
        var pattern = "/" + endpoint.RoutePattern.RawText?.Trim('/').Replace(":guid", "", StringComparison.Ordinal);
        return (endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]).Where(m => m is not "HEAD")
            .Select(method => $"{method} {pattern}");
    }

    /// <summary>The route of this request as the table writes it; HEAD is its GET. Null: the endpoint is not of this method.</summary>
    public static string? RouteOf(HttpContext context, RouteEndpoint endpoint)
    {
        var method = HttpMethods.IsHead(context.Request.Method) ? "GET " : context.Request.Method + " ";
        return RoutesOf(endpoint).FirstOrDefault(route => route.StartsWith(method, StringComparison.OrdinalIgnoreCase));
    }

    // Roles below platform act for one organization, platform for none. "*platform": for one after all. "admin+", "anyone": the platform
    // may come without one.
    private static Dictionary<string, Rule> Parse(string table)
    {
        var rules = new Dictionary<string, Rule>();
        foreach (var line in table.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var cut = line.IndexOf(' ');
            var word = line[..cut];
            var role = word == "anyone" ? Role.Viewer : Enum.Parse<Role>(word.Trim('*', '+'), ignoreCase: true);
            var organization = word.StartsWith('*')
                || (word != "anyone" && !word.EndsWith('+') && role is > Role.Anonymous and < Role.Platform);
            foreach (var route in line[cut..].Split('|', StringSplitOptions.TrimEntries))
            {
                rules.Add(route, new(role, organization, Sending.Contains(route)) { BeforeEnrolment = Enrolling.Contains(route) });
            }
        }

        return rules;
    }
}
