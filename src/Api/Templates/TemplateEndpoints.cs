using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Templates;
using Carter;
using MediatR;

namespace Bsp.Api.Templates;

/// <summary>Body of POST /v1/templates.</summary>
/// <param name="Components"><c>{"header":…,"body":{"text":"Hello {{1}}, …","example":["Ann"]},"footer":…,"buttons":[…]}</c>; Meta's own
/// array is taken too.</param>
/// <param name="Variables">Examples for variables, where the components give none.</param>
public sealed record NewTemplate(Guid AccountId, string Name, string Category, string Language, JsonElement Components,
    JsonElement? Variables);

/// <summary>Body of POST /v1/templates/{id}/pause.</summary>
public sealed record PauseBody(string? Reason);

/// <summary>Body of POST /v1/templates/{id}/preview.</summary>
/// <param name="Parameters">As a campaign's <c>template_parameters</c>.</param>
public sealed record TemplatePreviewBody(JsonElement? Parameters);

/// <param name="AccountId">The number whose templates are laid beside Meta's.</param>
public sealed record SyncTemplatesBody(Guid AccountId);

/// <summary>Everything that happened, oldest first.</summary>
public sealed record TemplateVersions(IReadOnlyList<TemplateVersion> Data);

/// <summary>/v1/templates.</summary>
public sealed class TemplateEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var templates = app.MapGroup("/v1/templates").WithTags("Templates");
        templates.MapPost("", CreateAsync).Describe("Begins a draft on a number.", "account.unknown", "template.name_taken")
            .Produces<TemplateView>(201);
        templates.MapGet("", ListAsync).Describe("Templates, oldest first.").Produces<ListResponse<TemplateView>>();
        templates.MapGet("/{id:guid}", GetAsync).Describe("One template.", "template.unknown").Produces<TemplateView>();
        templates.MapPatch("/{id:guid}", PatchAsync)
            .Describe("Edits a template (JSON merge patch over category, components, variables); it is a draft again.", "template.unknown",
                "template.in_review", "template.disabled", "template.category_fixed", "version.mismatch")
            .Accepts<JsonElement>("application/json", "application/merge-patch+json").Produces<TemplateView>();
        templates.MapDelete("/{id:guid}", DeleteAsync)
            .Describe("Deletes it here and at Meta.", "template.unknown", "version.mismatch", "meta.refused", "meta.timeout").Produces(204);
        templates.MapPost("/{id:guid}/submit", SubmitAsync)
            .Describe("Sends it to Meta for review.", "template.unknown", "template.rejected", "template.paused",
                "template.example_missing", "account.no_token", "media.unknown", "meta.refused", "meta.timeout").Produces<TemplateView>();
        templates.MapPost("/{id:guid}/pause", PauseAsync)
            .Describe("Stops using it.", "template.unknown", "template.not_approved", "version.mismatch").Produces<TemplateView>();
        templates.MapPost("/{id:guid}/resume", ResumeAsync)
            .Describe("Ends a pause.", "template.unknown", "template.not_paused", "template.disabled", "meta.refused", "meta.timeout")
            .Produces<TemplateView>();
        templates.MapPost("/{id:guid}/sync", SyncAsync)
            .Describe("Asks Meta how it stands.", "template.unknown", "template.not_at_meta", "meta.refused", "meta.timeout")
            .Produces<TemplateView>();
        templates.MapPost("/sync", SyncAllAsync)
            .Describe("Lays all templates of a number beside Meta's: what Meta has is taken over, what differs follows Meta, what Meta "
                + "has no more becomes a draft again.", "account.unknown", "account.no_token", "meta.refused", "meta.timeout")
            .Produces<SyncedTemplates>();
        templates.MapPost("/{id:guid}/preview", PreviewAsync).Describe("What a recipient would read.", "template.unknown")
            .Produces<TemplatePreview>();
        templates.MapGet("/{id:guid}/versions", VersionsAsync)
            .Describe("Everything that happened to it, also after its deletion.", "template.unknown").Produces<TemplateVersions>();
    }

    private static async Task<IResult> CreateAsync(NewTemplate body, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct)
    {
        var done = await mediator.Send(new CreateTemplate(caller.OrganizationId, body.AccountId, body.Name, body.Category, body.Language,
            body.Components, body.Variables), ct);
        var template = await mediator.Send(new GetTemplate(caller.OrganizationId, done.Id), ct);
        return Answers.Created(context, $"/v1/templates/{done.Id}", template, template.Version);
    }

    private static async Task<IResult> ListAsync(Guid? account_id, string? status, string? name, Paging paging, Caller caller,
        HttpContext context, IMediator mediator, CancellationToken ct) =>
        Answers.Page(context,
            await mediator.Send(new ListTemplates(caller.OrganizationId, account_id, status, name, paging.Limit, paging.Cursor), ct));

    private static Task<IResult> GetAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct) =>
        AnswerAsync(id, caller, context, mediator, ct);

    private static async Task<IResult> PatchAsync(Guid id, JsonElement patch, IfMatch match, Caller caller, HttpContext context,
        IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new ReviseTemplate(caller.OrganizationId, id, patch, match.Version), ct);
        return await AnswerAsync(id, caller, context, mediator, ct);
    }

    private static async Task<IResult> DeleteAsync(Guid id, IfMatch match, Caller caller, IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new DeleteTemplate(caller.OrganizationId, id, match.Version), ct);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> SubmitAsync(Guid id, IfMatch match, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct)
    {
        await mediator.Send(new SubmitTemplate(caller.OrganizationId, id, match.Version), ct);
        return await AnswerAsync(id, caller, context, mediator, ct);
    }

    private static async Task<IResult> PauseAsync(Guid id, PauseBody? body, IfMatch match, Caller caller, HttpContext context,
        IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new PauseTemplate(caller.OrganizationId, id, body?.Reason, match.Version), ct);
        return await AnswerAsync(id, caller, context, mediator, ct);
    }

    private static async Task<IResult> ResumeAsync(Guid id, IfMatch match, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct)
    {
        await mediator.Send(new ResumeTemplate(caller.OrganizationId, id, match.Version), ct);
        return await AnswerAsync(id, caller, context, mediator, ct);
    }

    private static async Task<IResult> SyncAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new SyncTemplate(caller.OrganizationId, id), ct);
        return await AnswerAsync(id, caller, context, mediator, ct);
    }

    private static async Task<IResult> SyncAllAsync(SyncTemplatesBody body, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct) => Answers.Ok(context, await mediator.Send(new SyncTemplates(caller.OrganizationId, body.AccountId), ct));

    private static async Task<IResult> PreviewAsync(Guid id, TemplatePreviewBody? body, Caller caller, HttpContext context,
        IMediator mediator, CancellationToken ct) =>
        Answers.Ok(context, await mediator.Send(new PreviewTemplate(caller.OrganizationId, id, body?.Parameters), ct));

    private static async Task<IResult> VersionsAsync(Guid id, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct) =>
        Answers.Ok(context, new TemplateVersions(await mediator.Send(new GetTemplateVersions(caller.OrganizationId, id), ct)));

    private static async Task<IResult> AnswerAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct)
    {
        var template = await mediator.Send(new GetTemplate(caller.OrganizationId, id), ct);
        return Answers.Ok(context, template, template.Version);
    }
}
