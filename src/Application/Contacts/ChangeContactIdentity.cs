using MediatR;

namespace Bsp.Application.Contacts;

/// <summary>
/// Meta says that a person is reached by another number or user id from then on. The contact keeps its id and history; one that had the new
/// number or id already becomes part of it. What is older than what is
/// known of that number or id is kept in the log and changes nothing. Nobody known by the old ones: it waits for news of them, as long as
/// the journal. Told twice: the second time nothing happens.
/// </summary>
/// <param name="Before">Known until then; at least one of the two.</param>
/// <param name="After">From then on; what is null stays as it was.</param>
/// <param name="Proof">Names the piece of news, the same when it is told again: the message's id, a hash of the update.</param>
/// <param name="SaidAt">When it happened, by Meta's clock.</param>
public sealed record ChangeContactIdentity(Guid OrganizationId, ContactIdentity Before, ContactIdentity After, string Source, string Proof,
    DateTimeOffset SaidAt) : IRequest<Guid?>;

/// <summary>
/// Carries out the news that waits for persons who have just been heard of; how many pieces. News that is older than how they were reached
/// is not about them.
/// </summary>
/// <param name="Reached">How messages named them, and when.</param>
public sealed record HearWaitingNews(Guid OrganizationId, IReadOnlyCollection<ContactIdentity> Reached) : IRequest<int>;
