using MediatR;

namespace Bsp.Application.Common;

/// <summary>
/// Something to be done for one organization. Skipped by the pipeline when its idempotency claim says that the work is already committed.
/// </summary>
public interface ICommand : IRequest<Done>
{
    /// <summary>The organization it acts for; the tenant.</summary>
    Guid OrganizationId { get; }
}

/// <summary>A command was carried out (or found nothing to do).</summary>
/// <param name="Id">The resource.</param>
/// <param name="Version">Stream or row version after the command; 0 when unknown (a repeat whose work was done earlier).</param>
public sealed record Done(Guid Id, long Version);

/// <summary>One page of a list.</summary>
/// <param name="NextCursor">Unsigned keyset cursor of the next page; null at the end. The HTTP layer signs it.</param>
public sealed record Page<T>(IReadOnlyList<T> Data, string? NextCursor);
