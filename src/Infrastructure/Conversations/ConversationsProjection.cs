using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Privacy;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Domain.Retention;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Conversations;

/// <summary>Fills the collections conversations, messages, message_logs and ai_conversations.</summary>
/// <param name="prompts">Null: the instructions of models are not shown.</param>
public sealed class ConversationsProjection(IDocumentStore store, IPersonalData personal, IPromptTexts? prompts = null) : IProjection
{
    private static readonly string[] Types =
    [
        "contact_merged", "contact_identity_changed", "contact_erased", "messages_charged", "messages_retired", "ai_conversations_retired",
        .. Bsp.Application.EventStore.EventTypes.All.Where(pair => pair.Value.IsAssignableTo(typeof(MessageEvent))
            || pair.Value.IsAssignableTo(typeof(ConversationEvent))).Select(pair => pair.Key)
            .Where(name => name is not ("message_skipped" or "conversation_noted")),
    ];

    private const int Parts = 4;
    private const int PartsFromEvents = 500;

    public string Name => ViewNames.Conversations;

    public IReadOnlyCollection<string>? EventTypes => Types;

    // Each event is a document of some KB, read, folded and written: a page of 2,000 takes about 10 MB more than one of 1,000.
    public int PageEventsMax => 2_000;

    // What happens to a message within moments of its sending is one write of its document instead of three.
    public TimeSpan GatherFor { get; } = TimeSpan.FromMilliseconds(500);

    public IProjectionCopy? Beside { get; } = new Copy(store, personal, prompts);

    public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => store.CheckpointAsync(shard, Name, ct);

    public Task ApplyAsync(EventPage page, CancellationToken ct) =>
        ApplyAsync(page, DocumentSet.Serving, new(store, personal, prompts), Name, ct);

    // Slice by slice, because a contact may have thousands of documents, which a merge or an erasure of it loads. Each document guards
    // itself by its position, so a page of which only some was
    // written is written again; the checkpoint follows it all.
    private static async Task ApplyAsync(EventPage page, DocumentSet set, Needs needs, string name, CancellationToken ct)
    {
        page = page with { Events = [.. page.Events.SelectMany(EachMessage)] };
        foreach (var (organization, contact) in ContactDocuments.Erased(page))
        {
            needs.Personal.Forget(organization, contact); // what was opened with a key still remembered would come back
        }

        var slices = ContactDocuments.Slices(page);
        foreach (var slice in slices)
        {
            await ApplyAsync(slice, ReferenceEquals(slice, slices[^1]) ? page.UpTo : null, set, needs, name, ct);
        }
    }

    // The charges of many messages are one event; here each is its message's own, the last of those that one event brings.
    private static IEnumerable<StoredEvent> EachMessage(StoredEvent stored) => stored.Body is not MessagesCharged charged ? [stored]
        : charged.Charges.GroupBy(charge => charge.MessageId)
        .Select(of => stored with { StreamId = of.Key, Version = long.MaxValue, Body = of.Last() });

    // The documents of one conversation are written in order; large slices by several connections at once.
    private static async Task ApplyAsync(EventPage slice, long? upTo, DocumentSet set, Needs needs, string name, CancellationToken ct)
    {
        var store = needs.Store;
        if (slice.Events.Count < PartsFromEvents || ContactDocuments.Named(slice).Count > 0 // a contact's documents lie in any part
            || slice.Events.Any(e => e.Body is RetentionEvent))
        {
            await store.SaveAsync(slice.Shard, set, name, upTo, slice.Organizations, await WritesAsync(slice, set, needs, ct),
                ct);
            return;
        }

        await Task.WhenAll(slice.Events.GroupBy(PartOf).Select(async part =>
        {
            var own = slice with { Events = [.. part] };
            await store.SaveAsync(slice.Shard, set, name, null, own.Organizations, await WritesAsync(own, set, needs, ct), ct);
        }));
        await store.SaveAsync(slice.Shard, set, name, upTo, [], new([], [], []), ct);
    }

    private static int PartOf(StoredEvent stored) =>
        PartitionKey.PartOf(stored.Body is MessageEvent fact ? fact.Ref.ConversationId : stored.Body is MessageCharge charge
            ? Uuid.Conversation(charge.AccountId, charge.ContactId)
            : ConversationDocumentFold.Of(stored.Body) ?? AiConversationFold.Of(stored.Body) ?? stored.StreamId, Parts);

