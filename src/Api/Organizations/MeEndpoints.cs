using Bsp.Api.ApiKeys;
using Bsp.Api.Common;
using Bsp.Api.Users;
using Bsp.Application.ApiKeys;
using Bsp.Application.Organizations;
using Bsp.Application.Users;
using Carter;

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

    private static async Task<MeResponse> Me(Call call)
    {
        var organization = call.OrganizationId == Guid.Empty ? null : await call.Send(new GetOrganization(call.OrganizationId));
        var key = call.Caller.KeyId is { } keyId ? await call.Send(new GetApiKey(call.OrganizationId, keyId)) : null;
        var user = call.Caller.Session is { } session ? await call.Send(new GetUser(session.OrganizationId, session.UserId)) : null;
        return new(call.Caller.RoleName, call.Map<OrganizationResponse?>(organization), call.Map<ApiKeyResponse?>(key),
            call.Map<UserResponse?>(user));
    }
}
