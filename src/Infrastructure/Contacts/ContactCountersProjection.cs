using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// Fills <c>contacts.total_messages_sent|total_messages_received|last_interaction</c> (the last message in either direction). The row's version stays: nobody edited it. Sums and a
/// greatest: the order of events does not matter.
/// </summary>
public sealed class ContactCountersProjection : PostgresProjection
{
    public const string ProjectionName = "contact_counters.v1";

    private static readonly string[] Types = ["message_sent", "message_received"];

    public override string Name => ProjectionName;

    public override IReadOnlyCollection<string>? EventTypes => Types;

    public override int PageEventsMax => 5_000;

    public override bool OrderMatters => false;

    public override IProjectionCopy? Beside { get; } = new Copy();

    protected override int Parts => PartsOfContacts;

    protected override Guid KeyOf(StoredEvent stored) => ContactOf(stored);

    private const int PartsOfContacts = 4;

    private static Guid ContactOf(StoredEvent stored) => stored.Body is MessageEvent fact ? fact.Ref.ContactId : stored.StreamId;

    protected override Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct) => AddAsync(tx, page, """
        UPDATE contacts c SET total_messages_sent = c.total_messages_sent + d.sent, total_messages_received = c.total_messages_received + d.received, last_interaction = greatest(c.last_interaction, d.last)
          FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::timestamptz[]) AS d (id, organization, sent, received, last) WHERE c.id = d.id
        """, ct);

    private static Task AddAsync(TenantTransaction tx, EventPage page, string sql, CancellationToken ct)
    {
        var contacts = page.Events.Where(e => e.Body is MessageEvent).Select(e => (e.OrganizationId, Fact: (MessageEvent)e.Body!)).GroupBy(e => e.Fact.Ref.ContactId).OrderBy(g => g.Key).ToList();
        return contacts.Count == 0 ? Task.CompletedTask : tx.ExecuteAsync(sql, ct,
            contacts.Select(c => c.Key).ToArray(), contacts.Select(c => c.First().OrganizationId).ToArray(), contacts.Select(c => c.Count(e => e.Fact is MessageSent)).ToArray(),
            contacts.Select(c => c.Count(e => e.Fact is MessageReceived)).ToArray(), contacts.Select(c => c.Max(e => e.Fact.At).UtcDateTime).ToArray());
    }

    private sealed class Copy() : PostgresCopy(ProjectionName)
    {
        public override IReadOnlyCollection<string>? EventTypes => Types;

        public override int PageEventsMax => 5_000;

        protected override int Parts => PartsOfContacts;

        protected override Guid KeyOf(StoredEvent stored) => ContactOf(stored);

        protected override Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct) => AddAsync(tx, page, """
            INSERT INTO bsp.contact_counters_next AS c (id, organization_id, total_messages_sent, total_messages_received, last_interaction)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::timestamptz[])
            ON CONFLICT (id) DO UPDATE SET total_messages_sent = c.total_messages_sent + excluded.total_messages_sent,
              total_messages_received = c.total_messages_received + excluded.total_messages_received, last_interaction = greatest(c.last_interaction, excluded.last_interaction)
            """, ct);

        protected override Task EmptyAsync(TenantTransaction tx, CancellationToken ct) => tx.ExecuteAsync("TRUNCATE bsp.contact_counters_next", ct);

        // Only rows that differ are written: those that the live view kept right are not touched.
        protected override Task SwapAsync(TenantTransaction tx, CancellationToken ct) => tx.ExecuteAsync("""
            UPDATE contacts c SET total_messages_sent = d.sent, total_messages_received = d.received, last_interaction = d.last
              FROM (SELECT k.id, coalesce(n.total_messages_sent, 0) AS sent, coalesce(n.total_messages_received, 0) AS received, n.last_interaction AS last
                      FROM contacts k LEFT JOIN bsp.contact_counters_next n ON n.id = k.id ORDER BY k.id) d
             WHERE c.id = d.id AND (c.total_messages_sent, c.total_messages_received, c.last_interaction) IS DISTINCT FROM (d.sent, d.received, d.last)
            """, ct);
    }
}
