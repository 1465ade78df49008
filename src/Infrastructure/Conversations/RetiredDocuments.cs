using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Domain.Retention;
using Bsp.Infrastructure.Documents;

namespace Bsp.Infrastructure.Conversations;

/// <summary>
/// What a page's events say is archived and gone: live as in a rebuild, so that both end with the same. What a conversation that stays
/// shows of messages that are gone goes with them, for a rebuild, which meets them without their words, could not show it either.
/// </summary>
internal sealed class RetiredDocuments(FoundDocuments found, Dictionary<DocumentId, ConversationDocument> conversations,
    Dictionary<DocumentId, MessageDocument> messages)
{
    private readonly HashSet<DocumentId> messagesGone = [];
    private readonly HashSet<DocumentId> conversationsGone = [];

    /// <summary>Messages that are to be there no more.</summary>
    public IReadOnlyCollection<DocumentId> Messages => messagesGone;

    /// <summary>Conversations that are to be there no more.</summary>
    public IReadOnlyCollection<DocumentId> Conversations => conversationsGone;

    /// <summary>A message's document before the page; null: there is none, or the page has retired it.</summary>
    public MessageDocument? Message(DocumentId id) => messagesGone.Contains(id) ? null : found.Messages.GetValueOrDefault(id);

    /// <summary>As above, of a conversation.</summary>
    public ConversationDocument? Conversation(DocumentId id) =>
        conversationsGone.Contains(id) ? null : found.Conversations.GetValueOrDefault(id);

    /// <summary>Something was written in it again.</summary>
    public void Again(DocumentId id) => conversationsGone.Remove(id);

    /// <param name="position">Of the event, packed.</param>
    public void Fold(object body, long position)
    {
        if (body is not MessagesRetired retired)
        {
            return;
        }

        foreach (var id in retired.Messages.Select(DocumentId.Of))
        {
            messages.Remove(id);
            messagesGone.Add(id);
        }

        var ended = retired.Ended.ToHashSet();
        foreach (var conversation in retired.Conversations)
        {
            var id = DocumentId.Of(conversation);
            if ((conversations.GetValueOrDefault(id) ?? Conversation(id)) is not { } before || before.Position >= position)
            {
                continue;
            }

            if (ended.Contains(conversation) && !(before.LastMessageAt >= retired.Before))
            {
                conversations.Remove(id);
                conversationsGone.Add(id);
            }
            else
            {
                conversations[id] = Trimmed(before, retired.Before) with { Position = position };
            }
        }
    }

    private static ConversationDocument Trimmed(ConversationDocument d, DateTimeOffset before) => d with
    {
        Contact = d.LastInboundAt >= before ? d.Contact : d.Contact with { Name = null },
        AiAnalysis = d.AnalysedAt < before && d.AiAnalysis is { } said ? said with { Summary = null } : d.AiAnalysis,
        Amendments = d.Amendments is null ? null
            : [.. d.Amendments.Select(a => a.At < before ? a with { Preview = null } : a)],
        LastMessagePreview = d.LastMessageAt < before ? null : d.LastMessagePreview,
    };
}
