using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Contacts;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <summary>The steps of one erasure after it was ordered. Each may be repeated; the last one forgets whom it was about.</summary>
public sealed class Erasure(IEventStore store, IDocumentStore documents, IDocumentViews views, IPersonalData personal, ISecrets secrets, ContactCache cache, JournalTraces journal, ImportTraces imports, TimeProvider clock)
{
    private const int MessagesPage = 500;

    /// <summary>True: all is gone. False: the documents' projection has not passed the event yet, or a file sent in before is still being taken in; come again.</summary>
    public async Task<bool> CarryAsync(Shard shard, Guid organizationId, Guid contactId, CancellationToken ct)
    {
        var (ids, text) = (await shard.QueryAsync(organizationId, "SELECT contact_ids, identities FROM bsp.contact_erasures WHERE contact_id = $1 AND completed_at IS NULL",
            r => (r.GetFieldValue<Guid[]>(0), r.TextOrNull(1)), ct, contactId)).FirstOrDefault();
        if (ids is null || text is null)
        {
            return true;
        }

        var identities = JsonSerializer.Deserialize<ErasedIdentities>(secrets.Open(text))!;
        if (await EventAsync(organizationId, contactId, ids, ct) is not { } erasedAt)
        {
            await WithdrawAsync(shard, organizationId, contactId, ct);
            return true;
        }

        await cache.RemoveAsync(organizationId, identities.Phones, ct);
        var waits = await imports.UnderWayAsync(shard, organizationId, contactId, ct);
        await imports.EraseAsync(shard, organizationId, identities, ct);
        await documents.EraseAiAsync(shard, organizationId, ids, ct);
        if (waits || await documents.CheckpointAsync(shard, ConversationsProjection.ProjectionName, ct) < erasedAt)
        {
            return false;
        }

        await JournalAsync(organizationId, ids, identities, ct);
        await CompleteAsync(shard, organizationId, contactId, ids, identities, ct);
        foreach (var id in ids)
        {
            personal.Forget(organizationId, id);
        }

        return true;
    }

    // Sequence of the event; written here when whoever ordered died before it. Null: the contact became part of another one before the order could be carried out, whose own order counts.
    private async Task<long?> EventAsync(Guid organizationId, Guid contactId, Guid[] ids, CancellationToken ct)
    {
        try
        {
            await EraseContactHandler.EraseAsync(store, organizationId, ids, clock.GetUtcNow(), ct);
        }
        catch (Domain.Common.Refusal refusal) when (refusal.Code == "contact.merged")
        {
            return null;
        }

        return (await store.LoadAsync(organizationId, contactId, ct)).Events.First(e => e.Body is ContactErased).Sequence;
    }

    private static async Task WithdrawAsync(Shard shard, Guid organizationId, Guid contactId, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync("DELETE FROM bsp.contact_erasures WHERE contact_id = $1", ct, contactId);
        await transaction.CommitAsync(ct);
    }

    private async Task JournalAsync(Guid organizationId, Guid[] ids, ErasedIdentities identities, CancellationToken ct)
    {
        DocumentCursor? after = null;
        while (await views.MessagesOfAsync(organizationId, ids, after, MessagesPage, ct) is { Count: > 0 } page)
        {
            var streams = await store.LoadManyAsync(organizationId, [.. page.Select(m => m.Uuid)], ct, archivedToo: true);
            await journal.EraseAsync(organizationId, streams.SelectMany(s => s.Events).Select(e => JournalTraces.Row(e.Body)).OfType<long>().ToHashSet(), identities, ct);
            after = new(page[^1].CreatedAt, page[^1].Id);
        }
    }

    // Keys once more: whoever was sealing while the order came in has finished by now. Kept answers of requests that created or changed the contact go too.
    private static async Task CompleteAsync(Shard shard, Guid organizationId, Guid contactId, Guid[] ids, ErasedIdentities identities, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync("SELECT bsp.erase_contacts($1, $2)", ct, organizationId, ids);
        foreach (var trace in identities.Phones.Concat(identities.UserIds).Concat(identities.Emails).Concat(ids.Select(id => id.ToString())))
        {
            await transaction.ExecuteAsync("UPDATE bsp.idempotency_keys SET status = NULL, body = NULL, headers = NULL WHERE organization_id = $1 AND position(convert_to($2, 'UTF8') IN body) > 0", ct, organizationId, trace);
        }

        await transaction.ExecuteAsync("UPDATE bsp.contact_erasures SET identities = NULL, error = NULL, leased_until = NULL, completed_at = now() WHERE contact_id = $1", ct, contactId);
        await transaction.CommitAsync(ct);
    }
}
