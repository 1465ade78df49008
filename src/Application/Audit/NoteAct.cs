using MediatR;

namespace Bsp.Application.Audit;

/// <summary>
/// Puts something on the audit trail that changes nothing and is to be known all the same: an export, the platform looking into an
/// organization. Before it is done.
/// </summary>
/// <param name="OrganizationId">All zeros: the platform's own trail.</param>
/// <param name="Details">Names, never values; null: the act says all.</param>
public sealed record NoteAct(Guid OrganizationId, string Act, string TargetType, Guid? TargetId, IReadOnlyList<string>? Details) : IRequest;
