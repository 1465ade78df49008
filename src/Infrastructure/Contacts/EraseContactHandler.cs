using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Contacts;

/// <summary>By what an erased person is still to be found in copies: numbers with '+', user ids, e-mail addresses.</summary>
internal sealed record ErasedIdentities(IReadOnlyList<string> Phones, IReadOnlyList<string> UserIds, IReadOnlyList<string> Emails);

/// <summary>First the order (a row), then the event that destroys keys and rows, then the worker for the copies. Killed anywhere, the worker finds the order and goes on.</summary>
public sealed class EraseContactHandler(Shards shards, IEventStore store, IPersonalData personal, ISecrets secrets, ContactCache cache, DeletedContacts deleted, ContactLocks locks, ErasureSignal signal, TimeProvider clock) : IRequestHandler<EraseContact, ContactErasure>
{
    private const int AttemptsMax = 10;

    public async Task<ContactErasure> Handle(EraseContact command, CancellationToken ct)
    {
        await using var held = await locks.HoldAsync([command.ContactId], ct);
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        if (await FindAsync(shard, command.OrganizationId, command.ContactId, ct) is { } known)
        {
            return known;
        }

        for (var attempt = 1; ; attempt++)
        {
            var ids = await shard.AllIdsAsync(command.OrganizationId, command.ContactId, ct);
            try
            {
                return await EraseAsync(shard, command.OrganizationId, ids, await PresentAsync(shard, command.OrganizationId, ids[0], ct), ct);
            }
            catch (Refusal refusal) when (refusal.Code is "contact.merged" or "contact.unknown" && attempt < AttemptsMax)
            {
                // It became part of another contact meanwhile: that one is the person. The order for the old id is the worker's to take back.
                if ((await shard.MeantAsync(command.OrganizationId, [ids[0]], ct))[0] != ids[0])
                {
                    continue;
                }

                if (await FindAsync(shard, command.OrganizationId, ids[0], ct) is { } other)
                {
                    return other;
                }

                // Its row was deleted; his messages and their keys are still there.
                if (refusal.Code == "contact.unknown" && await deleted.FindAsync(shard, command.OrganizationId, ids[0], ct) is { } gone)
                {
                    return await EraseAsync(shard, command.OrganizationId, gone.Ids, gone.Identities, ct);
                }

                throw;
            }
        }
    }

    /// <summary>The event, once; in its transaction go keys and rows.</summary>
    internal static Task<Done> EraseAsync(IEventStore store, Guid organizationId, IReadOnlyList<Guid> ids, DateTimeOffset now, CancellationToken ct) =>
        store.Decide<Contact, ContactEvent>(organizationId, ids[0], "contact", Contact.Initial, Contact.Evolve, state => Contact.Erase(state, ids[0], ids, now), null, ct);

    /// <summary>Null: nothing of the kind was asked.</summary>
    internal static Task<ContactErasure?> FindAsync(Shard shard, Guid organizationId, Guid contactId, CancellationToken ct) => shard.FirstAsync(organizationId,
        "SELECT contact_id, contact_ids, requested_at, completed_at FROM bsp.contact_erasures WHERE organization_id = $1 AND contact_ids @> ARRAY[$2] ORDER BY requested_at DESC LIMIT 1",
        r => new ContactErasure(r.GetGuid(0), r.IsDBNull(3) ? "running" : "completed", r.GetFieldValue<Guid[]>(1), r.GetFieldValue<DateTimeOffset>(2), r.TimeOrNull(3)), ct, organizationId, contactId);

    private async Task<ContactErasure> EraseAsync(Shard shard, Guid organizationId, IReadOnlyList<Guid> ids, ErasedIdentities identities, CancellationToken ct)
    {
        await OrderAsync(shard, organizationId, ids, identities, ct);
        await EraseAsync(store, organizationId, ids, clock.GetUtcNow(), ct);
        foreach (var id in ids)
        {
            personal.Forget(organizationId, id);
        }

        await cache.RemoveAsync(organizationId, identities.Phones, ct);
        signal.Raise();
        return (await FindAsync(shard, organizationId, ids[0], ct))!;
    }

    private static async Task<ErasedIdentities> PresentAsync(Shard shard, Guid organizationId, Guid contactId, CancellationToken ct)
    {
        var rows = await shard.QueryAsync(organizationId, """
            SELECT c.phone_number, c.wa_user_id, c.email FROM contacts c WHERE c.organization_id = $1 AND c.id = $2
            UNION ALL SELECT x.phone_number, x.wa_user_id, NULL FROM bsp.contact_aliases x WHERE x.organization_id = $1 AND x.into_id = $2
            """, r => (Phone: r.TextOrNull(0), User: r.TextOrNull(1), Email: r.TextOrNull(2)), ct, organizationId, contactId);
        return rows.Count == 0 ? throw GetContactHandler.UnknownContact()
            : new([.. rows.Select(r => r.Phone).OfType<string>()], [.. rows.Select(r => r.User).OfType<string>()], [.. rows.Select(r => r.Email).OfType<string>()]);
    }

    private async Task OrderAsync(Shard shard, Guid organizationId, IReadOnlyList<Guid> ids, ErasedIdentities identities, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync("INSERT INTO bsp.contact_erasures (contact_id, organization_id, contact_ids, identities) VALUES ($1, $2, $3, $4) ON CONFLICT (contact_id) DO NOTHING", ct,
            ids[0], organizationId, ids.ToArray(), secrets.Seal(JsonSerializer.Serialize(identities)));
        await transaction.CommitAsync(ct);
    }
}

/// <summary>Wakes this process's erasure worker. Other processes find open erasures when they look for themselves.</summary>
public sealed class ErasureSignal : WorkSignal;
