using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Media;
using Bsp.Application.Privacy;
using Bsp.Domain.Contacts;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <summary>The steps of one erasure after it was ordered. Each may be repeated; the last one forgets whom it was about.</summary>
public sealed class Erasure(IEventStore store, ErasureOrders orders, IDocumentStore documents, IDocumentViews views,
    IPersonalData personal, ISecrets secrets, ContactCache cache, JournalTraces journal, ImportTraces imports, IMediaErasure media)
{
    private const int MessagesPage = 500;
    private const int AttemptsMax = 10;

    /// <summary>Null: all is gone. Else what it waits for; come again.</summary>
    public async Task<string?> CarryAsync(Shard shard, Guid organizationId, Guid contactId, CancellationToken ct)
    {
        if (await ErasedAtAsync(shard, organizationId, contactId, ct) is not { } erasedAt
            || (await shard.QueryAsync(organizationId,
                "SELECT contact_ids, identities FROM bsp.contact_erasures WHERE contact_id = $1 AND identities IS NOT NULL",
                r => (Ids: r.GetFieldValue<Guid[]>(0), Identities: r.GetString(1)), ct, contactId)) is not [var order])
        {
            return null;
        }

        var (ids, identities) = (order.Ids, JsonSerializer.Deserialize<ErasedIdentities>(secrets.Open(order.Identities))!);
        Forget(organizationId, ids);
        await cache.RemoveAsync(organizationId, identities.Phones, ct);
        var waitsFor = await imports.UnderWayAsync(shard, organizationId, contactId, ct)
            ? "a file that was sent in before is still being taken in" : null;
        await imports.EraseAsync(shard, organizationId, identities, ct);
        await documents.EraseAiAsync(shard, organizationId, ids, ct);
        await media.EraseAsync(organizationId, ids, ct);
        if ((waitsFor ?? await HoldersAsync(shard, erasedAt, ct)) is { } holder)
        {
            return holder;
        }

        await JournalAsync(organizationId, ids, identities, ct);
        await CompleteAsync(shard, organizationId, contactId, ids, identities, ct);
        Forget(organizationId, ids);
        return null;
    }

    private void Forget(Guid organizationId, Guid[] ids)
    {
        foreach (var id in ids)
        {
            personal.Forget(organizationId, id);
        }
    }

    // Null: both the documents that serve and those that a rebuild makes beside them have met the event (or there is no rebuild). A copy is
    // swapped in only when it is as far as the view, so in this
    // order none is overlooked; one that is begun after the event finds no keys.
    private async Task<string?> HoldersAsync(Shard shard, long erasedAt, CancellationToken ct)
    {
        var (view, copy) = (ViewNames.Conversations, CopyName.Of(ViewNames.Conversations));
        if (await documents.CheckpointAsync(shard, view, ct) < erasedAt)
        {
            return $"{view} has not come so far";
        }

        var board = new ProjectionBoard(shard);
        if (await board.CopyAsync(view, ct) is not null && await documents.CheckpointAsync(shard, copy, ct) < erasedAt)
        {
            return $"{view} is being rebuilt, and the copy has not come so far";
        }

        return (await board.ParkedAsync(view, ct)).Contains(erasedAt) || (await board.ParkedAsync(copy, ct)).Contains(erasedAt)
            ? $"{view} could not take the event, which is parked" : null;
    }

    // Sequence of the event. An order whose process died before it (an earlier build wrote them one after the other) is given anew. Null:
    // there is nothing to carry out (any more).
    private async Task<long?> ErasedAtAsync(Shard shard, Guid organizationId, Guid contactId, CancellationToken ct)
    {
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            if ((await store.LoadManyAsync(organizationId, [contactId], ct))[0].Events.FirstOrDefault(e =>
                e.Body is ContactErased) is { } erased)
            {
                return erased.Sequence;
            }

            try
            {
                await orders.TryAsync(shard, organizationId, contactId, ct);
            }
            catch (Domain.Common.Refusal refusal) when (refusal.Code == "contact.unknown")
            {
                return 0; // nothing of the person is in the log: what may be left are copies
            }
            catch (Domain.Common.Refusal refusal) when (refusal.Code == "contact.merged")
            {
                // it became part of another one before the order could be carried out, whose own order counts
                await WithdrawAsync(shard, organizationId, contactId, ct);
                return null;
            }
        }

        throw new VersionConflict(contactId, named: false);
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
            await journal.EraseAsync(organizationId, streams.SelectMany(s => s.Events).Select(e => JournalTraces.Row(e.Body)).OfType<long>()
                .ToHashSet(), identities, ct);
            after = new(page[^1].CreatedAt, page[^1].Id);
        }
    }

    // Keys once more: whoever was sealing while the order came in has finished by now. Kept answers of requests that created or changed the
    // contact go too.
    private static async Task CompleteAsync(Shard shard, Guid organizationId, Guid contactId, Guid[] ids, ErasedIdentities identities,
        CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync("SELECT bsp.erase_contacts($1, $2)", ct, organizationId, ids);
        foreach (var trace in identities.Phones.Concat(identities.UserIds).Concat(identities.Emails)
            .Concat(ids.Select(id => id.ToString())))
        {
            await transaction.ExecuteAsync(
                "UPDATE bsp.idempotency_keys SET status = NULL, body = NULL, headers = NULL WHERE organization_id = $1 AND position(convert_to($2, 'UTF8') IN body) > 0", ct, organizationId, trace);
        }

        await transaction.ExecuteAsync(
            "DELETE FROM bsp.waiting_identity_news WHERE organization_id = $1 AND (phone_number = ANY ($2) OR wa_user_id = ANY ($3))", ct,
            organizationId, identities.Phones.ToArray(), identities.UserIds.ToArray());
        await transaction.ExecuteAsync(
            "UPDATE bsp.contact_erasures SET identities = NULL, error = NULL, leased_until = NULL, completed_at = now() WHERE contact_id = $1", ct, contactId);
        await transaction.CommitAsync(ct);
    }
}
