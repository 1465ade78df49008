using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <summary>Fills <c>contacts.total_messages_sent|total_messages_received|last_interaction</c> (the last message in either direction). The row's version stays: nobody edited it.</summary>
public sealed class ContactCountersProjection : PostgresProjection
{
    public override string Name => "contact_counters.v1";

    public override IReadOnlyCollection<string>? EventTypes { get; } = ["message_sent", "message_received"];

    public override int PageEventsMax => 5_000;

    protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var contacts = page.Events.Select(e => e.Body).OfType<MessageEvent>().GroupBy(e => e.Ref.ContactId).OrderBy(g => g.Key).ToList();
        if (contacts.Count == 0)
        {
            return;
        }

        // First the rows, so that a merge that is under way is waited for; then, by a statement that sees it, whoever the ids mean now.
        var ids = contacts.Select(c => c.Key).ToArray();
        await tx.ExecuteAsync("SELECT 1 FROM contacts WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE", ct, ids);
        await tx.ExecuteAsync("""
            UPDATE contacts c SET total_messages_sent = c.total_messages_sent + d.sent, total_messages_received = c.total_messages_received + d.received, last_interaction = greatest(c.last_interaction, d.last)
              FROM (SELECT coalesce(x.into_id, i.id) AS id, sum(i.sent)::int AS sent, sum(i.received)::int AS received, max(i.last) AS last
                      FROM unnest($1::uuid[], $2::int[], $3::int[], $4::timestamptz[]) AS i (id, sent, received, last) LEFT JOIN bsp.contact_aliases x ON x.contact_id = i.id GROUP BY 1) d
             WHERE c.id = d.id
            """, ct, ids, contacts.Select(c => c.OfType<MessageSent>().Count()).ToArray(), contacts.Select(c => c.OfType<MessageReceived>().Count()).ToArray(),
            contacts.Select(c => c.Max(e => e.At).UtcDateTime).ToArray());
    }

    protected override Task EmptyAsync(TenantTransaction tx, CancellationToken ct) => tx.ExecuteAsync(
        "UPDATE contacts SET total_messages_sent = 0, total_messages_received = 0, last_interaction = NULL WHERE last_interaction IS NOT NULL", ct);
}
