using System.Text.Json;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Contacts;

/// <summary>All data about one person, read as it is written out: nothing of it is held in memory as a whole.</summary>
/// <param name="MergedIds">Contacts that became part of this one.</param>
/// <param name="History">Consent, identity and merges, oldest first.</param>
/// <param name="RawWebhooks">Their parts of what Meta sent, as far as the journal still has them (7 days).</param>
public sealed record ContactExport(ContactView Contact, IReadOnlyList<Guid> MergedIds, IReadOnlyList<TimelineEntry> History,
    IReadOnlyList<ExportedList> Lists, IReadOnlyList<ExportedCampaign> Campaigns,
    IReadOnlyList<ExportedImport> Imports, IReadOnlyList<JsonElement> Conversations, IAsyncEnumerable<JsonElement> Messages,
    IAsyncEnumerable<ExportedWebhook> RawWebhooks);

public sealed record ExportedList(Guid Id, string Name, DateTimeOffset AddedAt);

/// <param name="Outcome">First fact of their message: <c>message_queued</c>, or <c>message_skipped</c> with the reason; null while their
/// turn has not come.</param>
public sealed record ExportedCampaign(Guid Id, string Name, Guid MessageId, string? Outcome, string? Reason);

public sealed record ExportedImport(Guid Id, string Source, string? Proof, string FileSha256, DateTimeOffset At);

public sealed record ExportedWebhook(long JournalId, DateTimeOffset ReceivedAt, JsonElement Items);

/// <summary>All data about one contact; refused with <c>contact.unknown</c>.</summary>
public sealed record ExportContact(Guid OrganizationId, Guid ContactId) : IRequest<ContactExport>;

/// <summary>Contacts as a file, oldest first, in constant memory: all of them, those of a list, or those a filter matches.</summary>
/// <param name="ListId">Refused with <c>list.unknown</c>; null: no list.</param>
/// <param name="Filter">As lists take it; null: none.</param>
public sealed record ExportContacts(Guid OrganizationId, Guid? ListId, JsonElement? Filter)
    : IRequest<IAsyncEnumerable<IReadOnlyList<ContactView>>>;

public sealed class ExportContactsValidator : AbstractValidator<ExportContacts>
{
    public ExportContactsValidator() => RuleFor(e => e.Filter).Filter("filter");
}
