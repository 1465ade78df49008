using MediatR;

namespace Bsp.Application.Contacts;

/// <summary>
/// Meta says by which number WhatsApp knows a contact: in its answer to a send (<c>wa_id</c>), or by letting an answer to our own message
/// come from it (<c>context.id</c>). Where that is another spelling of the
/// contact's number, whoever was known by it becomes part of the contact. Nothing happens when the two numbers are not alike, or when both
/// are people of their own by their user ids.
/// </summary>
/// <param name="Number">E.164.</param>
/// <param name="Source">What showed it: <c>wa_id</c>, <c>reply</c>.</param>
public sealed record RecognizeContact(Guid OrganizationId, Guid ContactId, string Number, string Source) : IRequest<Recognized>;

/// <param name="ContactId">Whom the contact's id means now.</param>
/// <param name="Same">The number is that contact's.</param>
public sealed record Recognized(Guid ContactId, bool Same);
