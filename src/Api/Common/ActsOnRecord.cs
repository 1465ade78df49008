using System.Collections.Concurrent;
using Bsp.Application.Audit;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using MediatR;

namespace Bsp.Api.Common;

/// <summary>
/// What leaves no event of its own and is to be known: who took data out in whole, who runs the projections, and that the platform looked
/// into an organization. It is put on the audit
/// trail before the first byte of the answer leaves; when it cannot be, nothing is answered. A caller who is refused, or asks for what is
/// not there, has seen and done nothing, and nothing is noted.
/// The platform's looks are noted once an hour for each person or key, organization and route (and process); what it changes is noted by
/// the change itself.
/// </summary>
public sealed class ActsOnRecord(RequestDelegate next, TimeProvider clock)
{
    private const int LooksRememberedMax = 20_000;

    // Route, act, what it is about.
    private static readonly Dictionary<string, (string Act, string Target)> Acts = new()
    {
        ["GET /v1/contacts/export"] = ("contacts.exported", "contact"),
        ["GET /v1/contacts/{id}/export"] = ("contact.exported", "contact"),
        ["GET /v1/imports/{id}/rejected"] = ("import.rejects_exported", "import"),
        ["GET /v1/transactions/export"] = ("transactions.exported", "transaction"),
        ["POST /v1/projections/{name}/rebuild"] = ("projection.rebuild", "projection"),
        ["POST /v1/projections/{name}/pause"] = ("projection.pause", "projection"),
        ["POST /v1/projections/{name}/resume"] = ("projection.resume", "projection"),
        ["POST /v1/projections/{name}/cancel"] = ("projection.cancel", "projection"),
        ["POST /v1/projections/{name}/retry"] = ("projection.retry", "projection"),
        ["POST /v1/retention/run"] = ("retention.run", "retention"),
    };

    private const string Trail = "GET /v1/audit-trail";
    private static readonly HashSet<string> LooksByPost =
        ["POST /v1/lists/preview", "POST /v1/lists/{id}/preview", "POST /v1/templates/{id}/preview", "POST /v1/campaigns/{id}/estimate",
            "POST /v1/ledger/audits"];

    [Bounded("20,000 looks; cleared when there are more")]
    private readonly ConcurrentDictionary<(string Actor, Guid Organization, string Route), long> looks = new();

    public async Task InvokeAsync(HttpContext context, IMediator mediator)
    {
        if (Caller.Of(context) is { Role: > Role.Anonymous } caller && context.GetEndpoint() is RouteEndpoint endpoint
            && Access.RouteOf(context, endpoint) is { } route)
        {
            var isLook = route.StartsWith("GET ", StringComparison.Ordinal) || LooksByPost.Contains(route);
            if (route == Trail)
            {
                await next(context); // the trail is shown as it was before this look
                await NoteLookAsync(caller, route, mediator, CancellationToken.None);
                return;
            }

            var request = CurrentRequest.Value;
            context.Response.OnStarting(() => NoteAsync(context, request, caller, route, isLook, mediator));
        }

        await next(context);
    }

    private async Task NoteAsync(HttpContext context, CurrentRequest? request, Caller caller, string route, bool isLook, IMediator mediator)
    {
        // an answer without a body starts when all middleware has gone, and what surrounded the request with it
        using var current = request?.Enter();
        if (context.Response.StatusCode >= 400)
        {
            return;
        }

        if (Acts.TryGetValue(route, out var act))
        {
            await mediator.Send(new NoteAct(caller.OrganizationId, act.Act, act.Target, IdOf(context), DetailsOf(context)),
                context.RequestAborted);
        }

        if (isLook)
        {
            await NoteLookAsync(caller, route, mediator, context.RequestAborted);
        }
    }

    private async Task NoteLookAsync(Caller caller, string route, IMediator mediator, CancellationToken ct)
    {
        if (caller.Role != Role.Platform || caller.OrganizationId == Guid.Empty || Access.All.GetValueOrDefault(route) is not { } rule
            || rule.Least == Role.Anonymous)
        {
            return;
        }

        var (key, hour) = ((caller.Name, caller.OrganizationId, route), clock.GetUtcNow().Ticks / TimeSpan.TicksPerHour);
        if (looks.TryGetValue(key, out var noted) && noted == hour)
        {
            return;
        }

        try
        {
            await mediator.Send(new NoteAct(caller.OrganizationId, "platform.read", "route", null, [route]), ct);
        }
        catch (Refusal refusal) when (refusal.Code == "organization.unknown")
        {
            return; // the route itself says so
        }

        if (looks.Count >= LooksRememberedMax)
        {
            looks.Clear(); // some are noted once more
        }

        looks[key] = hour;
    }

    private static Guid? IdOf(HttpContext context) => Guid.TryParse(context.GetRouteValue("id") as string, out var id) ? id : null;

    // Which projection, and which of the query's parameters were given: never what they say.
    private static IReadOnlyList<string>? DetailsOf(HttpContext context) =>
        context.GetRouteValue("name") is string name ? [Text.Cut(name, 100)]
        : [.. context.Request.Query.Keys.Order(StringComparer.Ordinal).Take(10).Select(key => Text.Cut(key, 100))];
}
