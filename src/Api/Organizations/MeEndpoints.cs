using AutoMapper;
using Bsp.Api.ApiKeys;
using Bsp.Api.Common;
using Bsp.Api.Users;
using Bsp.Application.ApiKeys;
using Bsp.Application.Organizations;
using Bsp.Application.Users;
using Carter;
using MediatR;

namespace Bsp.Api.Organizations;

public sealed class MeEndpoints : ICarterModule
{
    /// <param name="Role">viewer, agent, manager, admin or super_admin (the platform).</param>
    /// <param name="Organization">Null: the platform without <c>Bsp-Organization</c>.</param>
    /// <param name="ApiKey">Null: not an API key.</param>
    /// <param name="User">Null: not a person.</param>
    public sealed record MeResponse(string Role, OrganizationResponse? Organization, ApiKeyResponse? ApiKey, UserResponse? User);

    public void AddRoutes(IEndpointRouteBuilder app) =>
        app.MapGet("/v1/me", Me).Describe("Who the caller is, and for whom they act.").Produces<MeResponse>();

    private static async Task<MeResponse> Me(Caller caller, IMediator mediator, IMapper mapper, CancellationToken ct)
    {
        var organization = caller.OrganizationId == Guid.Empty ? null : await mediator.Send(new GetOrganization(caller.OrganizationId), ct);
        var key = caller.KeyId is { } keyId ? await mediator.Send(new GetApiKey(caller.OrganizationId, keyId), ct) : null;
        var user = caller.Session is { } session ? await mediator.Send(new GetUser(session.OrganizationId, session.UserId), ct) : null;
        return new(caller.RoleName, mapper.Map<OrganizationResponse?>(organization), mapper.Map<ApiKeyResponse?>(key),
            mapper.Map<UserResponse?>(user));
    }
}
