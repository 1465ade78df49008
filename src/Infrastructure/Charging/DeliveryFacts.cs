using Bsp.Application.EventStore;
using Bsp.Domain.Charging;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <summary>
/// What has to be known of delivered messages to rate them. Mostly it all stands in the delivery's own evidence; the message's stream is
/// read only where it does not: no pricing on it, an
/// earlier status that may be newer, or nobody named.
/// </summary>
internal sealed class DeliveryFacts(PostgresEventStore store)
{
    private const string Template = "template";

    // Queued, sending, accepted, sent, delivered: a stream that is longer may hold words about the price that came before the delivery.
    private const int UsualVersion = 5;

    /// <summary>
    /// What Meta says about the price in an event; null: nothing, or it is the organization's own word (its own app signed it), by which
    /// nobody sets their own price.
    /// </summary>
    public static PricingEvidence? Said(StoredEvent stored) => EvidenceOf(stored) is { SignedBy: not "organization" } evidence
        ? PricingItem.Read(evidence.Item, ((MessageEvent)stored.Body!).At) : null;

    /// <summary>The evidence of a status event; null: it is none, or Meta never said it.</summary>
    public static Evidence? EvidenceOf(StoredEvent stored) => stored.Body switch
    {
        MessageSent e => e.Evidence,
        MessageDelivered e => e.Evidence,
        MessageRead e => e.Evidence,
        MessageStatusNoted e => e.Evidence,
        _ => null,
    };

    /// <summary>The deliveries of a page, by their event.</summary>
    public async Task<Dictionary<Guid, Delivery>> ReadAsync(TenantTransaction tx, Guid organizationId,
        IReadOnlyList<StoredEvent> delivered, bool byWindow, CancellationToken ct)
    {
        var unclear = delivered.Where(IsUnclear).Select(e => e.StreamId).Distinct().ToList();
        var streams = unclear.Count == 0 ? []
            : (await store.LoadManyAsync(organizationId, unclear, ct, archivedToo: true)).ToDictionary(s => s.StreamId);
        var nameless = delivered.Where(e => EvidenceOf(e)?.To is null).Select(e => ((MessageEvent)e.Body!).Ref.ContactId).Distinct()
            .ToArray();
        var contacts = await ContactsAsync(tx, organizationId, nameless, ct);
        var windows = byWindow ? await WindowsAsync(organizationId, delivered, streams, ct) : [];
        return delivered.ToDictionary(e => e.Id, e => Of(e, streams.GetValueOrDefault(e.StreamId), contacts, windows));
    }

    private static bool IsUnclear(StoredEvent stored)
    {
        var e = (MessageDelivered)FactTime.Bounded(stored).Body!;
        return e.Implied || e.SentAt > e.At || stored.Version > UsualVersion || Said(stored) is not { Category: not null };
    }

    private static Delivery Of(StoredEvent stored, LoadedStream? stream, Dictionary<Guid, string> contacts, Dictionary<Guid, bool> windows)
    {
        var e = (MessageDelivered)FactTime.Bounded(stored).Body!;
        // What came after the delivery is taken when it comes.
        var before = stream?.Events.Where(s => s.Sequence <= stored.Sequence).ToList();
        var evidence = before is null ? Said(stored) : PricingEvidence.Newest(before.Select(Said));
        var sentAs = e.Ref.Type != Template ? Rating.Service
            : before?.Select(s => s.Body).OfType<MessageQueued>().FirstOrDefault()?.Template?.Category.ToLowerInvariant() ?? Template;
        var recipient = EvidenceOf(stored)?.To ?? before?.Select(s => EvidenceOf(s)?.To).FirstOrDefault(to => to is not null)
            ?? contacts.GetValueOrDefault(e.Ref.ContactId);
        return new(e.Ref.AccountId, recipient, e.At, sentAs, windows.TryGetValue(stored.StreamId, out var open) ? open : null, evidence);
    }

    // Recorded before what was kept of the recipient, or Meta names none: the contact as it is now, whoever it was merged into.
    private static async Task<Dictionary<Guid, string>> ContactsAsync(TenantTransaction tx, Guid organizationId, Guid[] ids,
        CancellationToken ct) => ids.Length == 0 ? []
        : (await tx.QueryAsync("""
            SELECT i.id, c.phone_number, c.wa_user_id FROM (SELECT i.id, coalesce(x.into_id, i.id) AS person FROM unnest($2::uuid[]) AS i (id) LEFT JOIN bsp.contact_aliases x ON x.contact_id = i.id OFFSET 0) i
             CROSS JOIN LATERAL (SELECT p.phone_number, p.wa_user_id FROM contacts p WHERE p.id = i.person AND (p.organization_id = $1) IS TRUE OFFSET 0) c
            """, r => (Id: r.GetGuid(0), To: Markets.Recipient(r.IsDBNull(1) ? null : r.GetString(1), r.IsDBNull(2) ? null : r.GetString(2))), ct, organizationId, ids))
            .Where(c => c.To is not null).ToDictionary(c => c.Id, c => c.To!);

    // Whether the customer had written within the day before we queued: as far as the conversation still says.
    private async Task<Dictionary<Guid, bool>> WindowsAsync(Guid organizationId, IReadOnlyList<StoredEvent> delivered,
        Dictionary<Guid, LoadedStream> streams, CancellationToken ct)
    {
        var asked = delivered.Where(e => streams.ContainsKey(e.StreamId)).ToList();
        var ids = asked.Select(e => ((MessageEvent)e.Body!).Ref.ConversationId).Distinct().ToList();
        var conversations = ids.Count == 0 ? [] : (await store.LoadManyAsync(organizationId, ids, ct, archivedToo: true))
            .ToDictionary(s => s.StreamId, s => s.Events.Select(e => e.Body).OfType<CustomerWindowOpened>().ToList());
        return asked.DistinctBy(e => e.StreamId).ToDictionary(e => e.StreamId, e =>
        {
            var queued = streams[e.StreamId].Events.Select(s => s.Body).OfType<MessageQueued>().FirstOrDefault()?.At
                ?? ((MessageEvent)e.Body!).At;
            return conversations.GetValueOrDefault(((MessageEvent)e.Body!).Ref.ConversationId)?.Any(w =>
                w.Until > queued && w.Until.AddHours(-Conversation.WindowHours) <= queued) ?? false;
        });
    }
}
