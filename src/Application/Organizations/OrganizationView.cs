using System.Text.Json;
using Bsp.Application.Common;
using MediatR;

namespace Bsp.Application.Organizations;

/// <summary>An organization as its people see it; the sealed columns stay out.</summary>
/// <param name="Status"><c>active</c>, <c>suspended</c> (reads, sends nothing) or <c>inactive</c>.</param>
/// <param name="HasMetaAccessToken">A token is stored; it is never shown.</param>
/// <param name="Version">Row version.</param>
public sealed record OrganizationView(Guid Id, string Name, string Slug, string? LogoUrl, string? MetaBusinessId, bool HasMetaAccessToken,
    string Status, JsonElement Settings,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, long Version);

/// <summary>One organization; null when there is none.</summary>
public sealed record GetOrganization(Guid Id) : IRequest<OrganizationView?>;

/// <summary>All organizations in the order of their creation: for the platform.</summary>
/// <param name="Limit">1–200.</param>
public sealed record ListOrganizations(string? Cursor, int Limit) : IRequest<Page<OrganizationView>>;
