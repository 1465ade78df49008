using System.Text.Json;
using AutoMapper;
using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Organizations;
using Carter;
using MediatR;

namespace Bsp.Api.Organizations;

public sealed class OrganizationEndpoints : ICarterModule
{
    public sealed record CreateOrganizationRequest(string Name, string Slug, string? LogoUrl, string? MetaBusinessId,
        string? MetaAccessToken, string? WebhookVerifyToken, JsonElement? Settings);

    public sealed record PatchOrganizationRequest(Optional<string> Name, Optional<string?> LogoUrl, Optional<string?> MetaBusinessId,
        Optional<string?> MetaAccessToken, Optional<string?> WebhookVerifyToken, Optional<string?> MetaAppSecret,
        Optional<JsonElement?> Settings);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/organizations", Create).Describe("Begins an organization.", "organization.slug_taken")
            .Produces<OrganizationResponse>(201);
        app.MapGet("/v1/organizations", List).Describe("All organizations for the platform; for others their own.", "request.cursor")
            .Produces<ListResponse<OrganizationResponse>>();
        app.MapGet("/v1/organizations/{id:guid}", Get).Describe("One organization.", "organization.unknown")
            .Produces<OrganizationResponse>();
        app.MapPatch("/v1/organizations/{id:guid}", Patch).Describe("Changes an organization (JSON merge patch).", "organization.unknown")
            .Produces<OrganizationResponse>();
        app.MapPost("/v1/organizations/{id:guid}/suspend",
            (Guid id, IfMatch match, HttpContext http, IMediator mediator, IMapper mapper, CancellationToken ct) =>
                SetStatus(id, "suspended", match, http, mediator, mapper, ct))
            .Describe("It goes on reading but sends nothing.", "organization.unknown").Produces<OrganizationResponse>();
        app.MapPost("/v1/organizations/{id:guid}/deactivate",
            (Guid id, IfMatch match, HttpContext http, IMediator mediator, IMapper mapper, CancellationToken ct) =>
                SetStatus(id, "inactive", match, http, mediator, mapper, ct))
            .Describe("Nobody of it gets in any more, by key or session, within a second.", "organization.unknown")
            .Produces<OrganizationResponse>();
        app.MapPost("/v1/organizations/{id:guid}/activate",
            (Guid id, IfMatch match, HttpContext http, IMediator mediator, IMapper mapper, CancellationToken ct) =>
                SetStatus(id, "active", match, http, mediator, mapper, ct))
            .Describe("Ends a suspension or deactivation.", "organization.unknown").Produces<OrganizationResponse>();
    }

    private static async Task<IResult> Create(CreateOrganizationRequest body, HttpContext http, IMediator mediator, IMapper mapper,
        CancellationToken ct)
    {
        var done = await mediator.Send(new CreateOrganization(CurrentRequest.NewId(), body.Name, body.Slug, body.LogoUrl,
            body.MetaBusinessId, body.MetaAccessToken, body.WebhookVerifyToken, body.Settings), ct);
        var view = await Found(done.Id, mediator, ct);
        return Answers.Created(http, $"/v1/organizations/{done.Id}", mapper.Map<OrganizationResponse>(view), view.Version);
    }

    private static async Task<IResult> List(Paging paging, Caller caller, HttpContext http, IMediator mediator, IMapper mapper,
        CancellationToken ct) =>
        Answers.Page<OrganizationView, OrganizationResponse>(http, mapper, caller.Role == Role.Platform
            ? await mediator.Send(new ListOrganizations(paging.Cursor, paging.Limit), ct)
            : new Page<OrganizationView>([await Found(caller.OrganizationId, mediator, ct)], null));

    private static async Task<IResult> Get(Guid id, Caller caller, HttpContext http, IMediator mediator, IMapper mapper,
        CancellationToken ct) =>
        caller.MaySee(id) ? await Shown(id, http, mediator, mapper, ct) : throw Problem.Unknown("organization");

    private static async Task<IResult> Patch(Guid id, PatchOrganizationRequest body, IfMatch match, Caller caller, HttpContext http,
        IMediator mediator, IMapper mapper, CancellationToken ct)
    {
        if (!caller.MaySee(id))
        {
            throw Problem.Unknown("organization");
        }

        await mediator.Send(new PatchOrganization(id, body.Name, body.LogoUrl, body.MetaBusinessId, body.MetaAccessToken,
            body.WebhookVerifyToken, body.MetaAppSecret, body.Settings, match.Version), ct);
        return await Shown(id, http, mediator, mapper, ct);
    }

    private static async Task<IResult> SetStatus(Guid id, string status, IfMatch match, HttpContext http, IMediator mediator,
        IMapper mapper, CancellationToken ct)
    {
        await mediator.Send(new SetOrganizationStatus(id, status, match.Version), ct);
        return await Shown(id, http, mediator, mapper, ct);
    }

    private static async Task<IResult> Shown(Guid id, HttpContext http, IMediator mediator, IMapper mapper, CancellationToken ct)
    {
        var view = await Found(id, mediator, ct);
        return Answers.Ok(http, mapper.Map<OrganizationResponse>(view), view.Version);
    }

    private static async Task<OrganizationView> Found(Guid id, IMediator mediator, CancellationToken ct) =>
        await mediator.Send(new GetOrganization(id), ct) ?? throw Problem.Unknown("organization");
}
