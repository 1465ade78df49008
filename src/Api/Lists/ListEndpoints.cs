using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Lists;
using Carter;

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
        lists.MapPost("/preview", PreviewFilterAsync).Describe("How many match a filter that no list has, and the first of them.")
            .Produces<ListPreview>();
        lists.MapPost("/{id:guid}/preview", PreviewAsync).Describe("How many match a filter, and the first of them.", "list.unknown")
            .Produces<ListPreview>();
    }

    private static async Task<IResult> CreateAsync(NewList body, Call call)
    {
        var done = await call.Send(new CreateList(call.OrganizationId, body.Name, body.Description, body.Filters));
        var list = await call.Send(new GetList(call.OrganizationId, done.Id));
        return call.Created($"/v1/lists/{done.Id}", list, list.RowVersion);
    }

    private static async Task<IResult> PageAsync(Paging paging, Call call) =>
        call.Page(await call.Send(new ListLists(call.OrganizationId, paging.Limit, paging.Cursor)));

    private static Task<IResult> GetAsync(Guid id, Call call) =>
        AnswerAsync(id, call);

    private static async Task<IResult> PatchAsync(Guid id, JsonElement patch, IfMatch match, Call call)
    {
        await call.Send(new PatchList(call.OrganizationId, id, patch, match.Version));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> DeleteAsync(Guid id, IfMatch match, Call call)
    {
        await call.Send(new DeleteList(call.OrganizationId, id, match.Version));
        return TypedResults.NoContent();
    }

    private static async Task<IResult> MembersAsync(Guid id, Paging paging, Call call) =>
        call.Page(await call.Send(new ListMembers(call.OrganizationId, id, paging.Limit, paging.Cursor)));

    private static async Task<IResult> ChangeAsync(Guid id, MembersChange body, Call call)
    {
        await call.Send(new ChangeListMembers(call.OrganizationId, id, body.Add ?? [], body.Remove ?? []));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> PreviewFilterAsync(PreviewBody body, Call call) =>
        call.Ok(await call.Send(new PreviewFilter(call.OrganizationId, body.Filters)));

    private static async Task<IResult> PreviewAsync(Guid id, PreviewBody? body, Call call) =>
        call.Ok(await call.Send(new PreviewList(call.OrganizationId, id, body?.Filters)));

    private static async Task<IResult> AnswerAsync(Guid id, Call call)
    {
        var list = await call.Send(new GetList(call.OrganizationId, id));
        return call.Ok(list, list.RowVersion);
    }
}
