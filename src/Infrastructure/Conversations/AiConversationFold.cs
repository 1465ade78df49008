using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Domain.Retention;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Messages;

namespace Bsp.Infrastructure.Conversations;

/// <summary>Event → <c>ai_conversations</c>: what a model was asked in a conversation and what came of it. Pure.</summary>
public static class AiConversationFold
{
    private static readonly string[] Names =
        ["message_analysed", "conversation_auto_answered", "conversation_handed_over", "conversation_left_silent"];

    /// <summary>The conversation of which a model was asked something; null: none was. The embedded reader is asked nothing.</summary>
    public static Guid? Of(object? body) => body switch
    {
        MessageAnalysed { Use.Calls: > 0 } e => e.Ref.ConversationId,
        ConversationAutoAnswered e => e.ConversationId,
        ConversationHandedOver { Use: not null } e => e.ConversationId,
        ConversationLeftSilent e => e.ConversationId,
        _ => null,
    };

    /// <summary>Stored names that <see cref="Of"/> knows.</summary>
    public static IReadOnlyList<string> EventTypes => Names;

    /// <summary>Of which the instructions are shown; null: none.</summary>
    public static string? PromptOf(object? body) => UseOf(body)?.PromptHash is { Length: > 0 } hash ? hash : null;

    /// <summary>The history after the event.</summary>
    /// <param name="before">Null: there is none yet.</param>
    /// <param name="position">Of the event, packed. At or before the history's own: nothing changes.</param>
    /// <param name="content">The event's opened content; null: erased, or none.</param>
    /// <param name="prompts">Instructions by their hash.</param>
    public static AiConversationDocument? Fold(AiConversationDocument? before, StoredEvent stored, long position, string? content,
        IReadOnlyDictionary<string, string> prompts)
    {
        if (Of(stored.Body) is not { } conversation || UseOf(stored.Body) is not { } use || before?.Position >= position)
        {
            return before;
        }

        var at = MessageDocumentFold.Ms(AtOf(stored));
        var d = before ?? Founded(stored, conversation, use.Model, at);
        var exchange = stored.Body is MessageAnalysed ? null : AiExchange.Read(content);
        return d with
        {
            Model = use.Model,
            SystemPrompt = PromptOf(stored.Body) is { } hash && prompts.TryGetValue(hash, out var text) ? text : d.SystemPrompt,
            Messages = [.. d.Messages.Concat(Said(exchange, use, at)).TakeLast(AiConversationDocument.MessagesMax)],
            Context = stored.Body is MessageAnalysed ? d.Context : Context(d.Context, stored.Body, exchange, at),
            TotalTokens = d.TotalTokens + use.InputTokens + use.OutputTokens,
            TotalCost = d.TotalCost + use.Cost,
            UpdatedAt = at > d.UpdatedAt ? at : d.UpdatedAt,
            Position = position,
        };
    }

    private static IEnumerable<AiMessage> Said(AiExchange? exchange, ModelUse use, DateTimeOffset at)
    {
        if (exchange is null)
        {
            yield break;
        }

        var last = exchange.Questions.Count - 1;
        for (var i = 0; i <= last; i++)
        {
            var question = exchange.Questions[i];
            // what the whole question took stands with its last message
            yield return new("user", question.Text, MessageDocumentFold.Ms(question.At), i == last ? use.InputTokens : 0, 0);
        }

        if (exchange.Reply is { } reply)
        {
            yield return new("assistant", reply, at, use.OutputTokens, use.LatencyMs);
        }
    }

    private static AiContext Context(AiContext? before, object? body, AiExchange? exchange, DateTimeOffset at)
    {
        var interaction = JsonSerializer.SerializeToElement(body switch
        {
            ConversationAutoAnswered e => new Interaction("reply", e.Intent, null, at),
            ConversationHandedOver e => new Interaction("handover", null, e.Reason, at),
            ConversationLeftSilent e => new Interaction("silent", e.Intent, null, at),
            _ => new Interaction("other", null, null, at),
        }, DocumentJson.Options);
        return new(exchange?.ContactInfo ?? before?.ContactInfo, exchange?.Summary ?? before?.ConversationSummary,
            [.. (before?.PreviousInteractions ?? []).Append(interaction).TakeLast(AiConversationDocument.InteractionsMax)]);
    }

