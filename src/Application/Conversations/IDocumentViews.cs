using Bsp.Application.Common;
using Bsp.Application.Messages;

namespace Bsp.Application.Conversations;

/// <summary>Which conversations; null: not asked.</summary>
/// <param name="Tag">They carry it.</param>
/// <param name="Unread">There is something unread, or there is not.</param>
/// <param name="Unassigned">Nobody has it, or somebody has.</param>
/// <param name="WindowOpen">Free-form messages are allowed at <paramref name="Now"/>, or they are not.</param>
/// <param name="Snoozed">It is put aside, or it is not.</param>
public sealed record ConversationFilter(string? Status = null, Guid? AssignedTo = null, Guid? ContactId = null, Guid? AccountId = null,
    string? Priority = null, string? Tag = null, bool? Unread = null,
    bool? Unassigned = null, bool? WindowOpen = null, bool? Snoozed = null, Guid? TeamId = null, DateTimeOffset Now = default)
{
    /// <summary>A document passes. The same as the stores' own words.</summary>
    public bool Passes(ConversationDocument d) =>
        (Status is null || d.Status == Status) && (AssignedTo is null || d.AssignedTo == AssignedTo)
        && (ContactId is null || d.ContactId == ContactId) && (AccountId is null || d.AccountId == AccountId)
        && (Priority is null || d.Priority == Priority) && (Tag is null || d.Tags.Contains(Tag))
        && (Unread is null || d.UnreadCount > 0 == Unread) && (Unassigned is null || d.AssignedTo is null == Unassigned)
        && (WindowOpen is null || d.WindowUntil > Now == WindowOpen) && (Snoozed is null || d.SnoozedUntil is not null == Snoozed)
        && (TeamId is null || d.TeamId == TeamId);
}

/// <summary>Reads the conversation and message documents of one organization: MongoDB when configured, else JSONB in PostgreSQL.</summary>
public interface IDocumentViews : IMessageDocuments
{
    /// <summary>
    /// Latest message first. A page may be short and still have a next one: a walk that finds few ends after 20,000 conversations.
    /// </summary>
    /// <param name="limit">1–200.</param>
    /// <param name="cursor"><see cref="Page{T}.NextCursor"/> of the page before; null: from the start.</param>
    /// <exception cref="Domain.Common.Refusal"><c>cursor.invalid</c></exception>
    Task<Page<ConversationDocument>> ConversationsAsync(Guid organizationId, ConversationFilter filter, int limit, string? cursor,
        CancellationToken ct);

    /// <summary>Null: none of this organization.</summary>
    Task<ConversationDocument?> ConversationAsync(Guid organizationId, Guid conversationId, CancellationToken ct);

    /// <summary>Those of the ids that this organization has, in no order. At most 500.</summary>
    Task<IReadOnlyList<ConversationDocument>> ConversationsAsync(Guid organizationId, IReadOnlyCollection<Guid> conversationIds,
        CancellationToken ct);

    /// <summary>Conversations with any of these contacts, oldest first.</summary>
    Task<IReadOnlyList<ConversationDocument>> ConversationsOfAsync(Guid organizationId, IReadOnlyCollection<Guid> contactIds,
        CancellationToken ct);
}
