using MediatR;

namespace Bsp.Application.Contacts;

/// <summary>
/// Erases a person: the keys of their data in the log, their row, and, by a worker that goes on after a crash, their documents, cached
/// copies, staged imports and the journal's raw bytes.
/// Counts, chains and proofs stay. Again: tells how far it is. Refused with <c>contact.unknown</c>.
/// </summary>
public sealed record EraseContact(Guid OrganizationId, Guid ContactId) : IRequest<ContactErasure>;

/// <param name="Status"><c>running</c> (unreadable already, copies are being removed) or <c>completed</c>.</param>
/// <param name="ContactIds">With those that were merged into it.</param>
public sealed record ContactErasure(Guid ContactId, string Status, IReadOnlyList<Guid> ContactIds, DateTimeOffset RequestedAt,
    DateTimeOffset? CompletedAt);
