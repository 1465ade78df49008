using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// Who a contact was whose row was deleted: its streams tell which ids meant the person, its messages and changes of identity by what they
/// were known. E-mail addresses lay in the row only.
/// </summary>
public sealed class DeletedContacts(IEventStore store, IDocumentViews views, IPersonalData personal)
{
    private const int MessagesPage = 500;
    private static readonly string[][] Phones =
        [["message", "from"], ["wa_id"], ["to"], ["before", "phone_number"], ["after", "phone_number"]];
    private static readonly string[][] UserIds =
        [["message", "from_user_id"], ["user_id"], ["recipient"], ["before", "wa_user_id"], ["after", "wa_user_id"]];

    /// <summary>All ids, the surviving one first. Null: nothing is kept of such a contact of this organization.</summary>
    internal async Task<ErasedPerson?> FindAsync(Shard shard, Guid organizationId, Guid contactId, CancellationToken ct)
    {
        var (ids, facts) = await PersonAsync(organizationId, contactId, ct);
        var texts = await IdentityTextsAsync(organizationId, facts, ct);
        var messages = 0;
        DocumentCursor? after = null;
        while (await views.MessagesOfAsync(organizationId, ids, after, MessagesPage, ct) is { Count: > 0 } page)
        {
            messages += page.Count;
            texts.AddRange(await ContentsAsync(organizationId, [.. page.Select(m => m.Uuid)], ct));
            after = new(page[^1].CreatedAt, page[^1].Id);
        }

        if (messages == 0 && facts.Count == 0 && !await HasKeyAsync(shard, organizationId, ids, ct))
        {
            return null;
        }

        return new(ids, Known(texts), "");
    }

    /// <summary>By what these contacts were known before each change of their identity, and after it.</summary>
    internal async Task<ErasedIdentities> FormerAsync(Guid organizationId, IReadOnlyList<Guid> ids, CancellationToken ct)
    {
        var facts = (await store.LoadManyAsync(organizationId, ids, ct, archivedToo: true)).SelectMany(s => s.Events).Select(e => e.Body)
            .OfType<ContactEvent>().ToList();
        return Known(await IdentityTextsAsync(organizationId, facts, ct));
    }

    private static ErasedIdentities Known(List<string?> texts) =>
        new([.. Values(texts, Phones).Select(E164.OfWaId).SelectMany(PhoneSpellings.Of).Distinct()],
            [.. Values(texts, UserIds).Distinct()], []);

    private static IEnumerable<string> Values(List<string?> texts, string[][] paths) =>
        from text in texts
        let root = MessageDocumentContent.Parse(text)
        where root is not null
        from path in paths
        let value = MessageDocumentContent.Text(root.Value, path)
        where !string.IsNullOrEmpty(value)
        select value;

    // Up to whom the id was merged into, then down to all who were merged into that one.
    private async Task<(List<Guid> Ids, List<ContactEvent> Facts)> PersonAsync(Guid organizationId, Guid contactId, CancellationToken ct)
    {
        var own = await FactsAsync(organizationId, contactId, ct);
        while (own.OfType<ContactAbsorbed>().LastOrDefault() is { } absorbed)
        {
            contactId = absorbed.IntoId;
            own = await FactsAsync(organizationId, contactId, ct);
        }

        var (ids, facts) = (new List<Guid> { contactId }, new List<ContactEvent>());
        for (var i = 0; i < ids.Count; i++)
        {
            own = i == 0 ? own : await FactsAsync(organizationId, ids[i], ct);
            ids.AddRange(own.OfType<ContactMerged>().Select(e => e.AbsorbedId).Except(ids).ToList());
            facts.AddRange(own);
        }

        return (ids, facts);
    }

    private async Task<List<ContactEvent>> FactsAsync(Guid organizationId, Guid contactId, CancellationToken ct) =>
        [.. (await store.LoadManyAsync(organizationId, [contactId], ct, archivedToo: true))[0].Events.Select(e => e.Body)
            .OfType<ContactEvent>()];

    private async Task<List<string?>> IdentityTextsAsync(Guid organizationId, List<ContactEvent> facts, CancellationToken ct) =>
        [.. await personal.OpenAsync(organizationId, [.. facts.Select(ContactHistory.IdentityOf).OfType<Sealed>()], ct)];

    private async Task<IReadOnlyList<string?>> ContentsAsync(Guid organizationId, IReadOnlyList<Guid> messages, CancellationToken ct)
    {
        var streams = await store.LoadManyAsync(organizationId, messages, ct, archivedToo: true);
        return await personal.OpenAsync(organizationId,
            [.. streams.SelectMany(s => s.Events)
                .Select(e => e.Body switch
                {
                    MessageReceived r => r.Content,
                    MessageQueued q => q.Content,
                    MessageEchoed o => o.Content,
                    MessageImported i => i.Content,
                    _ => null,
                }).OfType<Sealed>()], ct);
    }

    private static async Task<bool> HasKeyAsync(Shard shard, Guid organizationId, List<Guid> ids, CancellationToken ct) =>
        (await shard.QueryAsync(organizationId,
            "SELECT 1 FROM bsp.contact_keys WHERE organization_id = $1 AND contact_id = ANY ($2) LIMIT 1", _ =>
                true, ct, organizationId, ids.ToArray())).Count > 0;
}
