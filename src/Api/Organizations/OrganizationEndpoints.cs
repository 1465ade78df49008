using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Organizations;
using Carter;

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
        app.MapPost("/v1/organizations/{id:guid}/suspend", (Guid id, IfMatch match, Call call) => SetStatus(id, "suspended", match, call))
            .Describe("It goes on reading but sends nothing.", "organization.unknown").Produces<OrganizationResponse>();
        app.MapPost("/v1/organizations/{id:guid}/deactivate", (Guid id, IfMatch match, Call call) => SetStatus(id, "inactive", match, call))
            .Describe("Nobody of it gets in any more, by key or session, within a second.", "organization.unknown")
            .Produces<OrganizationResponse>();
        app.MapPost("/v1/organizations/{id:guid}/activate", (Guid id, IfMatch match, Call call) => SetStatus(id, "active", match, call))
            .Describe("Ends a suspension or deactivation.", "organization.unknown").Produces<OrganizationResponse>();
    }

    private static async Task<IResult> Create(CreateOrganizationRequest body, Call call)
    {
        var done = await call.Send(new CreateOrganization(CurrentRequest.NewId(), body.Name, body.Slug, body.LogoUrl,
            body.MetaBusinessId, body.MetaAccessToken, body.WebhookVerifyToken, body.Settings));
        var view = await Found(done.Id, call);
        return call.Created($"/v1/organizations/{done.Id}", call.Map<OrganizationResponse>(view), view.Version);
    }

    private static async Task<IResult> List(Paging paging, Call call) =>
        call.Page<OrganizationView, OrganizationResponse>(call.Caller.Role == Role.Platform
            ? await call.Send(new ListOrganizations(paging.Cursor, paging.Limit))
            : new Page<OrganizationView>([await Found(call.OrganizationId, call)], null));

    private static async Task<IResult> Get(Guid id, Call call) =>
        call.Caller.MaySee(id) ? await Shown(id, call) : throw Problem.Unknown("organization");

    private static async Task<IResult> Patch(Guid id, PatchOrganizationRequest body, IfMatch match, Call call)
    {
        if (!call.Caller.MaySee(id))
        {
            throw Problem.Unknown("organization");
        }

        await call.Send(new PatchOrganization(id, body.Name, body.LogoUrl, body.MetaBusinessId, body.MetaAccessToken,
            body.WebhookVerifyToken, body.MetaAppSecret, body.Settings, match.Version));
        return await Shown(id, call);
    }

    private static async Task<IResult> SetStatus(Guid id, string status, IfMatch match, Call call)
    {
        await call.Send(new SetOrganizationStatus(id, status, match.Version));
        return await Shown(id, call);
    }

    private static async Task<IResult> Shown(Guid id, Call call)
    {
        var view = await Found(id, call);
        return call.Ok(call.Map<OrganizationResponse>(view), view.Version);
    }

    private static async Task<OrganizationView> Found(Guid id, Call call) =>
        await call.Send(new GetOrganization(id)) ?? throw Problem.Unknown("organization");
}
