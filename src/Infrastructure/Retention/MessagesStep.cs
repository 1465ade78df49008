using Bsp.Application.Common;
using Bsp.Application.Retention;
using Bsp.Domain.Retention;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Retention;

/// <summary>
/// Messages past their time: archived contact by contact, their contents taken out of the log, their documents out of the views. An
/// organization whose documents have not read the last archive's event yet waits for the next round, so that nothing is archived twice.
/// </summary>
internal sealed class MessagesStep(Shards shards, IOldDocuments old, IDocumentStore documents, ArchiveBook book, TimeProvider clock)
    : IRetentionStep
{
    /// <summary>Messages of one archive, at most; or as many as have <see cref="SliceBytes"/>.</summary>
    public int SliceMessages { get; init; } = 10_000;

    private const string ArchiveKind = "messages";
    private const long SliceBytes = 32 * 1024 * 1024;
    private const int PageMessages = 2_000;
    private const int EventMessages = 500;
    private static readonly string[] Types = ["message_queued", "message_received", "message_analysed", "message_auto_replied"];

    public string Kind => RetentionRules.MessageContent;

    public IAsyncEnumerable<RetentionDue> DueAsync(Shard shard, Guid? only, CancellationToken ct) =>
        EachOrganization.DueAsync(shards, shard, only, Kind, old, OldKind.Messages, clock.GetUtcNow(), ct);

    public async Task CarryAsync(Shard shard, Func<long, Task> beat, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await EachOrganization.CarryAsync(shards, shard, times => CarryAsync(shard, times, times.Before(Kind, now), beat, ct), beat, ct);
    }

    private async Task CarryAsync(Shard shard, OrganizationTimes times, DateTimeOffset before, Func<long, Task> beat, CancellationToken ct)
    {
        var organization = times.Policy.OrganizationId;
        if ((await old.MessagesAsync(shard, organization, before, null, 1, ct)).Count == 0
            || !await book.BeginAsync(shard, organization, ArchiveKind, documents, ct))
        {
            return;
        }

        var restored = await ArchiveRestores.StandingAsync(shard, organization, clock.GetUtcNow(), ct);
        (DateTimeOffset At, DocumentId Id)? place = null;
        for (var more = true; more;)
        {
            (var slice, place, more) = await SliceAsync(shard, times, before, restored, place, ct);
            if (slice.Count > 0)
            {
                await book.KeepAsync(shard, await ArchiveOfAsync(shard, times, slice, before, ct), ct);
                await beat(slice.Count);
            }
        }
    }

    private async Task<(List<OldMessage> Slice, (DateTimeOffset, DocumentId)? Place, bool More)> SliceAsync(Shard shard,
        OrganizationTimes times, DateTimeOffset before, IReadOnlySet<Guid> restored, (DateTimeOffset, DocumentId)? place,
        CancellationToken ct)
    {
        var (slice, bytes) = (new List<OldMessage>(), 0L);
        while (slice.Count < SliceMessages && bytes < SliceBytes)
        {
            var limit = Math.Min(PageMessages, SliceMessages);
            var page = await old.MessagesAsync(shard, times.Policy.OrganizationId, before, place, limit, ct);
            foreach (var message in page)
            {
                place = (message.CreatedAt, message.Id);
                if (!times.HeldContacts.Contains(message.ContactId) && !restored.Contains(message.ConversationUuid))
                {
                    slice.Add(message);
                    bytes += message.Json.Length;
                }
            }

            if (page.Count < limit)
            {
                return (slice, place, false);
            }
        }

        return (slice, place, true);
    }

    private async Task<ArchiveToKeep> ArchiveOfAsync(Shard shard, OrganizationTimes times, List<OldMessage> slice, DateTimeOffset before,
        CancellationToken ct)
    {
        var organization = times.Policy.OrganizationId;
        var ids = slice.Select(m => m.ConversationUuid).Distinct().ToDictionary(DocumentId.Of);
        var goingOn = await old.GoingOnAsync(shard, organization, [.. ids.Keys], (slice[^1].CreatedAt, slice[^1].Id), ct);
        var found = (await documents.FindAsync(shard, DocumentSet.Serving, [organization], [.. ids.Keys], [], ct)).Conversations;
        // of a group somebody who is held may have written earlier
        var ended = ids.Where(id => !goingOn.Contains(id.Key) && !(found.GetValueOrDefault(id.Key)?.LastMessageAt >= before)
            && (times.HeldContacts.Count == 0 || found.GetValueOrDefault(id.Key)?.GroupId is null)).Select(id => id.Value).ToHashSet();
        var told = new HashSet<Guid>();
        var pieces = slice.GroupBy(m => m.ContactId).Select(own => new PieceToKeep(own.Key,
            [
                .. own.Select(m => m.ConversationUuid).Where(c => ended.Contains(c) && told.Add(c))
                    .Select(c => found.GetValueOrDefault(DocumentId.Of(c))).Where(d => d is not null)
                    .Select(d => new ArchivedDocument('C', DocumentJson.WriteUtf8(d!))),
                .. own.OrderBy(m => m.ConversationUuid).ThenBy(m => m.CreatedAt).Select(m => new ArchivedDocument('M', m.Json)),
            ], own.GroupBy(m => m.ConversationUuid).ToDictionary(g => g.Key, g => g.Count()))).ToList();
        return new(organization, ArchiveKind, pieces, slice.ConvertAll(m => m.Uuid), Types, clock.GetUtcNow().AddDays(1), before,
            archive => Facts(archive, slice, ended, before))
        {
            Positions = (slice.Min(m => m.Position), slice.Max(m => m.Position)), Times = (slice[0].CreatedAt, slice[^1].CreatedAt),
        };
    }

    // A conversation is said to have ended by the last event that names a message of it: until then some are still there.
    private List<RetentionEvent> Facts(Guid archive, List<OldMessage> slice, HashSet<Guid> ended, DateTimeOffset before)
    {
        var now = clock.GetUtcNow();
        return [.. slice.OrderBy(m => m.ConversationUuid).Chunk(EventMessages).Select(part =>
        {
            Guid[] conversations = [.. part.Select(m => m.ConversationUuid).Distinct()];
            return new MessagesRetired(archive, [.. part.Select(m => m.Uuid)], conversations, [.. conversations.Where(ended.Contains)],
                before, now);
        })];
    }
}
