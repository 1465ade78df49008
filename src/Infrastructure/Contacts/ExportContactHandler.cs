using Bsp.Application.Common;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Bsp.Application.Contacts;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Contacts;

/// <summary>Collects what is little and pages through what may be much while it is written out.</summary>
public sealed class ExportContactHandler(Shards shards, IEventStore store, ContactHistory history, IDocumentViews views,
    JournalTraces journal) : IRequestHandler<ExportContact, ContactExport>
{
    private const int MessagesPage = 500;

    public async Task<ContactExport> Handle(ExportContact query, CancellationToken ct)
    {
        var (organization, shard) = (query.OrganizationId, await shards.OfAsync(query.OrganizationId, ct));
        var contact = await GetContactHandler.FindAsync(shards, organization, query.ContactId, ct);
        var ids = await shard.AllIdsAsync(organization, contact.Id, ct);
        var aliases =
            await shard.QueryAsync(organization,
                "SELECT phone_number, wa_user_id FROM bsp.contact_aliases WHERE organization_id = $1 AND into_id = $2", r =>
                    (Phone: r.TextOrNull(0), User: r.TextOrNull(1)), ct, organization, contact.Id);
        var identities =
            new ErasedIdentities([.. aliases.Select(a => a.Phone).Append(contact.PhoneNumber).OfType<string>()
                .SelectMany(PhoneSpellings.Of)], [.. aliases.Select(a => a.User).Append(contact.WaUserId).OfType<string>()], []);
        return new(contact, [.. ids.Skip(1)],
            [.. (await history.OwnAsync(organization, ids, ct)).OrderBy(e => e.Entry.At).Select(e => e.Entry)],
            await ListsAsync(shard, organization, contact.Id, ct),
            [.. (await history.CampaignsAsync(shard, organization, ids, ct)).Select(Campaign)],
            await ImportsAsync(shard, organization, contact.Id, ct),
            [.. (await views.ConversationsOfAsync(organization, ids, ct)).Select(Json)], MessagesAsync(organization, ids, ct),
            WebhooksAsync(organization, ids, identities, ct));
    }

    private static ExportedCampaign Campaign(CampaignPart part) =>
        new(part.CampaignId, part.Campaign, part.MessageId, part.First?.Type, (part.First?.Body as MessageSkipped)?.Reason);

    private static async Task<IReadOnlyList<ExportedList>> ListsAsync(Shard shard, Guid organizationId, Guid contactId,
        CancellationToken ct) => await shard.QueryAsync(organizationId,
        "SELECT l.id, l.name, i.added_at FROM contact_list_items i JOIN contact_lists l ON l.id = i.list_id WHERE i.organization_id = $1 AND i.contact_id = $2 ORDER BY i.added_at, l.id",
        r => new ExportedList(r.GetGuid(0), r.GetString(1), r.GetFieldValue<DateTimeOffset>(2)), ct, organizationId, contactId);

    private static async Task<IReadOnlyList<ExportedImport>> ImportsAsync(Shard shard, Guid organizationId, Guid contactId,
        CancellationToken ct) => await shard.QueryAsync(organizationId, """
        SELECT i.id, i.source, i.proof, i.file_sha256, i.created_at FROM contacts c JOIN bsp.imports i ON i.id = ANY (c.import_ids) WHERE c.organization_id = $1 AND c.id = $2 ORDER BY i.created_at
        """, r => new ExportedImport(r.GetGuid(0), r.GetString(1), r.TextOrNull(2), r.GetString(3), r.GetFieldValue<DateTimeOffset>(4)), ct, organizationId, contactId);

    private async IAsyncEnumerable<MessageDocument[]> PagesAsync(Guid organizationId, IReadOnlyList<Guid> ids,
        [EnumeratorCancellation] CancellationToken ct)
    {
        DocumentCursor? after = null;
        while (await views.MessagesOfAsync(organizationId, ids, after, MessagesPage, ct) is { Count: > 0 } page)
        {
            yield return [.. page];
            after = new(page[^1].CreatedAt, page[^1].Id);
        }
    }

    private async IAsyncEnumerable<JsonElement> MessagesAsync(Guid organizationId, IReadOnlyList<Guid> ids,
        [EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var page in PagesAsync(organizationId, ids, ct))
        {
            foreach (var message in page)
            {
                yield return Json(message);
            }
        }
    }

    private async IAsyncEnumerable<ExportedWebhook> WebhooksAsync(Guid organizationId, IReadOnlyList<Guid> ids,
        ErasedIdentities identities, [EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var page in PagesAsync(organizationId, ids, ct))
        {
            var streams = await store.LoadManyAsync(organizationId, [.. page.Select(m => m.Uuid)], ct, archivedToo: true);
            var rows = streams.SelectMany(s => s.Events).Select(e => JournalTraces.Row(e.Body)).OfType<long>().ToHashSet();
            foreach (var (id, receivedAt, items) in await journal.OfAsync(organizationId, rows, identities, ct))
            {
                yield return new(id, receivedAt, items);
            }
        }
    }

    private static JsonElement Json<T>(T document) => JsonSerializer.SerializeToElement(document, DocumentJson.Options);
}