    private static async Task<DocumentWrites> WritesAsync(EventPage page, DocumentSet set, Needs needs, CancellationToken ct)
    {
        var store = needs.Store;
        var contents = await OpenAsync(page, needs.Personal, ct);
        var found = await store.FindAsync(page.Shard, set, page.Organizations, Conversations(page), Messages(page), ct);
        if (ContactDocuments.Named(page) is { Count: > 0 } contacts)
        {
            found = found.With(await store.FindOfContactsAsync(page.Shard, set, page.Organizations, contacts, ct));
            var groups = found.Messages.Values.Where(m => m.GroupId is not null && contacts.Contains(m.ContactId))
                .Select(m => m.ConversationId).Distinct().Where(id => !found.Conversations.ContainsKey(id)).ToList();
            found = groups.Count == 0 ? found : found.With(await store.FindAsync(page.Shard, set, page.Organizations, groups, [], ct));
        }

        var told = page.Events.SelectMany(e => e.Body is AiConversationsRetired retired ? retired.Conversations
            : AiConversationFold.Of(e.Body) is { } conversation ? [conversation] : []).Distinct().Select(DocumentId.Of).ToList();
        if (told.Count > 0)
        {
            found = found.With(new([], []) { Ai = await store.FindAiAsync(page.Shard, set, page.Organizations, told, ct) });
        }

        return Fold(page, found, contents, told.Count == 0 ? [] : await PromptsAsync(page, needs.Prompts, ct));
    }

    private static async Task<Dictionary<string, string>> PromptsAsync(EventPage page, IPromptTexts? prompts, CancellationToken ct)
    {
        var texts = new Dictionary<string, string>();
        foreach (var own in prompts is null ? []
            : page.Events.Where(e => AiConversationFold.PromptOf(e.Body) is not null).GroupBy(e => e.OrganizationId))
        {
            var hashes = own.Select(e => AiConversationFold.PromptOf(e.Body)!).Distinct().ToList();
            foreach (var (hash, text) in await prompts!.OfAsync(own.Key, hashes, ct))
            {
                texts[hash] = text; // of the text alone, so that two organizations with the same hash have the same text
            }
        }

        return texts;
    }

    /// <summary>Pure: the documents after the page.</summary>
    /// <param name="contents">Opened content by event id.</param>
    /// <param name="prompts">Instructions of models by their hash; null: none are known.</param>
    public static DocumentWrites Fold(EventPage page, FoundDocuments found, IReadOnlyDictionary<Guid, string?> contents,
        IReadOnlyDictionary<string, string>? prompts = null)
    {
        var conversations = new Dictionary<DocumentId, ConversationDocument>();
        var messages = new Dictionary<DocumentId, MessageDocument>();
        var logs = new List<MessageLogDocument>();
        var contacts = new ContactDocuments(page, found, conversations, messages);
        var ai = new AiHistories(found, prompts ?? new Dictionary<string, string>());
        var retired = new RetiredDocuments(found, conversations, messages);
        foreach (var stored in page.Events.Select(FactTime.Bounded))
        {
            var position = new Position(page.Shard.Epoch, stored.Sequence).Packed;
            if (stored.Body is ContactEvent)
            {
                contacts.Fold(stored, position, contents.GetValueOrDefault(stored.Id));
                Fold(ai, stored, position);
                continue;
            }

            if (stored.Body is RetentionEvent)
            {
                retired.Fold(stored.Body, position);
                ai.Retire(stored.Body as AiConversationsRetired);
                continue;
            }

            var content = contents.GetValueOrDefault(stored.Id);
            ai.Fold(stored, position, content);
            var message = Message(stored, position, content, retired, messages);
            var conversation = Conversation(stored, position, content, message, retired, conversations);
            contacts.Note(message, conversation);
            if (MessageDocumentLogs.Of(stored, position) is { } log)
            {
                logs.Add(log);
            }
        }

        return new(conversations.Values, messages.Values, logs)
        {
            Ai = ai.Changed, AiGone = ai.Gone, MessagesGone = retired.Messages, ConversationsGone = retired.Conversations,
        };
    }

    private static void Fold(AiHistories ai, StoredEvent stored, long position)
    {
        if (stored.Body is ContactMerged merged)
        {
            ai.Move(merged.AbsorbedId, merged.ContactId, position);
        }
        else if (stored.Body is ContactErased erased)
        {
            foreach (var contact in erased.ContactIds)
            {
                ai.Erase(contact);
            }
        }
    }

