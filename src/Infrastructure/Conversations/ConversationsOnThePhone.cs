using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Messages;

namespace Bsp.Infrastructure.Conversations;

/// <summary>
/// What WhatsApp's own app on the number brings of a conversation: what a person sent there now (who answers has read), and what lay in its
/// history, which changes nothing but what is seen and counted.
/// </summary>
internal static class ConversationsOnThePhone
{
    public static ConversationDocument Fold(ConversationDocument d, MessageEvent fact, MessageDocument? message, string? content)
    {
        var known = d with { Contact = d.Contact with { PhoneNumber = d.Contact.PhoneNumber ?? Number(content) } };
        if (InboundKind.Of(fact.Ref.Type).Amends)
        {
            return ConversationDocumentFold.Alone(known, fact.At, message);
        }

        var count = known.MessageCount;
        var after = ConversationDocumentFold.Last(known, fact.At, message) with
        {
            MessageCount = fact.Ref.Direction == "outbound" ? count with { Outgoing = count.Outgoing + 1 }
                : count with { Incoming = count.Incoming + 1 },
        };
        return fact is MessageEchoed ? after with { UnreadCount = 0, Unread = null } : after;
    }

    private static string? Number(string? content) => MessageDocumentContent.Parse(content) is { } root
        ? E164.OfMeta(MessageDocumentContent.Text(root, "wa_id")) : null;
}
