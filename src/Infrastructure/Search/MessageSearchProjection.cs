using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Domain.Messages;
using Bsp.Domain.Retention;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Search;

/// <summary>
/// The search index of the inbox (<c>bsp.message_search</c>, <c>bsp.conversation_search</c>), in PostgreSQL whatever store the documents
/// lie in: hashed parts of words, of which nobody without the key reads a text. What a campaign sends
/// is not in it. An edit replaces what it is about, a revocation and an erasure delete. Decision: docs/decisions/0254.
/// </summary>
public sealed class MessageSearchProjection(IPersonalData personal, SearchKeys keys) : PostgresProjection
{
    private static readonly string[] Types =
        ["message_received", "message_queued", "message_echoed", "message_imported", "contact_erased", "contact_merged",
            "messages_retired"];

    public override string Name => ViewNames.MessageSearch;

    public override IReadOnlyCollection<string>? EventTypes => Types;

    private const int RetiredAtOnce = 20_000;

    public override int PageEventsMax => 1_000;

    public override IProjectionCopy? Beside { get; } = new Copy(personal, keys);

    protected override Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct) =>
        WriteAsync(tx, page, "", personal, keys, ct);

    private sealed record Row(Guid Id, Guid Organization, Guid Account, Guid Conversation, Guid Contact, long At, DateTimeOffset Written,
        long Key, int[] Tokens);

    private sealed class Changes
    {
        public Dictionary<Guid, Row> Messages { get; } = [];

        public Dictionary<Guid, Row> Names { get; } = [];

        public List<(Guid Conversation, long Key)> Replaced { get; } = [];

        public List<(Guid Absorbed, Guid Survivor)> Merged { get; } = [];

        public List<Guid> Erased { get; } = [];

        public List<Guid> Retired { get; } = [];

        public List<Guid> Ended { get; } = [];
    }

    private static async Task WriteAsync(TenantTransaction tx, EventPage page, string suffix, IPersonalData personal, SearchKeys keys,
        CancellationToken ct)
    {
        foreach (var (organization, contact) in page.Events.Where(e => e.Body is ContactErased)
            .SelectMany(e => ((ContactErased)e.Body!).ContactIds.Select(id => (e.OrganizationId, id))))
        {
            personal.Forget(organization, contact); // what was opened with a key still remembered would come back
        }

        var events = page.Events.Where(e => e.Body is not MessageQueued { Ref.CampaignId: not null }).Select(FactTime.Bounded).ToList();
        var contents = await OpenAsync(events, personal, ct);
        var changes = new Changes();
        foreach (var stored in events)
        {
            var key = stored.Body is MessageEvent ? await keys.OfAsync(page.Shard, stored.OrganizationId, ct) : [];
            Take(changes, stored, new Position(page.Shard.Epoch, stored.Sequence).Packed, key, contents.GetValueOrDefault(stored.Id));
        }

        await DeleteAsync(tx, changes, suffix, ct);
        await InsertAsync(tx, changes, suffix, ct);
    }

    private static void Take(Changes changes, StoredEvent stored, long at, byte[] key, string? content)
    {
        switch (stored.Body)
        {
            case MessageReceived e when content is not null:
                Received(changes, stored, e, at, key, content);
                break;
            case MessageQueued e when content is not null:
                Add(changes, stored, e.Ref, 0, at, e.At, key, content);
                Reach(changes, stored, e.Ref, at, key, null, MessageDocumentContent.Parse(content) is { } body
                    ? E164.OfWaId(MessageDocumentContent.Text(body, "to") ?? "") : null);
                break;
            case MessageEchoed or MessageImported when content is not null:
                OnThePhone(changes, stored, at, key, content);
                break;
            case ContactMerged e:
                changes.Merged.Add((e.AbsorbedId, e.ContactId));
                Move(changes.Messages, e);
                Move(changes.Names, e);
                break;
            case ContactErased e:
                changes.Erased.AddRange(e.ContactIds);
                Remove(changes.Messages, row => e.ContactIds.Contains(row.Contact));
                Remove(changes.Names, row => e.ContactIds.Contains(row.Contact));
                break;
            case MessagesRetired e:
                Retire(changes.Messages, changes.Retired, e.Messages);
                Retire(changes.Names, changes.Ended, e.Ended);
                break;
        }
    }

    private static void Retire(Dictionary<Guid, Row> rows, List<Guid> gone, IReadOnlyList<Guid> ids)
    {
        gone.AddRange(ids);
        foreach (var id in ids)
        {
            rows.Remove(id);
        }
    }

    private static void Received(Changes changes, StoredEvent stored, MessageReceived e, long at, byte[] key, string content)
    {
        var type = e.Ref.Type;
        if (type is "edit" or "revoke" && e.Target is { } target)
        {
            var replaced = (e.Ref.ConversationId, KeyOf(target));
            changes.Replaced.Add(replaced);
            Remove(changes.Messages, row => (row.Conversation, row.Key) == replaced);
        }

        if (InboundKind.Of(type).IsMessage || type == "edit")
        {
            Add(changes, stored, e.Ref,
                KeyOf(type == "edit" ? e.Target ?? MessageKey.Of(MetaId.Of(e.Wamid)) : MessageKey.Of(MetaId.Of(e.Wamid))), at, e.At, key,
                content);
        }

        if (e.GroupId is null && !InboundKind.IsNotice(type) && MessageDocumentContent.Parse(content) is { } root)
        {
            Reach(changes, stored, e.Ref, at, key, MessageDocumentContent.Text(root, "profile", "name"),
                MessageDocumentContent.Text(root, "message", "from") ?? MessageDocumentContent.Text(root, "wa_id"));
        }
    }

    private static void OnThePhone(Changes changes, StoredEvent stored, long at, byte[] key, string content)
    {
        var (of, written) = (((MessageEvent)stored.Body!).Ref, ((MessageEvent)stored.Body).At);
        if (InboundKind.Of(of.Type).IsMessage)
        {
            Add(changes, stored, of, KeyOf(MessageKey.Of(MetaId.Of(WamidOf(stored.Body)))), at, written, key, content);
        }

        Reach(changes, stored, of, at, key, null, MessageDocumentContent.Parse(content) is { } root
            ? MessageDocumentContent.Text(root, "wa_id") : null);
    }

    private static string WamidOf(object body) => body is MessageEchoed echoed ? echoed.Wamid : ((MessageImported)body).Wamid;

    private static void Add(Changes changes, StoredEvent stored, MessageRef of, long messageKey, long at, DateTimeOffset written,
        byte[] key, string content)
    {
        var document = MessageDocumentFold.Fold(null, stored, at, content);
        var tokens = document is null ? [] : SearchTokens.Of(key, FoldedText.Words(SearchedText.Of(document)));
        if (tokens.Length > 0)
        {
            changes.Messages[of.MessageId] =
                new(of.MessageId, stored.OrganizationId, of.AccountId, of.ConversationId, of.ContactId, at, written, messageKey, tokens);
        }
    }

    // A message without a name keeps the name that is known; of those without, the later counts, wherever a page ends.
    private static void Reach(Changes changes, StoredEvent stored, MessageRef of, long at, byte[] key, string? name, string? number)
    {
        if (of.ContactId != Guid.Empty && (name is not null
            || !(changes.Names.TryGetValue(of.ConversationId, out var known) && known.Key == 1)))
        {
            var tokens = SearchTokens.Of(key, FoldedText.Words($"{name}\n{number}"));
            changes.Names[of.ConversationId] =
                new(of.ConversationId, stored.OrganizationId, of.AccountId, of.ConversationId, of.ContactId, at, stored.Timestamp,
                    name is null ? 0 : 1, tokens);
        }
    }

    private static long KeyOf(string messageKey) =>
        unchecked((long)ulong.Parse(messageKey, System.Globalization.NumberStyles.HexNumber,
            System.Globalization.CultureInfo.InvariantCulture));

    private static void Move(Dictionary<Guid, Row> rows, ContactMerged e)
    {
        foreach (var row in rows.Values.Where(r => r.Contact == e.AbsorbedId).ToList())
        {
            rows[row.Id] = row with { Contact = e.ContactId };
        }
    }

    private static void Remove(Dictionary<Guid, Row> rows, Func<Row, bool> which)
    {
        foreach (var row in rows.Values.Where(which).ToList())
        {
            rows.Remove(row.Id);
        }
    }

    private static async Task DeleteAsync(TenantTransaction tx, Changes changes, string suffix, CancellationToken ct)
    {
        if (changes.Replaced.Count > 0)
        {
            await tx.ExecuteAsync($"""
                DELETE FROM bsp.message_search{suffix} s USING unnest($1::uuid[], $2::bigint[]) AS q (conversation, key) WHERE s.conversation_id = q.conversation AND s.key = q.key
                """, ct, changes.Replaced.Select(r => r.Conversation).ToArray(), changes.Replaced.Select(r => r.Key).ToArray());
        }

        if (changes.Retired.Count > 0)
        {
            // a page of a thousand such events names half a million: each statement has its own time
            foreach (var some in changes.Retired.Chunk(RetiredAtOnce))
            {
                await tx.ExecuteAsync($"DELETE FROM bsp.message_search{suffix} WHERE message_id = ANY ($1)", ct, some);
            }

            foreach (var some in changes.Ended.Chunk(RetiredAtOnce))
            {
                await tx.ExecuteAsync($"DELETE FROM bsp.conversation_search{suffix} WHERE conversation_id = ANY ($1)", ct, some);
            }
        }

        foreach (var table in (string[])["message_search", "conversation_search"])
        {
            if (changes.Merged.Count > 0)
            {
                await tx.ExecuteAsync(
                    $"UPDATE bsp.{table}{suffix} s SET contact_id = q.survivor FROM unnest($1::uuid[], $2::uuid[]) AS q (absorbed, survivor) WHERE s.contact_id = q.absorbed", ct,
                    changes.Merged.Select(m => m.Absorbed).ToArray(), changes.Merged.Select(m => m.Survivor).ToArray());
            }

            if (changes.Erased.Count > 0)
            {
                await tx.ExecuteAsync($"DELETE FROM bsp.{table}{suffix} WHERE contact_id = ANY ($1)", ct, changes.Erased.Distinct()
                    .ToArray());
            }
        }
    }

    // Tokens go over as text, for arrays of arrays must be of one length.
    private static async Task InsertAsync(TenantTransaction tx, Changes changes, string suffix, CancellationToken ct)
    {
        if (changes.Messages.Values.OrderBy(r => r.At).ToList() is { Count: > 0 } rows)
        {
            await tx.ExecuteAsync($"""
                INSERT INTO bsp.message_search{suffix} (message_id, organization_id, account_id, conversation_id, contact_id, at, tokens, written_at, key)
                SELECT m, o, a, c, p, at, t::int[], w, k FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::text[], $8::timestamptz[], $9::bigint[]) AS q (m, o, a, c, p, at, t, w, k)
                ON CONFLICT (message_id) DO NOTHING
                """, ct, [.. Columns(rows), rows.ConvertAll(r => r.Written.UtcDateTime).ToArray(), rows.ConvertAll(r => r.Key).ToArray()]);
        }

        if (changes.Names.Values.OrderBy(r => r.Id).ToList() is { Count: > 0 } names)
        {
            await tx.ExecuteAsync($"""
                INSERT INTO bsp.conversation_search{suffix} AS s (conversation_id, organization_id, account_id, contact_id, tokens, named)
                SELECT c, o, a, p, t::int[], n FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::text[], $8::boolean[]) AS q (m, o, a, c, p, at, t, n)
                ON CONFLICT (conversation_id) DO UPDATE SET tokens = excluded.tokens, named = excluded.named WHERE s.tokens <> excluded.tokens AND (excluded.named OR NOT s.named)
                """, ct, [.. Columns(names), names.ConvertAll(r => r.Key == 1).ToArray()]);
        }
    }

    private static object[] Columns(List<Row> rows) =>
    [
        rows.ConvertAll(r => r.Id).ToArray(), rows.ConvertAll(r => r.Organization).ToArray(), rows.ConvertAll(r => r.Account).ToArray(),
            rows.ConvertAll(r => r.Conversation).ToArray(),
        rows.ConvertAll(r => r.Contact).ToArray(), rows.ConvertAll(r => r.At).ToArray(),
        rows.ConvertAll(r => $"{{{string.Join(',', r.Tokens)}}}").ToArray(),
    ];

    private static async Task<Dictionary<Guid, string?>> OpenAsync(IEnumerable<StoredEvent> events, IPersonalData personal,
        CancellationToken ct)
    {
        var opened = new Dictionary<Guid, string?>();
        foreach (var own in events.Select(e =>
            (Event: e, Content: ContentOf(e.Body)))
            .Where(s => s.Content is not null).GroupBy(s => s.Event.OrganizationId))
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
        _ => null,
    };

    private sealed class Copy(IPersonalData personal, SearchKeys keys) : PostgresCopy(ViewNames.MessageSearch)
    {
        public override IReadOnlyCollection<string>? EventTypes => Types;

        public override int PageEventsMax => 2_000;

        protected override Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct) =>
            WriteAsync(tx, page, "_next", personal, keys, ct);

        protected override Task EmptyAsync(TenantTransaction tx, CancellationToken ct) =>
            tx.ExecuteAsync("TRUNCATE bsp.message_search_next, bsp.conversation_search_next", ct);

        // Too many rows to be copied: the tables change names.
        protected override Task SwapAsync(TenantTransaction tx, CancellationToken ct) => tx.ExecuteAsync("SELECT bsp.swap_search()", ct);
    }
}
