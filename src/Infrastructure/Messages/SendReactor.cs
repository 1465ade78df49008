using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// What a refused or failed message means beyond itself, whether the Graph call's answer or a webhook said so: number or template stopped →
/// its campaign is paused;
/// 131050 → the contact has opted out. What people did after Meta's word was learnt stands: a campaign resumed since, a consent given
/// since.
/// </summary>
public sealed class SendReactor(PostgresEventStore store, IPersonalData personal, RowCaches caches, ContactCache contactCache,
    TimeProvider clock) : Reactor(store)
{
    private const int ReasonMax = 200;

    public override string Name => ViewNames.SendConsequences;

    public override IReadOnlyCollection<string>? EventTypes { get; } = ["message_rejected", "message_failed"];

    protected override async Task<IReadOnlyList<Reaction>> ReactionsAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        await CampaignErrors.CountAsync(tx, page.Events, ct);
        var words = page.Events.Select(e => (Event: e, Said: Said(e.Body))).Where(w => w.Said is not null)
            .Select(w => (w.Event, Said: w.Said!.Value)).ToList();
        var stopping =
            words.Where(w => w.Said.Ref.CampaignId is not null
                && (MetaErrors.StopsNumber(w.Said.Code) || MetaErrors.StopsTemplate(w.Said.Code))).ToList();
        var optingOut = words.Where(w => MetaErrors.IsOptOut(w.Said.Code)).ToList();
        // Whoever the contact is by now: it may have been merged into another since.
        var contacts = optingOut.Count == 0 ? [] : (await tx.QueryAsync("""
            SELECT i.id, c.id, c.consent_status, c.consent_updated_at, c.phone_number
              FROM (SELECT i.id, coalesce(x.into_id, i.id) AS person FROM unnest($1) AS i (id) LEFT JOIN bsp.contact_aliases x ON x.contact_id = i.id OFFSET 0) i JOIN contacts c ON c.id = i.person
            """, r => (Named: r.GetGuid(0), Shown: (Id: r.GetGuid(1), Status: r.GetString(2), At: r.IsDBNull(3) ? (DateTimeOffset?)null : r.GetFieldValue<DateTimeOffset>(3)), Phone: r.IsDBNull(4) ? null : r.GetString(4)), ct,
            optingOut.Select(w => w.Said.Ref.ContactId).Distinct().ToArray())).ToDictionary(c => c.Named, c => (c.Shown, c.Phone));
        var told = optingOut.Where(w => contacts.ContainsKey(w.Said.Ref.ContactId)).ToList();
        var proofs = await ProofsAsync(told.ConvertAll(w => (w.Event, contacts[w.Said.Ref.ContactId].Shown.Id, w.Said.Ref.MessageId)), ct);
        return
        [
            .. stopping.Select(w =>
                new Reaction(w.Event, w.Said.Ref.CampaignId!.Value, "campaign", facts =>
                    Pause(facts, w.Event, Reason(w.Said.Code, w.Said.Title)),
                version => caches.Campaigns.ForgetAsync(w.Said.Ref.CampaignId.Value, version))),
            .. told.Select(w =>
                new Reaction(w.Event, contacts[w.Said.Ref.ContactId].Shown.Id, "contact", facts =>
                    OptOut(facts, w.Event, proofs[w.Event.Id], contacts[w.Said.Ref.ContactId].Shown),
                _ => contactCache.RemoveAsync(w.Event.OrganizationId, contacts[w.Said.Ref.ContactId].Phone is { } phone ? [phone]
                    : [], CancellationToken.None))),
        ];
    }

    private static (MessageRef Ref, int Code, string? Title)? Said(object? body) => body switch
    {
        MessageRejected e => (e.Ref, e.Code, e.Title),
        MessageFailed { Code: { } code } e => (e.Ref, code, e.Title),
        _ => null,
    };

    private static string Reason(int code, string? title) => Text.Cut($"Meta {code}: {title}", ReasonMax);

    private CampaignEvent[] Pause(IReadOnlyList<object> facts, StoredEvent cause, string reason)
    {
        var state = facts.OfType<CampaignEvent>().Aggregate(Campaign.Initial, Campaign.Evolve);
        var resumedSince = facts.OfType<CampaignResumed>().Any(e => e.At > cause.Timestamp);
        return state.Status != CampaignStatus.Running || resumedSince ? [] : Campaign.Pause(state, reason, clock.GetUtcNow());
    }

    private async Task<Dictionary<Guid, Sealed>> ProofsAsync(List<(StoredEvent Event, Guid Contact, Guid Message)> told,
        CancellationToken ct)
    {
        var proofs = new Dictionary<Guid, Sealed>();
        foreach (var own in told.GroupBy(t => t.Event.OrganizationId))
        {
            var seals = await personal.SealAsync(own.Key, [.. own.Select(t => (t.Contact, t.Message.ToString()))], ct);
            foreach (var (one, seal) in own.Zip(seals))
            {
                proofs.Add(one.Event.Id, seal);
            }
        }

        return proofs;
    }

    // The row's time is that of the last consent, whoever said it: an import changes it without an event on the contact's stream. A person
    // who was erased by now wants nothing any more;
    // who became part of another contact since the rows were looked at is looked for again, with the page.
    private ContactEvent[] OptOut(IReadOnlyList<object> facts, StoredEvent cause, Sealed proof,
        (Guid Id, string Status, DateTimeOffset? At) shown)
    {
        var state = facts.OfType<ContactEvent>().Aggregate(Contact.Initial, Contact.Evolve);
        if (state.MergedInto is not null)
        {
            throw new VersionConflict(shown.Id, named: false);
        }

        return shown.At > cause.Timestamp || state.Erased ? []
            : Contact.ChangeConsent(state, shown.Id, shown.Status, "OPTED_OUT", "meta_131050", proof, sameProof: true, clock.GetUtcNow());
    }
}
