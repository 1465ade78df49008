using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.Contacts;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <param name="Key">Unique among a contact's entries; with the time it is their order.</param>
internal sealed record KeyedEntry(string Key, TimelineEntry Entry);

/// <param name="Campaign">Name of the campaign.</param>
/// <param name="First">First fact of the message that it made for the contact; null while their turn has not come.</param>
internal sealed record CampaignPart(Guid CampaignId, string Campaign, Guid MessageId, StoredEvent? First);

/// <summary>
/// What happened to a contact beside their messages: from the streams of contact and conversations, from the campaigns' audiences and from
/// the tables.
/// </summary>
public sealed class ContactHistory(IEventStore store, IPersonalData personal, IDocumentViews views)
{
    private const int StreamsMax = 5_000;

    /// <summary>Consent, identity, merges: the events of all ids' streams, sealed parts opened.</summary>
    internal async Task<List<KeyedEntry>> OwnAsync(Guid organizationId, IReadOnlyList<Guid> ids, CancellationToken ct)
    {
        var events = (await store.LoadManyAsync(organizationId, ids, ct, archivedToo: true)).SelectMany(s => s.Events)
            .Where(e => e.Body is ContactEvent).ToList();
        var seals = events.Select(e => e.Body is ContactConsentChangedV2 c ? c.Proof : IdentityOf(e.Body)).ToList();
        var texts = await personal.OpenAsync(organizationId, [.. seals.OfType<Sealed>()], ct);
        var opened = 0;
        return [.. events.Select((e, i) => Of(e, seals[i] is null ? null : texts[opened++]))];
    }

    /// <summary>Assignments and classifications of their conversations.</summary>
    internal async Task<List<KeyedEntry>> ConversationsAsync(Guid organizationId, IReadOnlyList<Guid> ids, CancellationToken ct)
    {
        var conversations = await views.ConversationsOfAsync(organizationId, ids, ct);
        var streams =
            await store.LoadManyAsync(organizationId, [.. conversations.Select(c => c.Uuid).Take(StreamsMax)], ct, archivedToo: true);
        return [.. streams.SelectMany(s => s.Events).Where(e => e.Body is ConversationAssigned or ConversationClassified)
            .Select(e => Of(e, null))];
    }

    /// <summary>Campaigns in whose audience the contact is. The message's id is made from both, so nothing has to be searched.</summary>
    internal async Task<List<CampaignPart>> CampaignsAsync(Shard shard, Guid organizationId, IReadOnlyList<Guid> ids, CancellationToken ct)
    {
        var parts = await shard.QueryAsync(organizationId, """
            SELECT c.id, c.name, a.contact_id FROM campaigns c CROSS JOIN unnest($2::uuid[]) AS i (id)
             CROSS JOIN LATERAL (SELECT m.contact_id FROM bsp.campaign_audience m
                                  WHERE m.campaign_id = c.id AND m.contact_id = i.id AND m.contact_id <> '00000000-0000-0000-0000-000000000000' OFFSET 0) a
             WHERE c.organization_id = $1 ORDER BY c.id
            """, r => (Campaign: r.GetGuid(0), Name: r.GetString(1), Contact: r.GetGuid(2)), ct, organizationId, ids.ToArray());
        var messages = parts.ConvertAll(p => (p.Campaign, p.Name, Message: Uuid.CampaignMessage(p.Campaign, p.Contact)));
        messages.AddRange(await shard.QueryAsync(organizationId, """
            SELECT c.id, c.name, f.message_id FROM campaigns c CROSS JOIN unnest($2::uuid[]) AS i (id)
             CROSS JOIN LATERAL (SELECT x.message_id FROM bsp.campaign_firings x WHERE x.campaign_id = c.id AND x.contact_id = i.id
                                    AND x.contact_id <> '00000000-0000-0000-0000-000000000000' AND x.message_id IS NOT NULL
                                  ORDER BY x.cause LIMIT 1000) f
             WHERE c.organization_id = $1 AND c.type = 'TRIGGERED' ORDER BY c.id
            """, r => (r.GetGuid(0), r.GetString(1), r.GetGuid(2)), ct, organizationId, ids.ToArray()));
        var found = new List<CampaignPart>();
        foreach (var chunk in messages.Chunk(StreamsMax))
        {
            var streams = await store.LoadManyAsync(organizationId, [.. chunk.Select(p => p.Message)], ct, archivedToo: true);
            found.AddRange(chunk.Select((p, i) =>
                new CampaignPart(p.Campaign, p.Name, streams[i].StreamId, streams[i].Events.Count == 0 ? null : streams[i].Events[0])));
        }

        return found;
    }

    /// <summary>Those whom a campaign passed over: they have no message.</summary>
    internal async Task<List<KeyedEntry>> SkippedAsync(Shard shard, Guid organizationId, IReadOnlyList<Guid> ids, CancellationToken ct) =>
        [.. (await CampaignsAsync(shard, organizationId, ids, ct)).Where(p => p.First?.Body is MessageSkipped or MessageCancelled)
            .Select(p => Of(p.First!, null))];

    /// <summary>Creation, imports, lists.</summary>
    internal static async Task<List<KeyedEntry>> RowsAsync(Shard shard, Guid organizationId, ContactView contact, CancellationToken ct)
    {
        var rows = await shard.QueryAsync(organizationId, """
            SELECT 'list_' || CASE WHEN h.added THEN 'joined' ELSE 'left' END, h.at, h.id::text, jsonb_build_object('list_id', h.list_id, 'name', l.name)
              FROM bsp.list_history h LEFT JOIN contact_lists l ON l.id = h.list_id WHERE h.organization_id = $1 AND h.contact_id = $2
            UNION ALL
            SELECT 'contact_imported', coalesce(i.completed_at, i.updated_at), i.id::text, jsonb_build_object('import_id', i.id, 'source', i.source, 'file_sha256', i.file_sha256)
              FROM contacts c JOIN bsp.imports i ON i.id = ANY (c.import_ids) WHERE c.organization_id = $1 AND c.id = $2
            """, r => new KeyedEntry($"row/{r.GetString(0)}/{r.GetString(2)}", new(r.GetString(0), MessageDocumentFold.Ms(r.GetFieldValue<DateTimeOffset>(1)), JsonSerializer.Deserialize<JsonElement>(r.GetString(3)))), ct,
            organizationId, contact.Id);
        rows.Add(new("",
            new("contact_created", MessageDocumentFold.Ms(contact.CreatedAt),
                JsonSerializer.SerializeToElement(new { contact_id = contact.Id }))));
        return rows;
    }

    /// <summary>The sealed identities before and after that a piece of news names; null: it is none.</summary>
    internal static Sealed? IdentityOf(object? body) =>
        body switch { ContactIdentityChanged e => e.Identity, ContactIdentityNewsOutdated e => e.Identity, _ => null };

    private static KeyedEntry Of(StoredEvent stored, string? opened)
    {
        var data = JsonSerializer.SerializeToNode(stored.Body, stored.Body!.GetType(), EventTypes.Json)!.AsObject();
        switch (stored.Body)
        {
            case ContactConsentChangedV2:
                data["proof"] = opened;
                break;
            case ContactIdentityChanged or ContactIdentityNewsOutdated:
                data["identity"] = opened is null ? null : JsonNode.Parse(opened);
                break;
        }

        return new($"event/{stored.Sequence:D19}",
            new(stored.Type, MessageDocumentFold.Ms(stored.Timestamp), JsonSerializer.SerializeToElement(data)));
    }
}
