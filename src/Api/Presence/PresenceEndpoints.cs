using Bsp.Api.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Presence;
using Carter;

namespace Bsp.Api.Presence;

public sealed class PresenceEndpoints : ICarterModule
{
    /// <param name="Status">online, away or offline.</param>
    public sealed record PresenceRequest(string Status);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPut("/v1/presence", Set)
            .Describe("Says that one is around; repeat it every 30 s, after 90 s of silence one is offline.", "session.missing",
                "store.unavailable").Produces(204);
        app.MapGet("/v1/presence", List).Describe("Who is online or away; whoever is missing is offline.", "store.unavailable")
            .Produces<ListResponse<Present>>();
    }

    private static async Task<IResult> Set(PresenceRequest body, Caller caller, IPresence presence, IInboxNews news, CancellationToken ct)
    {
        var session = caller.RequireSession();
        if (body.Status is not ("online" or "away" or "offline"))
        {
            throw Problem.Field("request.invalid", "status", "must be online, away or offline.");
        }

        await presence.SetAsync(session.OrganizationId, session.UserId, body.Status, ct);
        await news.PresenceAsync(session.OrganizationId, session.UserId, body.Status, ct);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> List(Caller caller, IPresence presence, CancellationToken ct) =>
        TypedResults.Ok(new ListResponse<Present>(await presence.AllAsync(caller.OrganizationId, ct), null));
}
