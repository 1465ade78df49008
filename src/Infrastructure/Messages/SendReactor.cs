using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Contacts;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// What a refused or failed message means beyond itself, whether the Graph call's answer or a webhook said so: number or template stopped → its campaign is paused;
/// 131050 → the contact has opted out. What people did after Meta's word was learnt stands: a campaign resumed since, a consent given since.
/// </summary>
public sealed class SendReactor(PostgresEventStore store, TimeProvider clock) : Reactor(store)
{
    public const string ProjectionName = "send_consequences.v1";

    private const int ReasonMax = 200;

    public override string Name => ProjectionName;

    public override IReadOnlyCollection<string>? EventTypes { get; } = ["message_rejected", "message_failed"];

    protected override async Task<IReadOnlyList<Reaction>> ReactionsAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var words = page.Events.Select(e => (Event: e, Said: Said(e.Body))).Where(w => w.Said is not null).Select(w => (w.Event, Said: w.Said!.Value)).ToList();
        var stopping = words.Where(w => w.Said.Ref.CampaignId is not null && (MetaErrors.StopsNumber(w.Said.Code) || MetaErrors.StopsTemplate(w.Said.Code))).ToList();
        var optingOut = words.Where(w => MetaErrors.IsOptOut(w.Said.Code)).ToList();
        var contacts = optingOut.Count == 0 ? [] : (await tx.QueryAsync("SELECT id, consent_status, consent_updated_at FROM contacts WHERE id = ANY ($1)",
            r => (Id: r.GetGuid(0), Status: r.GetString(1), At: r.IsDBNull(2) ? (DateTimeOffset?)null : r.GetFieldValue<DateTimeOffset>(2)), ct, optingOut.Select(w => w.Said.Ref.ContactId).Distinct().ToArray())).ToDictionary(c => c.Id);
        return
        [
            .. stopping.Select(w => new Reaction(w.Event, w.Said.Ref.CampaignId!.Value, "campaign", facts => Pause(facts, w.Event, Reason(w.Said.Code, w.Said.Title)))),
            .. optingOut.Where(w => contacts.ContainsKey(w.Said.Ref.ContactId)).Select(w => new Reaction(w.Event, w.Said.Ref.ContactId, "contact", facts => OptOut(facts, w.Event, w.Said.Ref, contacts[w.Said.Ref.ContactId]))),
        ];
    }

    private static (MessageRef Ref, int Code, string? Title)? Said(object? body) => body switch
    {
        MessageRejected e => (e.Ref, e.Code, e.Title),
        MessageFailed { Code: { } code } e => (e.Ref, code, e.Title),
        _ => null,
    };

    private static string Reason(int code, string? title) => $"Meta {code}: {title}" is var text && text.Length > ReasonMax ? text[..ReasonMax] : text;

    private CampaignEvent[] Pause(IReadOnlyList<object> facts, StoredEvent cause, string reason)
    {
        var state = facts.OfType<CampaignEvent>().Aggregate(Campaign.Initial, Campaign.Evolve);
        var resumedSince = facts.OfType<CampaignResumed>().Any(e => e.At > cause.Timestamp);
        return state.Status != CampaignStatus.Running || resumedSince ? [] : Campaign.Pause(state, reason, clock.GetUtcNow());
    }

    // The row's time is that of the last consent, whoever said it: an import changes it without an event on the contact's stream.
    private ContactEvent[] OptOut(IReadOnlyList<object> facts, StoredEvent cause, MessageRef of, (Guid Id, string Status, DateTimeOffset? At) shown)
    {
        var state = facts.OfType<ContactEvent>().Aggregate(Contact.Initial, Contact.Evolve);
        return shown.At > cause.Timestamp ? [] : Contact.ChangeConsent(state, of.ContactId, shown.Status, "OPTED_OUT", "meta_131050", of.MessageId.ToString(), clock.GetUtcNow());
    }
}
