using System.Text.Json;
using AutoMapper;
using Bsp.Application.Users;

namespace Bsp.Api.Users;

/// <summary>A person as the contract shows it: the specification's columns without the password's hash.</summary>
/// <param name="HasPassword">False: they cannot sign in before a reset.</param>
public sealed record UserResponse(Guid Id, Guid OrganizationId, string Email, string? FirstName, string? LastName, string? Phone,
    string? AvatarUrl, string Role, string Status, bool HasPassword,
    DateTimeOffset? LastLogin, JsonElement Preferences, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

public sealed class UserProfile : Profile
{
    public UserProfile() => CreateMap<UserView, UserResponse>();
}
