using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// By what an erased person is still to be found in copies: numbers with '+' in all their spellings, user ids, e-mail addresses.
/// </summary>
internal sealed record ErasedIdentities(IReadOnlyList<string> Phones, IReadOnlyList<string> UserIds, IReadOnlyList<string> Emails)
{
    public ErasedIdentities With(ErasedIdentities more) =>
        new([.. Phones.Concat(more.Phones).SelectMany(PhoneSpellings.Of).Distinct()], [.. UserIds.Concat(more.UserIds).Distinct()],
            [.. Emails.Concat(more.Emails).Distinct()]);
}

/// <summary>A person to be erased.</summary>
/// <param name="Ids">The surviving contact's first, then those merged into it.</param>
/// <param name="Row"><c>id:row_version</c> of its row as it was looked at; empty: there was none.</param>
internal sealed record ErasedPerson(IReadOnlyList<Guid> Ids, ErasedIdentities Identities, string Row)
{
    /// <summary>What stays suppressed: the person had opted out. Empty: they had not.</summary>
    public IReadOnlyList<string> Suppressed { get; init; } = [];
}

/// <summary>
/// The order to erase a person and the event that destroys keys and rows: one transaction, upon the contact's stream as it was before
/// anybody was looked up. Whoever is merged in, moved to another
/// number or merged away meanwhile has written to that stream, and it is begun anew: so either the merge comes first and all of the person
/// is erased, or the erasure does and there is nobody to merge.
/// </summary>
public sealed class ErasureOrders(PostgresEventStore store, DeletedContacts deleted, ISecrets secrets, Suppressions suppressions,
    TimeProvider clock)
{
    /// <summary>Null: somebody else was faster; look again whom the id means.</summary>
    /// <exception cref="Refusal"><c>contact.unknown</c>, <c>contact.merged</c>, <c>contact.held</c></exception>
    internal async Task<ErasedPerson?> TryAsync(Shard shard, Guid organizationId, Guid contactId, CancellationToken ct)
    {
        // also one of which an event cannot be read: it is erased all the same
        var stream = (await store.LoadManyAsync(organizationId, [contactId], ct))[0];
        var person = await PresentAsync(shard, organizationId, contactId, ct)
            ?? await deleted.FindAsync(shard, organizationId, contactId, ct) ?? throw GetContactHandler.UnknownContact();
        if (person.Ids[0] != contactId)
        {
            return await TryAsync(shard, organizationId, person.Ids[0], ct); // its row is gone, and it was part of that one
        }

        if ((await shard.QueryAsync(organizationId, "SELECT bsp.is_held($1, $2)", r => r.GetBoolean(0), ct, organizationId,
            person.Ids.ToArray()))[0])
        {
            throw new Refusal("contact.held", "A legal hold stands: nothing of this contact is erased until it is released.");
        }

        var events =
            Contact.Erase(stream.FoldReadable<Contact, ContactEvent>(Contact.Initial, Contact.Evolve), contactId, person.Ids,
                clock.GetUtcNow());
        return events.Length > 0 && await AppendAsync(shard, organizationId, person, stream.Version, events, ct) ? person : null;
    }

    private async Task<bool> AppendAsync(Shard shard, Guid organizationId, ErasedPerson person, long version, ContactEvent[] events,
        CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync("""
            INSERT INTO bsp.contact_erasures (contact_id, organization_id, contact_ids, identities) VALUES ($1, $2, $3, $4)
            ON CONFLICT (contact_id) DO UPDATE SET contact_ids = excluded.contact_ids, identities = excluded.identities
            """, ct, person.Ids[0], organizationId, person.Ids.ToArray(), secrets.Seal(JsonSerializer.Serialize(person.Identities)));
        var verdict =
            (await store.AppendAsync(transaction, shard, organizationId, [[new(person.Ids[0], "contact", version, events)]],
                ct))[0].Verdict;
        if (verdict == AppendVerdict.Archived)
        {
            await store.RestoreAsync(organizationId, [person.Ids[0]], ct);
        }

        // A change of the row alone is in no stream; the row is looked at by the append, which has the stream already: the other way round
        // it would wait in a ring with merges and consents.
        if (verdict != AppendVerdict.Ok
            || (await transaction.QueryAsync("SELECT current_setting('bsp.erased_rows')", r => r.GetString(0), ct))[0] != person.Row)
        {
            return false;
        }

        await suppressions.PutAsync(transaction, organizationId, person.Suppressed, "erased", ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    // Null: it has no row. A number that the person had before is in what was told at that time.
    private async Task<ErasedPerson?> PresentAsync(Shard shard, Guid organizationId, Guid contactId, CancellationToken ct)
    {
        var all = await shard.QueryAsync(organizationId, """
            SELECT c.id, c.phone_number, c.wa_user_id, c.email, c.id || ':' || c.row_version, c.consent_status FROM contacts c WHERE c.organization_id = $1 AND c.id = $2
            UNION ALL SELECT x.contact_id, x.phone_number, x.wa_user_id, NULL, NULL, NULL FROM bsp.contact_aliases x WHERE x.organization_id = $1 AND x.into_id = $2
            """, r => (Id: r.GetGuid(0), Phone: r.TextOrNull(1), UserId: r.TextOrNull(2), Email: r.TextOrNull(3), Row: r.TextOrNull(4), Consent: r.TextOrNull(5)), ct, organizationId, contactId);
        if (all.Find(k => k.Row is not null).Row is not { } row)
        {
            return null;
        }

        Guid[] ids = [contactId, .. all.Select(k => k.Id).Where(id => id != contactId).Order()];
        var now = new ErasedIdentities([.. all.Select(k => k.Phone).OfType<string>()], [.. all.Select(k => k.UserId).OfType<string>()],
            [.. all.Select(k => k.Email).OfType<string>()]);
        return new(ids, now.With(await deleted.FormerAsync(organizationId, ids, ct)), row)
        {
            Suppressed = all.Exists(k => k.Consent == "OPTED_OUT") ? [.. now.Phones, .. now.UserIds] : [],
        };
    }
}
