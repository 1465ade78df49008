using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Lists;
using Carter;
using MediatR;

namespace Bsp.Api.Lists;

/// <summary>Body of POST /v1/lists.</summary>
/// <param name="Filters">Null: members are added by hand. Else <c>{"all":[{"field":"tags","op":"has","value":"vip"}]}</c>, see the
/// documentation of filters.</param>
public sealed record NewList(string Name, string? Description, JsonElement? Filters);

/// <summary>Body of POST /v1/lists/{id}/contacts.</summary>
public sealed record MembersChange(IReadOnlyList<Guid>? Add, IReadOnlyList<Guid>? Remove);

/// <summary>Body of POST /v1/lists/{id}/preview; without one the list's own filter.</summary>
public sealed record PreviewBody(JsonElement? Filters);

/// <summary>/v1/lists.</summary>
public sealed class ListEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var lists = app.MapGroup("/v1/lists").WithTags("Lists");
        lists.MapPost("", CreateAsync).Describe("Begins a list, kept by hand or by a filter.").Produces<ListView>(201);
        lists.MapGet("", PageAsync).Describe("Lists, oldest first.").Produces<ListResponse<ListView>>();
        lists.MapGet("/{id:guid}", GetAsync).Describe("One list.", "list.unknown").Produces<ListView>();
        lists.MapPatch("/{id:guid}", PatchAsync)
            .Describe("Changes a list (JSON merge patch).", "list.unknown", "list.has_members", "version.mismatch")
            .Accepts<JsonElement>("application/json", "application/merge-patch+json").Produces<ListView>();
        lists.MapDelete("/{id:guid}", DeleteAsync).Describe("Removes a list; its contacts stay.", "list.unknown", "version.mismatch")
            .Produces(204);
        lists.MapGet("/{id:guid}/contacts", MembersAsync).Describe("A list's members.", "list.unknown")
            .Produces<ListResponse<ContactView>>();
        lists.MapPost("/{id:guid}/contacts", ChangeAsync)
            .Describe("Adds and removes members, all or nothing.", "list.unknown", "contact.unknown", "list.filtered").Produces<ListView>();
        lists.MapPost("/{id:guid}/preview", PreviewAsync).Describe("How many match a filter, and the first of them.", "list.unknown")
            .Produces<ListPreview>();
    }

    private static async Task<IResult> CreateAsync(NewList body, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct)
    {
        var done = await mediator.Send(new CreateList(caller.OrganizationId, body.Name, body.Description, body.Filters), ct);
        var list = await mediator.Send(new GetList(caller.OrganizationId, done.Id), ct);
        return Answers.Created(context, $"/v1/lists/{done.Id}", list, list.RowVersion);
    }

    private static async Task<IResult> PageAsync(Paging paging, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct) =>
        Answers.Page(context, await mediator.Send(new ListLists(caller.OrganizationId, paging.Limit, paging.Cursor), ct));

    private static Task<IResult> GetAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct) =>
        AnswerAsync(id, caller, context, mediator, ct);

    private static async Task<IResult> PatchAsync(Guid id, JsonElement patch, IfMatch match, Caller caller, HttpContext context,
        IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new PatchList(caller.OrganizationId, id, patch, match.Version), ct);
        return await AnswerAsync(id, caller, context, mediator, ct);
    }

    private static async Task<IResult> DeleteAsync(Guid id, IfMatch match, Caller caller, IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new DeleteList(caller.OrganizationId, id, match.Version), ct);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> MembersAsync(Guid id, Paging paging, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct) =>
        Answers.Page(context, await mediator.Send(new ListMembers(caller.OrganizationId, id, paging.Limit, paging.Cursor), ct));

    private static async Task<IResult> ChangeAsync(Guid id, MembersChange body, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct)
    {
        await mediator.Send(new ChangeListMembers(caller.OrganizationId, id, body.Add ?? [], body.Remove ?? []), ct);
        return await AnswerAsync(id, caller, context, mediator, ct);
    }

    private static async Task<IResult> PreviewAsync(Guid id, PreviewBody? body, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct) =>
        Answers.Ok(context, await mediator.Send(new PreviewList(caller.OrganizationId, id, body?.Filters), ct));

    private static async Task<IResult> AnswerAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct)
    {
        var list = await mediator.Send(new GetList(caller.OrganizationId, id), ct);
        return Answers.Ok(context, list, list.RowVersion);
    }
}
