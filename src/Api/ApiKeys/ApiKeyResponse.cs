using AutoMapper;
using Bsp.Application.ApiKeys;

namespace Bsp.Api.ApiKeys;

/// <param name="AccountId">The one WhatsApp account it is restricted to; null: every account.</param>
public sealed record ApiKeyResponse(Guid Id, string Name, string KeyPrefix, string Permissions, Guid? AccountId,
    DateTimeOffset? LastUsedAt, DateTimeOffset? ExpiresAt, DateTimeOffset CreatedAt, DateTimeOffset? RevokedAt);

/// <param name="Key">The key itself: shown here and never again.</param>
public sealed record NewApiKeyResponse(Guid Id, string Name, string Key, string KeyPrefix, string Permissions, Guid? AccountId,
    DateTimeOffset? ExpiresAt, DateTimeOffset CreatedAt);

public sealed class ApiKeyProfile : Profile
{
    public ApiKeyProfile() => CreateMap<ApiKeyView, ApiKeyResponse>();
}
