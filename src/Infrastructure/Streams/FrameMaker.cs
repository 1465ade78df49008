using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Streams;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Streams;

/// <summary>
/// Events of one organization → frames: each conversation and message that changed, once, as its document shows it then, so that a client
/// replaces a row by its id and counts nothing itself. What a campaign sends is no news of the
/// inbox; its progress is.
/// </summary>
public sealed class FrameMaker(IDocumentStore documents, IViewWaiter waiter, IFrameEncoder encoder)
{
    // A frame may take so much of a ring; larger ones say only what to fetch.
    private const int FrameBytesMax = 32 * 1024;

    /// <summary>Stored names that frames are made of.</summary>
    internal static readonly IReadOnlySet<string> Types = EventTypes.NamesOf<MessageEvent>().Concat(EventTypes.NamesOf<ConversationEvent>())
        .Concat(EventTypes.NamesOf<CampaignEvent>()).Where(t => t is not ("message_skipped" or "message_imported")).ToHashSet();

    /// <summary>Frames in the order of the log.</summary>
    internal async Task<IReadOnlyList<StreamFrame>> OfAsync(Shard shard, Guid organizationId, IReadOnlyList<StoredEvent> events,
        CancellationToken ct)
    {
        var conversations = new Dictionary<Guid, long>();
        var messages = new Dictionary<Guid, (Guid Conversation, long At)>();
        var others = new List<StreamFrame>();
        foreach (var stored in events)
        {
            switch (stored.Body)
            {
                case MessageEvent { Ref.CampaignId: not null }:
                    break;
                case MessageEvent fact:
                    messages[fact.Ref.MessageId] = (fact.Ref.ConversationId, stored.Sequence);
                    break;
                case ConversationNoted note:
                    others.AddRange(Note(note, new(shard.Epoch, stored.Sequence)));
                    break;
                case CampaignEvent:
                    others.Add(Frame("campaign", new { id = stored.StreamId, type = stored.Type }, new(shard.Epoch, stored.Sequence)));
                    break;
            }

            if (ConversationDocumentFold.Of(stored.Body) is { } conversation
                && stored.Body is not MessageEvent { Ref.CampaignId: not null })
            {
                conversations[conversation] = stored.Sequence;
            }
        }

        var found = await FindAsync(shard, organizationId, conversations, messages.Keys, ct);
        return [.. others.Concat(conversations.Select(c => Conversation(shard, c.Key, c.Value, found)))
            .Concat(messages.Select(m => Message(shard, m.Key, m.Value, found))).OrderBy(f => f.At)];
    }

    private async Task<FoundDocuments?> FindAsync(Shard shard, Guid organizationId, Dictionary<Guid, long> conversations,
        IReadOnlyCollection<Guid> messages, CancellationToken ct)
    {
        if (conversations.Count == 0 && messages.Count == 0)
        {
            return null;
        }

        try
        {
            await waiter.WaitAsync(ViewNames.Conversations, organizationId, new(shard.Epoch, conversations.Values.DefaultIfEmpty(0).Max()),
                ct);
        }
        catch (ViewBehind)
        {
            return null; // the documents are late: frames say what changed, and whoever wants it asks
        }

        return await documents.FindAsync(shard, DocumentSet.Serving, [organizationId], [.. conversations.Keys.Select(DocumentId.Of)],
            [.. messages.Select(DocumentId.Of)], ct);
    }

    private StreamFrame Conversation(Shard shard, Guid id, long sequence, FoundDocuments? found)
    {
        var at = new Position(shard.Epoch, sequence);
        return found?.Conversations.GetValueOrDefault(DocumentId.Of(id)) is { } document
            && encoder.Conversation(document, at) is { Length: <= FrameBytesMax } bytes
            ? new(at.Packed, bytes) : Frame("conversation", new { id, partial = true }, at);
    }

    private StreamFrame Message(Shard shard, Guid id, (Guid Conversation, long Sequence) of, FoundDocuments? found)
    {
        var at = new Position(shard.Epoch, of.Sequence);
        return found?.Messages.GetValueOrDefault(DocumentId.Of(id)) is { } document
            && encoder.Message(document, at) is { Length: <= FrameBytesMax } bytes
            ? new(at.Packed, bytes) : Frame("message", new { id, conversation_id = of.Conversation, partial = true }, at);
    }

    private IEnumerable<StreamFrame> Note(ConversationNoted note, Position at) =>
    [
        Frame("note", new { id = note.NoteId, conversation_id = note.ConversationId, by = note.By, mentions = note.Mentions }, at),
        .. note.Mentions.Select(user =>
            Frame("mention", new { note_id = note.NoteId, conversation_id = note.ConversationId, by = note.By },
                at) with { UserId = user }),
    ];

    private StreamFrame Frame(string name, object data, Position at) => new(at.Packed, encoder.Other(name, data, at));
}
