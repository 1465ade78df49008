using System.Text.Json;
using AutoMapper;
using Bsp.Application.Organizations;

namespace Bsp.Api.Organizations;

public sealed record OrganizationResponse(Guid Id, string Name, string Slug, string? LogoUrl, string? MetaBusinessId,
    bool HasMetaAccessToken, string Status, JsonElement Settings, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

public sealed class OrganizationProfile : Profile
{
    public OrganizationProfile() => CreateMap<OrganizationView, OrganizationResponse>();
}
