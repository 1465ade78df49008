using Bsp.Api.Common;
using Bsp.Application.CannedReplies;
using Bsp.Application.Common;
using Carter;
using MediatR;

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

    private static async Task<IResult> CreateAsync(NewCannedReply body, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct)
    {
        var done = await mediator.Send(new CreateCannedReply(caller.OrganizationId, body.Shortcut, body.Text, body.Language), ct);
        var reply = await FindAsync(done.Id, caller, mediator, ct);
        return Answers.Created(context, $"/v1/canned-replies/{done.Id}", reply, reply.RowVersion);
    }

    private static async Task<IResult> PageAsync(string? shortcut, Paging paging, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct) =>
        Answers.Page(context, await mediator.Send(new ListCannedReplies(caller.OrganizationId, shortcut, paging.Limit, paging.Cursor), ct));

    private static async Task<IResult> GetAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct)
    {
        var reply = await FindAsync(id, caller, mediator, ct);
        return Answers.Ok(context, reply, reply.RowVersion);
    }

    private static async Task<IResult> PatchAsync(Guid id, CannedReplyPatch body, IfMatch match, Caller caller, HttpContext context,
        IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new PatchCannedReply(caller.OrganizationId, id, body.Shortcut, body.Text, body.Language, match.Version), ct);
        return await GetAsync(id, caller, context, mediator, ct);
    }

    private static async Task<IResult> DeleteAsync(Guid id, IfMatch match, Caller caller, IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new DeleteCannedReply(caller.OrganizationId, id, match.Version), ct);
        return TypedResults.NoContent();
    }

    private static async Task<CannedReplyView> FindAsync(Guid id, Caller caller, IMediator mediator, CancellationToken ct) =>
        await mediator.Send(new GetCannedReply(caller.OrganizationId, id), ct) ?? throw Problem.Unknown("canned_reply");
}
