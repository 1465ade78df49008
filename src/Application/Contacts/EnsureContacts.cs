using MediatR;

namespace Bsp.Application.Contacts;

/// <summary>Who wrote to us, as Meta names them. At least one of the two ids.</summary>
/// <param name="PhoneNumber">E.164, or Meta's <c>wa_id</c>; null when Meta names the user id only.</param>
/// <param name="ProfileName">Becomes the name of a new contact; an existing one keeps its own.</param>
/// <param name="SaidAt">When they were so reached, by Meta's clock: who had the number at that time is meant, and an older word replaces no
/// later user id. Null: now.</param>
public sealed record ContactIdentity(string? PhoneNumber, string? WaUserId, string? ProfileName, DateTimeOffset? SaidAt = null);

/// <param name="Created">This call made the row.</param>
public sealed record EnsuredContact(Guid Id, bool Created);

/// <summary>
/// Finds each contact, by user id first and by phone number else, or makes it; in the order asked, one round trip for all. An id that a
/// found contact lacks is added to it.
/// Two callers with the same person get the same row. At most 5,000.
/// </summary>
public sealed record EnsureContacts(Guid OrganizationId, IReadOnlyList<ContactIdentity> Identities)
    : IRequest<IReadOnlyList<EnsuredContact>>;
