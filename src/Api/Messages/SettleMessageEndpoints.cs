using Bsp.Api.Common;
using Bsp.Application.Messages;
using Carter;

namespace Bsp.Api.Messages;

/// <param name="Outcome"><c>sent</c> or <c>not_sent</c>.</param>
public sealed record SettleMessageRequest(string Outcome);

/// <param name="Status">Always <c>unknown_closed</c>.</param>
/// <param name="Ruling">As it stands in the log.</param>
public sealed record SettledMessageResponse(Guid Id, string Status, string Ruling);

public sealed class SettleMessageEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app) =>
        app.MapPost("/v1/messages/{id:guid}/settle", Settle).WithTags("Messages").Produces<SettledMessageResponse>()
            .Describe("A person rules on a message of unknown outcome; nothing is sent again, and what Meta says later still counts.",
                "message.unknown", "message.not_unknown", "version.mismatch");

    private static async Task<IResult> Settle(Guid id, SettleMessageRequest body, IfMatch seen, Call call)
    {
        var done = await call.Send(new SettleMessage(call.OrganizationId, id, body.Outcome, seen.Version));
        return call.Ok(new SettledMessageResponse(id, "unknown_closed", body.Outcome), done.Version > 0 ? done.Version : null);
    }
}