    private static MessageDocument? Message(StoredEvent stored, long position, string? content, RetiredDocuments retired,
        Dictionary<DocumentId, MessageDocument> changed)
    {
        if (stored.Body is not (MessageEvent or MessageCharge))
        {
            return null;
        }

        var id = DocumentId.Of(stored.StreamId);
        var before = changed.GetValueOrDefault(id) ?? retired.Message(id);
        var after = MessageDocumentFold.Fold(before, stored, position, content);
        if (after is not null && !ReferenceEquals(after, before))
        {
            changed[id] = after;
        }

        return after;
    }

    private static ConversationDocument? Conversation(StoredEvent stored, long position, string? content, MessageDocument? message,
        RetiredDocuments retired, Dictionary<DocumentId, ConversationDocument> changed)
    {
        if (ConversationDocumentFold.Of(stored.Body) is not { } uuid)
        {
            return null;
        }

        var id = DocumentId.Of(uuid);
        var before = changed.GetValueOrDefault(id) ?? retired.Conversation(id);
        var after = ConversationDocumentFold.Fold(before, stored, position, message, content);
        if (after is not null && !ReferenceEquals(after, before))
        {
            changed[id] = after;
            retired.Again(id);
        }

        return after;
    }

    private static DocumentId[] Conversations(EventPage page) =>
        [.. page.Events.SelectMany(e => e.Body is MessagesRetired retired ? retired.Conversations
            : ConversationDocumentFold.Of(e.Body) is { } conversation ? [conversation] : []).Distinct().Select(DocumentId.Of)];

    // A stream that begins inside the page is folded from nothing: the page holds all of it, and the guard keeps what is stored further on.
    private static DocumentId[] Messages(EventPage page)
    {
        var begun = page.Events.Where(e => e.Version == 1).Select(e => e.StreamId).ToHashSet();
        return [.. page.Events.Where(e => e.Body is MessageEvent or MessageCharge).Select(e => e.StreamId).Distinct()
            .Where(id => !begun.Contains(id)).Select(DocumentId.Of)];
    }

    private static async Task<Dictionary<Guid, string?>> OpenAsync(EventPage page, IPersonalData personal, CancellationToken ct)
    {
        var opened = new Dictionary<Guid, string?>();
        var seals = page.Events.Select(e =>
            (Event: e, Content: ContentOf(e.Body))).Where(s => s.Content is not null);
        foreach (var own in seals.GroupBy(s => s.Event.OrganizationId))
        {
            var list = own.ToList();
            var texts = await personal.OpenAsync(own.Key, [.. list.Select(s => s.Content!)], ct);
            for (var i = 0; i < list.Count; i++)
            {
                opened.Add(list[i].Event.Id, texts[i]);
            }
        }

        return opened;
    }

    private static Sealed? ContentOf(object? body) => body switch
    {
        MessageQueued e => e.Content,
        MessageReceived e => e.Content,
        MessageEchoed e => e.Content,
        MessageImported e => e.Content,
        MessageAnalysed e => e.Words,
        MessageAutoReplied e => e.Content,
        ConversationAutoAnswered e => e.Exchange,
        ConversationHandedOver e => e.Exchange,
        ConversationLeftSilent e => e.Exchange,
        ContactIdentityChanged e => e.Identity,
        _ => null,
    };

    private sealed record Needs(IDocumentStore Store, IPersonalData Personal, IPromptTexts? Prompts);

    private sealed class Copy(IDocumentStore store, IPersonalData personal, IPromptTexts? prompts) : IProjectionCopy
    {
        public string Name { get; } = CopyName.Of(ViewNames.Conversations);

        public IReadOnlyCollection<string>? EventTypes => Types;

        public int PageEventsMax => 2_000;

        public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => store.CheckpointAsync(shard, Name, ct);

        public Task ApplyAsync(EventPage page, CancellationToken ct) =>
            ConversationsProjection.ApplyAsync(page, DocumentSet.Next, new(store, personal, prompts), Name, ct);

        public Task BeginAsync(Shard shard, CancellationToken ct) => store.BeginNextAsync(shard, ViewNames.Conversations, ct);

        public Task<bool> SwapAsync(Shard shard, CancellationToken ct) => store.SwapNextAsync(shard, ViewNames.Conversations, ct);

        public Task<bool> FinishAsync(Shard shard, CancellationToken ct) => store.FinishNextAsync(shard, ViewNames.Conversations, ct);

        public Task DropAsync(Shard shard, CancellationToken ct) => store.DropNextAsync(shard, ViewNames.Conversations, ct);
    }
}
