using Bsp.Application.Common;
using MediatR;

namespace Bsp.Application.Users;

/// <summary>Somebody of the organization as everybody of it sees them.</summary>
public sealed record Colleague(Guid Id, string? FirstName, string? LastName, string Role, string? AvatarUrl);

/// <summary>The organization's active people in the order of their creation, without addresses.</summary>
public sealed record ListColleagues(Guid OrganizationId, string? Cursor, int Limit) : IRequest<Page<Colleague>>;
