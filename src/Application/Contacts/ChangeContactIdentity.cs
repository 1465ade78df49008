using MediatR;

namespace Bsp.Application.Contacts;

/// <summary>
/// Meta says that a person is reached by another number or user id from now on. The contact keeps its id and history; one that had the new number or id already becomes part of it.
/// Nobody known by the old or new ones: nothing happens. Told twice: the second time nothing happens.
/// </summary>
/// <param name="Before">Known so far; at least one of the two.</param>
/// <param name="After">From now on; what is null stays as it was.</param>
/// <param name="Proof">Names the piece of news, the same when it is told again: the message's id, a hash of the update. Told again after other news, it changes nothing.</param>
public sealed record ChangeContactIdentity(Guid OrganizationId, ContactIdentity Before, ContactIdentity After, string Source, string Proof) : IRequest<Guid?>;