    private static AiConversationDocument Founded(StoredEvent stored, Guid conversation, string model, DateTimeOffset at) => new()
    {
        Id = DocumentId.Of(conversation),
        Uuid = conversation,
        Position = 0,
        OrganizationId = stored.OrganizationId,
        ConversationId = DocumentId.Of(conversation),
        ContactId = ContactOf(stored.Body),
        Model = model,
        CreatedAt = at,
        UpdatedAt = at,
    };

    private static Guid ContactOf(object? body) => body switch
    {
        MessageAnalysed e => e.Ref.ContactId,
        ConversationAutoAnswered e => e.ContactId,
        ConversationHandedOver e => e.ContactId,
        ConversationLeftSilent e => e.ContactId,
        _ => Guid.Empty,
    };

    private static ModelUse? UseOf(object? body) => body switch
    {
        MessageAnalysed e => e.Use,
        ConversationAutoAnswered e => e.Use,
        ConversationHandedOver e => e.Use,
        ConversationLeftSilent e => e.Use,
        _ => null,
    };

    private static DateTimeOffset AtOf(StoredEvent stored) => stored.Body switch
    {
        MessageAnalysed e => e.At,
        ConversationAutoAnswered e => e.At,
        ConversationHandedOver e => e.At,
        ConversationLeftSilent e => e.At,
        _ => stored.Timestamp,
    };

    private sealed record Interaction(string Action, string? Intent, string? Reason, DateTimeOffset At);
}

/// <summary>The AI histories that a page changes, and those that an erasure takes away.</summary>
internal sealed class AiHistories(FoundDocuments found, IReadOnlyDictionary<string, string> prompts)
{
    private readonly Dictionary<DocumentId, AiConversationDocument> changed = [];
    private readonly HashSet<DocumentId> gone = [];

    /// <summary>Histories as they are now.</summary>
    public IReadOnlyCollection<AiConversationDocument> Changed => changed.Values;

    /// <summary>Those that are to be there no more.</summary>
    public IReadOnlyCollection<DocumentId> Gone => gone;

    /// <summary>A fact that a model had a part in.</summary>
    public void Fold(StoredEvent stored, long position, string? content)
    {
        if (AiConversationFold.Of(stored.Body) is not { } conversation)
        {
            return;
        }

        var id = DocumentId.Of(conversation);
        var before = gone.Contains(id) ? null : changed.GetValueOrDefault(id) ?? found.Ai.GetValueOrDefault(id);
        var after = AiConversationFold.Fold(before, stored, position, content, prompts);
        if (after is not null && !ReferenceEquals(after, before))
        {
            changed[id] = after;
            gone.Remove(id);
        }
    }

    /// <summary>They belong to another contact from here on.</summary>
    public void Move(Guid from, Guid to, long position)
    {
        foreach (var d in Of(from).Where(d => d.Position < position).ToList())
        {
            changed[d.Id] = d with { ContactId = to, Position = position };
        }
    }

    /// <summary>What a person said to a model goes with them, whole.</summary>
    public void Erase(Guid contact)
    {
        foreach (var d in Of(contact).ToList())
        {
            changed.Remove(d.Id);
            gone.Add(d.Id);
        }
    }

    /// <summary>Histories that are archived go, but for those in which something was said since.</summary>
    public void Retire(AiConversationsRetired? retired)
    {
        foreach (var id in (retired?.Conversations ?? []).Select(DocumentId.Of).Where(id => !gone.Contains(id)))
        {
            if ((changed.GetValueOrDefault(id) ?? found.Ai.GetValueOrDefault(id)) is { } d && d.UpdatedAt < retired!.Before)
            {
                changed.Remove(id);
                gone.Add(id);
            }
        }
    }

    private IEnumerable<AiConversationDocument> Of(Guid contact) =>
        changed.Values.Concat(found.Ai.Values.Where(d => !changed.ContainsKey(d.Id) && !gone.Contains(d.Id)))
        .Where(d => d.ContactId == contact);
}
