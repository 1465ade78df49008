using Bsp.Api.Common;
using Bsp.Application.Audit;
using Carter;

namespace Bsp.Api.Audit;

/// <summary>What an outsider needs to hold the platform to its log: the signed heads of sealed days, and the keys.</summary>
public sealed class LogHeadsEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapGet("/v1/log/heads", Heads).WithTags("Events").Produces<ListResponse<LogHead>>()
            .Describe("The sealed days of the organization's log, newest first: each with its Merkle root, linked to the one before and signed. Today's events are not sealed yet.", "request.cursor");
        app.MapGet("/.well-known/bsp-log-keys", Keys).WithTags("Events").Produces<LogKeysResponse>()
            .Describe("Public keys that signed heads of the log, earlier ones too.");
    }

    private static async Task<IResult> Heads(Paging paging, Call call) =>
        call.Page(await call.Send(new ListLogHeads(call.OrganizationId, paging.Cursor, paging.Limit)));

    private static async Task<IResult> Keys(Call call) =>
        TypedResults.Ok(new LogKeysResponse(await call.Send(new ListLogKeys())));

    private sealed record LogKeysResponse(IReadOnlyList<LogKey> Keys);
}
