using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Templates;
using Carter;

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

    private static async Task<IResult> CreateAsync(NewTemplate body, Call call)
    {
        var done = await call.Send(new CreateTemplate(call.OrganizationId, body.AccountId, body.Name, body.Category, body.Language,
            body.Components, body.Variables));
        var template = await call.Send(new GetTemplate(call.OrganizationId, done.Id));
        return call.Created($"/v1/templates/{done.Id}", template, template.Version);
    }

    private static async Task<IResult> ListAsync(Guid? account_id, string? status, string? name, Paging paging, Call call) =>
        call.Page(await call.Send(new ListTemplates(call.OrganizationId, account_id, status, name, paging.Limit, paging.Cursor)));

    private static Task<IResult> GetAsync(Guid id, Call call) =>
        AnswerAsync(id, call);

    private static async Task<IResult> PatchAsync(Guid id, JsonElement patch, IfMatch match, Call call)
    {
        await call.Send(new ReviseTemplate(call.OrganizationId, id, patch, match.Version));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> DeleteAsync(Guid id, IfMatch match, Call call)
    {
        await call.Send(new DeleteTemplate(call.OrganizationId, id, match.Version));
        return TypedResults.NoContent();
    }

    private static async Task<IResult> SubmitAsync(Guid id, IfMatch match, Call call)
    {
        await call.Send(new SubmitTemplate(call.OrganizationId, id, match.Version));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> PauseAsync(Guid id, PauseBody? body, IfMatch match, Call call)
    {
        await call.Send(new PauseTemplate(call.OrganizationId, id, body?.Reason, match.Version));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> ResumeAsync(Guid id, IfMatch match, Call call)
    {
        await call.Send(new ResumeTemplate(call.OrganizationId, id, match.Version));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> SyncAsync(Guid id, Call call)
    {
        await call.Send(new SyncTemplate(call.OrganizationId, id));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> SyncAllAsync(SyncTemplatesBody body,
        Call call) => call.Ok(await call.Send(new SyncTemplates(call.OrganizationId, body.AccountId)));

    private static async Task<IResult> PreviewAsync(Guid id, TemplatePreviewBody? body, Call call) =>
        call.Ok(await call.Send(new PreviewTemplate(call.OrganizationId, id, body?.Parameters)));

    private static async Task<IResult> VersionsAsync(Guid id, Call call) =>
        call.Ok(new TemplateVersions(await call.Send(new GetTemplateVersions(call.OrganizationId, id))));

    private static async Task<IResult> AnswerAsync(Guid id, Call call)
    {
        var template = await call.Send(new GetTemplate(call.OrganizationId, id));
        return call.Ok(template, template.Version);
    }
}
