using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <summary>Records what a person agreed to, the proof sealed under the person's own key.</summary>
public sealed class ContactConsents(Shards shards, IEventStore store, IPersonalData personal, ContactCache cache,
    Suppressions suppressions, TimeProvider clock)
{
    /// <param name="shown">The contact's row as last seen; null: it was just made.</param>
    /// <param name="once">A proof that was recorded before, from the same source and for any id of the person, is old news.</param>
    /// <exception cref="Refusal"><c>contact.merged</c>, <c>contact.unknown</c>, <c>contact.consent_status_invalid</c>,
    /// <c>contact.suppressed</c></exception>
    public async Task<Done> ChangeAsync(Guid organizationId, Guid contactId, ContactView? shown, Consent consent, CancellationToken ct,
        bool once = false)
    {
        var stream = await store.LoadAsync(organizationId, contactId, ct);
        var last = stream.Fold<Contact, ContactEvent>();
        var proofs = await ProofsAsync(organizationId, [stream], ct);
        if (once && (proofs.Contains((consent.Source, consent.Proof))
            || (await AbsorbedAsync(organizationId, contactId, ct)).Contains((consent.Source, consent.Proof))))
        {
            return new(contactId, stream.Version);
        }

        if (consent.Status != "OPTED_OUT")
        {
            await LiftAsync(organizationId, contactId, consent, ct);
        }

        var same = last.Status is not null && proofs[^1].Proof == consent.Proof;
        var proof = consent.Proof is null ? null : (await personal.SealAsync(organizationId, [(contactId, consent.Proof)], ct))[0];
        var done = await store.Decide<Contact, ContactEvent>(organizationId, contactId,
            state => Contact.ChangeConsent(state, contactId, shown?.ConsentStatus ?? state.Status
                ?? "PENDING", consent.Status, consent.Source, proof, same && state == last, clock.GetUtcNow()), null, ct);
        // it is committed, whoever goes away now
        await cache.ForgetAsync(await shards.OfAsync(organizationId, ct), organizationId, contactId, CancellationToken.None);
        return done;
    }

    // Before the event: killed in between, the contact is still OPTED_OUT by its row. The row is held, so that who is being deleted or
    // erased meanwhile is suppressed afterwards and not before.
    private async Task LiftAsync(Guid organizationId, Guid contactId, Consent consent, CancellationToken ct)
    {
        await using var transaction = await (await shards.OfAsync(organizationId, ct)).BeginAsync(organizationId, ct);
        var reached =
            await transaction.QueryAsync("SELECT c.phone_number, c.wa_user_id FROM contacts c WHERE c.id = $1 FOR UPDATE", r =>
                new Reach(r.TextOrNull(0), r.TextOrNull(1)), ct, contactId);
        if (reached.Count == 0)
        {
            return;
        }

        reached.AddRange(
            await transaction.QueryAsync("SELECT x.phone_number, x.wa_user_id FROM bsp.contact_aliases x WHERE x.into_id = $1", r =>
                new Reach(r.TextOrNull(0), r.TextOrNull(1)), ct, contactId));
        if (await suppressions.FindAsync(transaction, organizationId, [.. reached.SelectMany(r => r.All).Distinct()],
            ct) is not { Count: > 0 } suppressed)
        {
            return;
        }

        if (consent.Status != "OPTED_IN" || string.IsNullOrWhiteSpace(consent.Proof))
        {
            throw new Refusal("contact.suppressed",
                "The person opted out before this contact was made anew: only an OPTED_IN with proof ends that.");
        }

        await suppressions.LiftAsync(transaction, organizationId, contactId, suppressed, ct);
        await transaction.CommitUnmarkedAsync(ct);
    }

    private async Task<List<(string Source, string? Proof)>> AbsorbedAsync(Guid organizationId, Guid contactId, CancellationToken ct)
    {
        var ids = await (await shards.OfAsync(organizationId, ct)).AllIdsAsync(organizationId, contactId, ct);
        return ids.Count == 1 ? []
            : await ProofsAsync(organizationId,
                await store.LoadManyAsync(organizationId, [.. ids.Where(id => id != contactId)], ct, archivedToo: true), ct);
    }

    // Each stream's oldest first.
    private async Task<List<(string Source, string? Proof)>> ProofsAsync(Guid organizationId, IReadOnlyList<LoadedStream> streams,
        CancellationToken ct)
    {
        var facts = streams.SelectMany(s => s.Events).Select(e => e.Body).ToList();
        var seals = facts.OfType<ContactConsentChangedV2>().Select(e => e.Proof).OfType<Sealed>().Distinct().ToList();
        var texts = await personal.OpenAsync(organizationId, seals, ct);
        var opened = seals.Select((s, i) => (s, texts[i])).ToDictionary(p => p.s, p => p.Item2);
        var proofs = new List<(string, string?)>();
        foreach (var said in facts)
        {
            if (said is ContactConsentChanged plain)
            {
                proofs.Add((plain.Source, plain.Proof));
            }
            else if (said is ContactConsentChangedV2 e)
            {
                proofs.Add((e.Source, e.Proof is { } proof ? opened[proof] : null));
            }
        }

        return proofs;
    }
}
