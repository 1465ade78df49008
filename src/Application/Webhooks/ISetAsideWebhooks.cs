using Bsp.Application.Common;

namespace Bsp.Application.Webhooks;

/// <summary>A part of a webhook that was not carried out. What it says is personal and is not shown.</summary>
/// <param name="OrganizationId">Whose it is, as far as that shows; null: nobody's.</param>
/// <param name="JournalId">Row of <c>bsp.webhook_journal</c>, which has the raw bytes for its days.</param>
/// <param name="SignedBy"><c>app</c> (<c>app#2</c> …), the platform's Meta app, or <c>organization</c>, the organization's own.</param>
/// <param name="Field">Meta's word for the kind of change, <c>messages</c>.</param>
/// <param name="Part">Which of its items: <c>messages[3]</c>, <c>statuses[0..499]</c>, or the field.</param>
/// <param name="Reason"><c>failed</c>, or <c>postponed</c>: more than its organization's share of a page, or a store was away.</param>
/// <param name="Error">Of the last attempt that failed; null: none did.</param>
/// <param name="Attempts">Attempts that failed.</param>
/// <param name="NextAt">When it is tried again by itself; null: it waits for a person.</param>
public sealed record SetAsideWebhook(long Id, Guid? OrganizationId, long JournalId, DateTimeOffset ReceivedAt, string SignedBy,
    string Field, string Part, string Reason, string? Error, int Attempts,
    DateTimeOffset? NextAt, DateTimeOffset SetAsideAt, DateTimeOffset TriedAt);

/// <summary>A webhook, or a part of one, that had no effect because it was not understood or is nobody's.</summary>
/// <param name="Field">Meta's word for the kind of change; null: it concerns the whole webhook.</param>
/// <param name="Reason"><c>not_json</c>, <c>no_envelope</c>, <c>unknown_number</c>, <c>unknown_template</c>, <c>unhandled_field</c>,
/// <c>gone</c>.</param>
public sealed record WebhookNote(long Id, long JournalId, DateTimeOffset ReceivedAt, string? Field, string Reason, string? Detail,
    DateTimeOffset NotedAt);

/// <summary>Webhooks whose effect is missing, as operators see them.</summary>
public interface ISetAsideWebhooks
{
    /// <summary>Oldest first.</summary>
    /// <param name="cursor">Where the page before ended; null: from the start.</param>
    Task<Page<SetAsideWebhook>> ListAsync(string? cursor, int limit, CancellationToken ct);

    /// <summary>Newest first.</summary>
    Task<Page<WebhookNote>> NotesAsync(string? cursor, int limit, CancellationToken ct);

    /// <summary>Has one (null: all) tried again at once, by whoever reads webhooks; how many.</summary>
    /// <exception cref="Domain.Common.Refusal"><c>webhook.unknown</c></exception>
    Task<int> RetryAsync(long? id, CancellationToken ct);
}
