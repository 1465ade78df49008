using Bsp.Api.Common;
using Bsp.Application.CannedReplies;
using Bsp.Application.Common;
using Carter;

namespace Bsp.Api.CannedReplies;

/// <param name="Shortcut">What agents type to find it, unique in the organization.</param>
/// <param name="Language">Such as en or pt-BR; null: any.</param>
public sealed record NewCannedReply(string Shortcut, string Text, string? Language);

/// <summary>JSON merge patch: what is absent stays.</summary>
public sealed record CannedReplyPatch(Optional<string> Shortcut, Optional<string> Text, Optional<string?> Language);

/// <summary>/v1/canned-replies.</summary>
public sealed class CannedReplyEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var replies = app.MapGroup("/v1/canned-replies").WithTags("CannedReplies");
        replies.MapPost("", CreateAsync)
            .Describe("Keeps a text that agents send often.", "canned_reply.shortcut_taken", "canned_reply.too_many")
            .Produces<CannedReplyView>(201);
        replies.MapGet("", PageAsync).Describe("Canned replies, oldest first; ?shortcut= keeps those that begin so.")
            .Produces<ListResponse<CannedReplyView>>();
        replies.MapGet("/{id:guid}", GetAsync).Describe("One canned reply.", "canned_reply.unknown").Produces<CannedReplyView>();
        replies.MapPatch("/{id:guid}", PatchAsync)
            .Describe("Changes a canned reply (JSON merge patch).", "canned_reply.unknown", "canned_reply.shortcut_taken",
                "version.mismatch").Produces<CannedReplyView>();
        replies.MapDelete("/{id:guid}", DeleteAsync).Describe("Removes a canned reply.", "canned_reply.unknown", "version.mismatch")
            .Produces(204);
    }

    private static async Task<IResult> CreateAsync(NewCannedReply body, Call call)
    {
        var done = await call.Send(new CreateCannedReply(call.OrganizationId, body.Shortcut, body.Text, body.Language));
        var reply = await FindAsync(done.Id, call);
        return call.Created($"/v1/canned-replies/{done.Id}", reply, reply.RowVersion);
    }

    private static async Task<IResult> PageAsync(string? shortcut, Paging paging, Call call) =>
        call.Page(await call.Send(new ListCannedReplies(call.OrganizationId, shortcut, paging.Limit, paging.Cursor)));

    private static async Task<IResult> GetAsync(Guid id, Call call)
    {
        var reply = await FindAsync(id, call);
        return call.Ok(reply, reply.RowVersion);
    }

    private static async Task<IResult> PatchAsync(Guid id, CannedReplyPatch body, IfMatch match, Call call)
    {
        await call.Send(new PatchCannedReply(call.OrganizationId, id, body.Shortcut, body.Text, body.Language, match.Version));
        return await GetAsync(id, call);
    }

    private static async Task<IResult> DeleteAsync(Guid id, IfMatch match, Call call)
    {
        await call.Send(new DeleteCannedReply(call.OrganizationId, id, match.Version));
        return TypedResults.NoContent();
    }

    private static async Task<CannedReplyView> FindAsync(Guid id, Call call) =>
        await call.Send(new GetCannedReply(call.OrganizationId, id)) ?? throw Problem.Unknown("canned_reply");
}
