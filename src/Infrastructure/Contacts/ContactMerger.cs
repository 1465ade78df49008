using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Domain.Conversations;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// Makes two contacts one: an event in each stream, and in the same transaction the rows (<see cref="ContactIdentityView"/>). Whoever wrote
/// to either stream meanwhile makes it try again, so no consent
/// said in between is lost.
/// </summary>
public sealed class ContactMerger(Shards shards, IEventStore store, ContactCache cache, TimeProvider clock)
{
    private const int AttemptsMax = 50;
    private const int AccountsMax = 500;

    /// <summary>Id of the surviving contact.</summary>
    /// <exception cref="Refusal"><c>contact.unknown</c></exception>
    public async Task<Guid> MergeAsync(Guid organizationId, Guid contactId, Guid with, string source, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            var ids = await shard.ResolveAliasesAsync(organizationId, [contactId, with], ct);
            try
            {
                var phones = await RequireAsync(shard, organizationId, ids, ct);
                if (ids[0] == ids[1])
                {
                    return ids[0];
                }

                if (await TryAsync(shard, organizationId, ids[0], ids[1], source, ct))
                {
                    await cache.RemoveAsync(organizationId, phones, CancellationToken.None);
                    await cache.ForgetAsync(shard, organizationId, ids[0], CancellationToken.None);
                    return ids[0];
                }
            }
            catch (Refusal refusal) when (refusal.Code is "contact.merged" or "contact.unknown")
            {
                // Another merge was faster: the ids mean something else now. If they do not, it is true.
                if (ids.SequenceEqual(await shard.ResolveAliasesAsync(organizationId, [contactId, with], ct)))
                {
                    throw;
                }
            }
            catch (PostgresException e)
                when (e.SqlState is PostgresErrorCodes.NoDataFound or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.ForeignKeyViolation)
            {
                // One of them, or a list of theirs, was deleted or erased meanwhile: the next look says so.
            }
        }

        throw new VersionConflict(contactId, named: false);
    }

    private async Task<bool> TryAsync(Shard shard, Guid organizationId, Guid contactId, Guid absorbedId, string source,
        CancellationToken ct)
    {
        var streams = await store.LoadManyAsync(organizationId, [contactId, absorbedId], ct);
        var now = clock.GetUtcNow();
        var (surviving, absorbed) = Contact.Merge(State(streams[0]), State(streams[1]), contactId, absorbedId, source, now);
        if (surviving.Length == 0)
        {
            return true;
        }

        List<StreamAppend> appends =
            [new(contactId, "contact", streams[0].Version, surviving), new(absorbedId, "contact", streams[1].Version, absorbed)];
        appends.AddRange(await WindowsAsync(shard, organizationId, contactId, absorbedId, now, ct));
        return (await store.AppendAsync(organizationId, appends, ct)).Verdict == AppendVerdict.Ok;
    }

    // Whoever wrote to us as the other contact may still be answered freely.
    private async Task<List<StreamAppend>> WindowsAsync(Shard shard, Guid organizationId, Guid contactId, Guid absorbedId,
        DateTimeOffset now, CancellationToken ct)
    {
        var accounts =
            await shard.QueryAsync(organizationId,
                $"SELECT id FROM whatsapp_accounts WHERE organization_id = $1 ORDER BY id LIMIT {AccountsMax}", r =>
                    r.GetGuid(0), ct, organizationId);
        var streams =
            await store.LoadManyAsync(organizationId,
                [.. accounts.SelectMany(a => new[] { Uuid.Conversation(a, contactId), Uuid.Conversation(a, absorbedId) })], ct);
        var appends = new List<StreamAppend>();
        for (var i = 0; i < accounts.Count; i++)
        {
            var (own, other) = (Conversation(streams[2 * i]), Conversation(streams[(2 * i) + 1]));
            if (other.WindowUntil > now && !(own.WindowUntil >= other.WindowUntil))
            {
                appends.Add(new(streams[2 * i].StreamId, "conversation", streams[2 * i].Version,
                    [new CustomerWindowOpened(streams[2 * i].StreamId, accounts[i], contactId, other.WindowUntil.Value, now)]));
            }
        }

        return appends;
    }

    // The phone numbers of both, whose cached copies are wrong afterwards.
    private static async Task<List<string>> RequireAsync(Shard shard, Guid organizationId, IReadOnlyList<Guid> ids, CancellationToken ct)
    {
        var found = await shard.QueryAsync(organizationId,
            "SELECT phone_number FROM contacts WHERE organization_id = $1 AND id = ANY ($2)", r =>
                r.IsDBNull(0) ? null : r.GetString(0), ct, organizationId, ids.ToArray());
        return found.Count == ids.Distinct().Count() ? [.. found.OfType<string>()] : throw GetContactHandler.UnknownContact();
    }

    private static Contact State(LoadedStream stream) => stream.Fold<Contact, ContactEvent>();

    private static Conversation Conversation(LoadedStream stream) => stream.Fold<Conversation, ConversationEvent>();
}

/// <summary>The lock keeps callers of the same contacts from getting in each other's way; the streams' versions decide.</summary>
public sealed class MergeContactsHandler(ContactMerger merger, ContactLocks locks) : IRequestHandler<MergeContacts, Done>
{
    public async Task<Done> Handle(MergeContacts command, CancellationToken ct)
    {
        await using var held = await locks.HoldAsync([command.ContactId, command.With], ct);
        return new(await merger.MergeAsync(command.OrganizationId, command.ContactId, command.With, command.Source, ct), 0);
    }
}
