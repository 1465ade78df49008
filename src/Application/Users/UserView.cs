using System.Text.Json;
using Bsp.Application.Common;
using MediatR;

namespace Bsp.Application.Users;

/// <summary>A person as their organization sees them; the password's hash stays out.</summary>
/// <param name="Role">viewer, agent, manager, admin or super_admin.</param>
/// <param name="Status">active, inactive or suspended.</param>
/// <param name="HasPassword">False: they cannot sign in before a reset.</param>
/// <param name="LastLogin">Null: never.</param>
/// <param name="Version">Row version.</param>
public sealed record UserView(Guid Id, Guid OrganizationId, string Email, string? FirstName, string? LastName, string? Phone,
    string? AvatarUrl, string Role, string Status, bool HasPassword,
    DateTimeOffset? LastLogin, JsonElement Preferences, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, long Version);

/// <summary>One person; null when the organization has none of that id.</summary>
public sealed record GetUser(Guid OrganizationId, Guid Id) : IRequest<UserView?>;

/// <summary>The organization's people in the order of their creation.</summary>
/// <param name="Role">Null: all.</param>
/// <param name="Status">Null: all.</param>
public sealed record ListUsers(Guid OrganizationId, string? Role, string? Status, string? Cursor, int Limit) : IRequest<Page<UserView>>;
