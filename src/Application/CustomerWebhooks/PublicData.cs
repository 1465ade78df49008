using System.Text.Json;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>
/// What a public event tells. These records are a contract: fields are added, never renamed or taken away; what must change otherwise comes
/// with another API version.
/// </summary>
public abstract record PublicData;

/// <param name="Code">Meta's; null: it gave none.</param>
public sealed record PublicError(int? Code, string? Title, string? Details);

/// <summary>What became of a message.</summary>
/// <param name="CampaignId">Absent: no campaign sent it.</param>
/// <param name="MessageType">WhatsApp's own word: text, template, image, …</param>
/// <param name="At">When it happened, by the clock of whoever knows best (Meta's for statuses).</param>
/// <param name="WaMessageId">Meta's id (wamid), where the event brings one; absent when the person was erased: it holds their
/// number.</param>
/// <param name="Reason">Why it was skipped, cancelled or closed, in a word.</param>
public sealed record MessageData(Guid MessageId, Guid AccountId, Guid ContactId, Guid ConversationId, Guid? CampaignId, string MessageType,
    string Direction, DateTimeOffset At,
    string? WaMessageId = null, PublicError? Error = null, string? Reason = null) : PublicData;

/// <summary>A customer wrote.</summary>
/// <param name="Content">The message as Meta wrote it; absent when the person was erased, or when it is larger than a payload may be (read
/// it at /v1/messages/{id}).</param>
/// <param name="Erased">The person was erased: nothing of what they wrote is left.</param>
public sealed record MessageReceivedData(Guid MessageId, Guid AccountId, Guid ContactId, Guid ConversationId, string MessageType,
    DateTimeOffset At, string? WaMessageId, bool NewContact, JsonElement? Content,
    bool Erased) : PublicData;

/// <summary>A machine read what a customer wrote. What it quotes of them is read at /v1/messages/{id}.</summary>
/// <param name="Language">Two letters; absent: it cannot be told.</param>
/// <param name="Sentiment">positive, negative or neutral.</param>
/// <param name="SentimentScore">-1 to 1.</param>
/// <param name="Confidence">Of the intent, 0 to 1.</param>
/// <param name="Fallback">Why the embedded reader took the place of the organization's model; absent: it did not.</param>
public sealed record MessageAnalysedData(Guid MessageId, Guid AccountId, Guid ContactId, Guid ConversationId, string MessageType,
    DateTimeOffset At, string? Language, string Sentiment, decimal SentimentScore, string Intent, decimal Confidence,
    string? Fallback) : PublicData;

/// <summary>A campaign moved on.</summary>
/// <param name="Reason">Why it was paused or cancelled.</param>
/// <param name="TotalRecipients">Of the frozen audience, once it is frozen.</param>
public sealed record CampaignData(Guid CampaignId, DateTimeOffset At, string? Name = null, string? Reason = null,
    DateTimeOffset? ScheduledAt = null, int? TotalRecipients = null) : PublicData;

/// <summary>A template changed, by us or by Meta.</summary>
public sealed record TemplateData(Guid TemplateId, DateTimeOffset At, string? Name = null, string? Language = null, string? Status = null,
    string? StatusExact = null, string? Category = null,
    string? PreviousCategory = null, string? Quality = null, string? Reason = null) : PublicData;

/// <summary>A contact's consent or identity changed. Names and numbers are read at /v1/contacts/{id}.</summary>
/// <param name="AbsorbedId">The contact that became part of this one.</param>
public sealed record ContactData(Guid ContactId, DateTimeOffset At, string? ConsentStatus = null, string? Source = null,
    Guid? AbsorbedId = null) : PublicData;

/// <summary>A file of contacts was taken in.</summary>
public sealed record ContactsImportedData(Guid ImportId, string Source, int Total, int Created, int Updated, int Rejected,
    DateTimeOffset At) : PublicData;

/// <summary>A conversation changed hands, place or state.</summary>
/// <param name="UserId">Who has it now, or who did this; absent: nobody, or no person did.</param>
/// <param name="Until">Free-form messages may be sent until then; of a conversation that was put aside: put aside until then.</param>
/// <param name="TeamId">Whose members may be given it; absent: no team.</param>
/// <param name="Reason">Why it was given to somebody (person, route, queue or offline), came back (due, customer or person), or was left
/// to people by a machine (a word of docs/ai.md).</param>
/// <param name="MessageId">The answer.</param>
/// <param name="NoteId">The note; its text is read at /v1/conversations/{id}/notes.</param>
/// <param name="By">Who answered or noted: the user's id, the key's prefix, or phone.</param>
/// <param name="Mentions">Users who are told of the note.</param>
public sealed record ConversationData(Guid ConversationId, Guid AccountId, Guid ContactId, DateTimeOffset At, Guid? UserId = null,
    string? Status = null, string? Priority = null,
    IReadOnlyList<string>? Tags = null, DateTimeOffset? Until = null, Guid? TeamId = null, string? Reason = null,
    Guid? MessageId = null, Guid? NoteId = null, string? By = null, IReadOnlyList<Guid>? Mentions = null) : PublicData;

/// <summary>A WhatsApp number of the organization changed.</summary>
/// <param name="Changed">Names of fields.</param>
public sealed record AccountData(Guid AccountId, DateTimeOffset At, IReadOnlyList<string>? Changed = null) : PublicData;

/// <summary>An endpoint was switched off by the platform: told to the organization's other endpoints.</summary>
/// <param name="Reason">The word of what went wrong last; GET /v1/webhooks/{id} says more.</param>
public sealed record WebhookDisabledData(Guid WebhookId, DateTimeOffset At, string? Reason = null) : PublicData;

/// <summary>A test, sent by POST /v1/webhooks/{id}/test.</summary>
public sealed record WebhookTestData(Guid WebhookId, DateTimeOffset At, string Message) : PublicData;
