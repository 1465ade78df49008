using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Conversations;

/// <summary>Fills the collections conversations, messages and message_logs.</summary>
public sealed class ConversationsProjection(IDocumentStore store, IPersonalData personal) : IProjection
{
    private static readonly string[] Types =
    [
        .. Bsp.Application.EventStore.EventTypes.All.Where(pair => pair.Value.IsAssignableTo(typeof(MessageEvent)) || pair.Value.IsAssignableTo(typeof(ConversationEvent))).Select(pair => pair.Key)
            .Where(name => name != "message_skipped"),
    ];

    public const string ProjectionName = "conversations.v1";

    public string Name => ProjectionName;

    public IReadOnlyCollection<string>? EventTypes => Types;

    // Each event is a document of some KB, read, folded and written: a page of 2,000 took about 10 MB more at most and no less processor time a message.
    public int PageEventsMax => 1_000;

    public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => store.CheckpointAsync(shard, Name, ct);

    public Task ResetAsync(Shard shard, CancellationToken ct) => store.ResetAsync(shard, Name, ct);

    public async Task ApplyAsync(EventPage page, CancellationToken ct)
    {
        var contents = await OpenAsync(page, ct);
        var found = await store.FindAsync(page.Shard, page.Organizations, Conversations(page), Messages(page), ct);
        await store.SaveAsync(page.Shard, Name, page.UpTo, page.Organizations, Fold(page, found, contents), ct);
    }

    /// <summary>Pure: the documents after the page.</summary>
    /// <param name="contents">Opened content by event id.</param>
    public static DocumentWrites Fold(EventPage page, FoundDocuments found, IReadOnlyDictionary<Guid, string?> contents)
    {
        var conversations = new Dictionary<DocumentId, ConversationDocument>();
        var messages = new Dictionary<DocumentId, MessageDocument>();
        var logs = new List<MessageLogDocument>();
        foreach (var stored in page.Events)
        {
            var position = new Position(page.Shard.Epoch, stored.Sequence).Packed;
            var content = contents.GetValueOrDefault(stored.Id);
            var message = Message(stored, position, content, found, messages);
            Conversation(stored, position, content, message, found, conversations);
            if (MessageDocumentLogs.Of(stored, position) is { } log)
            {
                logs.Add(log);
            }
        }

        return new(conversations.Values, messages.Values, logs);
    }

    private static MessageDocument? Message(StoredEvent stored, long position, string? content, FoundDocuments found, Dictionary<DocumentId, MessageDocument> changed)
    {
        if (stored.Body is not MessageEvent)
        {
            return null;
        }

        var id = DocumentId.Of(stored.StreamId);
        var before = changed.GetValueOrDefault(id) ?? found.Messages.GetValueOrDefault(id);
        var after = MessageDocumentFold.Fold(before, stored, position, content);
        if (after is not null && !ReferenceEquals(after, before))
        {
            changed[id] = after;
        }

        return after;
    }

    private static void Conversation(StoredEvent stored, long position, string? content, MessageDocument? message, FoundDocuments found, Dictionary<DocumentId, ConversationDocument> changed)
    {
        if (ConversationDocumentFold.Of(stored.Body) is not { } uuid)
        {
            return;
        }

        var id = DocumentId.Of(uuid);
        var before = changed.GetValueOrDefault(id) ?? found.Conversations.GetValueOrDefault(id);
        var after = ConversationDocumentFold.Fold(before, stored, position, message, content);
        if (after is not null && !ReferenceEquals(after, before))
        {
            changed[id] = after;
        }
    }

    private static DocumentId[] Conversations(EventPage page) =>
        [.. page.Events.Select(e => ConversationDocumentFold.Of(e.Body)).OfType<Guid>().Distinct().Select(DocumentId.Of)];

    // A stream that begins inside the page is folded from nothing: the page holds all of it, and the guard keeps what is stored further on.
    private static DocumentId[] Messages(EventPage page)
    {
        var begun = page.Events.Where(e => e.Version == 1).Select(e => e.StreamId).ToHashSet();
        return [.. page.Events.Where(e => e.Body is MessageEvent).Select(e => e.StreamId).Distinct().Where(id => !begun.Contains(id)).Select(DocumentId.Of)];
    }

    private async Task<Dictionary<Guid, string?>> OpenAsync(EventPage page, CancellationToken ct)
    {
        var opened = new Dictionary<Guid, string?>();
        var seals = page.Events.Select(e => (Event: e, Content: e.Body switch { MessageQueued q => q.Content, MessageReceived r => r.Content, _ => null })).Where(s => s.Content is not null);
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
}
