namespace Bsp.Application.Webhooks;

/// <summary>An organization's own Meta app.</summary>
/// <param name="Secret">Null: it has none, and every signature is refused.</param>
/// <param name="VerifyToken">Null: the handshake is refused.</param>
public sealed record OrganizationApp(string? Secret, string? VerifyToken);

/// <summary>Finds the Meta app of an organization that has its own.</summary>
public interface IOrganizationApps
{
    /// <summary>Changes are seen within a few seconds.</summary>
    /// <exception cref="Domain.Common.Refusal"><c>organization.unknown</c></exception>
    ValueTask<OrganizationApp> FindAsync(Guid organizationId, CancellationToken ct);
}
