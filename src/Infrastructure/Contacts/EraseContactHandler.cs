using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// The order and the event that destroys keys and rows (<see cref="ErasureOrders"/>), then the worker for the copies. Killed anywhere, the
/// worker finds the order and goes on.
/// </summary>
public sealed class EraseContactHandler(Shards shards, ErasureOrders orders, IPersonalData personal, ContactCache cache,
    ContactLocks locks, ErasureSignal signal) : IRequestHandler<EraseContact, ContactErasure>
{
    private const int AttemptsMax = 50;

    public async Task<ContactErasure> Handle(EraseContact command, CancellationToken ct)
    {
        await using var held = await locks.HoldAsync([command.ContactId], ct);
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            var id = (await shard.ResolveAliasesAsync(command.OrganizationId, [command.ContactId], ct))[0];
            if (await FindAsync(shard, command.OrganizationId, id, ct) is { } known)
            {
                return known;
            }

            try
            {
                if (await orders.TryAsync(shard, command.OrganizationId, id, ct) is { } person)
                {
                    await ForgetAsync(command.OrganizationId, person, ct);
                    return (await FindAsync(shard, command.OrganizationId, person.Ids[0], ct))!;
                }
            }
            catch (Refusal refusal) when (refusal.Code is "contact.merged" or "contact.unknown")
            {
                // It became part of another contact, or was erased as part of one, meanwhile: that one is the person. If neither, it is
                // true.
                if ((await shard.ResolveAliasesAsync(command.OrganizationId, [id], ct))[0] == id
                    && await FindAsync(shard, command.OrganizationId, id, ct) is null)
                {
                    throw;
                }
            }
        }

        throw new VersionConflict(command.ContactId, named: false);
    }

    /// <summary>Null: nothing of the kind was asked.</summary>
    internal static Task<ContactErasure?> FindAsync(Shard shard, Guid organizationId, Guid contactId, CancellationToken ct) =>
        shard.FirstAsync(organizationId, """
        SELECT r.contact_id, r.contact_ids, r.requested_at, r.completed_at FROM bsp.erased_contacts e JOIN bsp.contact_erasures r ON r.contact_id = e.erasure_id
         WHERE e.organization_id = $1 AND e.contact_id = $2
        """, r => new ContactErasure(r.GetGuid(0), r.IsDBNull(3) ? "running" : "completed", r.GetFieldValue<Guid[]>(1), r.GetFieldValue<DateTimeOffset>(2), r.TimeOrNull(3)), ct, organizationId, contactId);

    private async Task ForgetAsync(Guid organizationId, ErasedPerson person, CancellationToken ct)
    {
        foreach (var id in person.Ids)
        {
            personal.Forget(organizationId, id);
        }

        await cache.RemoveAsync(organizationId, person.Identities.Phones, ct);
        signal.Raise();
    }
}

/// <summary>Wakes this process's erasure worker. Other processes find open erasures when they look for themselves.</summary>
public sealed class ErasureSignal : WorkSignal;
