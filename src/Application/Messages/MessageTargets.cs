using System.Text.Json.Nodes;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;

namespace Bsp.Application.Messages;

/// <summary>
/// Messages that another one is about (an answer, a reaction), named by our ids: Meta knows them by its own, which a message has once it
/// was accepted or received.
/// </summary>
public sealed class MessageTargets(IEventStore store)
{
    /// <summary>The content with Meta's ids in place of ours; an id that is none of ours stays.</summary>
    /// <exception cref="Refusal"><c>message.target_unknown</c>: there is no such message of this number, or Meta has none yet.</exception>
    public async Task<JsonObject> NamedAsync(Guid organizationId, Guid accountId, JsonObject content, CancellationToken ct)
    {
        foreach (var (part, field) in new[] { ("context", "context_message_id"), ("reaction", "reaction.message_id") })
        {
            if (content[part] is JsonObject own && own["message_id"]?.GetValue<string>() is { } named && Guid.TryParse(named, out var id))
            {
                own["message_id"] = await WamidAsync(organizationId, accountId, id, ct)
                    ?? throw new Refusal("message.target_unknown",
                        $"{field}: this number has no message {id} that Meta knows. Name one that was received, or sent and accepted.");
            }
        }

        return content;
    }

    private async Task<string?> WamidAsync(Guid organizationId, Guid accountId, Guid id, CancellationToken ct)
    {
        var streams = await store.LoadManyAsync(organizationId, [id], ct, archivedToo: true);
        return streams is [{ Unreadable: null } stream] && stream.Fold<Message, MessageEvent>() is { Ref: { } reference } message
            && reference.AccountId == accountId ? message.Wamid : null;
    }
}
