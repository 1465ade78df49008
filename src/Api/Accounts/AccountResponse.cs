using AutoMapper;
using Bsp.Application.Accounts;

namespace Bsp.Api.Accounts;

public sealed record AccountResponse(Guid Id, string PhoneNumberId, string PhoneNumber, string DisplayName, string MetaWabaId,
    string QualityRating, string QualityRatingExact, int MessagingLimit,
    int DailySentCount, DateTimeOffset? LimitResetDate, string Status, int MessagesPerSecondMax, DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt, string? MetaBusinessId, bool Coexistence, string? NameStatus, string? RequestedName, string? ReviewStatus,
    string? Restriction, DateTimeOffset? RestrictedUntil);

public sealed class AccountProfile : Profile
{
    public AccountProfile() => CreateMap<AccountView, AccountResponse>();
}
