using System.Globalization;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// Messages may be many and are read by keyset from the documents; everything else of one contact is little and is read whole. In the order
/// of time (milliseconds), then of a key: both merge without a
/// table of its own that every message would have to write to.
/// </summary>
public sealed class GetContactTimelineHandler(Shards shards, ContactHistory history, IDocumentViews views)
    : IRequestHandler<GetContactTimeline, Page<TimelineEntry>>
{
    private const string MessagePrefix = "message/";
    private static readonly DocumentId Last = new(ulong.MaxValue, uint.MaxValue);

    public async Task<Page<TimelineEntry>> Handle(GetContactTimeline query, CancellationToken ct)
    {
        var (organization, shard) = (query.OrganizationId, await shards.OfAsync(query.OrganizationId, ct));
        var contact = await GetContactHandler.FindAsync(shards, organization, query.ContactId, ct);
        var ids = await shard.AllIdsAsync(organization, contact.Id, ct);
        var (at, key) = Parse(query.Cursor);
        List<KeyedEntry> entries =
        [
            .. await history.OwnAsync(organization, ids, ct), .. await history.ConversationsAsync(organization, ids, ct),
            .. await history.SkippedAsync(shard, organization, ids, ct),
            .. await ContactHistory.RowsAsync(shard, organization, contact, ct),
            .. (await views.MessagesOfAsync(organization, ids, Messages(at, key), query.Limit + 1, ct)).Select(Message),
        ];
        var page = entries.Where(e => query.Cursor is null || Compare(e, at, key) > 0).OrderBy(e => e.Entry.At)
            .ThenBy(e => e.Key, StringComparer.Ordinal).Take(query.Limit + 1).ToList();
        return page.Count <= query.Limit ? new([.. page.Select(e => e.Entry)], null)
            : new([.. page.Take(query.Limit).Select(e => e.Entry)],
                string.Create(CultureInfo.InvariantCulture,
                    $"{page[query.Limit - 1].Entry.At.ToUnixTimeMilliseconds()} {page[query.Limit - 1].Key}"));
    }

    private static int Compare(KeyedEntry entry, DateTimeOffset at, string key) =>
        entry.Entry.At != at ? entry.Entry.At.CompareTo(at) : string.CompareOrdinal(entry.Key, key);

    // Where the messages go on: those of the same millisecond come before or after the last key.
    private static DocumentCursor? Messages(DateTimeOffset at, string key) => at == DateTimeOffset.MinValue ? null
        : key.StartsWith(MessagePrefix, StringComparison.Ordinal) && DocumentId.TryParse(key[MessagePrefix.Length..], out var id)
        ? new(at, id)
        : new(at, string.CompareOrdinal(key, MessagePrefix) < 0 ? default : Last);

    private static string TypeOf(MessageDocument m) =>
        m.Direction != "inbound" ? "message_queued" : InboundKind.IsNotice(m.MessageTypeExact) ? "system_notice" : "message_received";

    private static KeyedEntry Message(MessageDocument m) => new($"{MessagePrefix}{m.Id}", new(TypeOf(m), m.CreatedAt,
        JsonSerializer.SerializeToElement(new { message_id = m.Uuid, conversation_id = m.ConversationUuid, account_id = m.AccountId,
            campaign_id = m.CampaignId, type = m.MessageTypeExact, status = m.Status, status_exact = m.StatusExact })));

    private static (DateTimeOffset At, string Key) Parse(string? cursor)
    {
        if (cursor is null)
        {
            return (DateTimeOffset.MinValue, "");
        }

        var cut = cursor.IndexOf(' ', StringComparison.Ordinal);
        return cut > 0 && long.TryParse(cursor[..cut], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var ms)
            && ms is > -62_135_596_800_000 and < 253_402_300_800_000
            ? (DateTimeOffset.FromUnixTimeMilliseconds(ms), cursor[(cut + 1)..])
            : throw new Refusal("cursor.invalid", "This cursor is not one of ours. Start again without it.");
    }
}
