using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// Fills <c>contacts.total_messages_sent|total_messages_received|last_interaction</c> (the last message in either direction). The row's
/// version stays: nobody edited it. Sums and a
/// greatest: the order of events does not matter.
/// </summary>
public sealed class ContactCountersProjection : PostgresProjection
{
    private static readonly string[] Types = ["message_sent", "message_received", "message_echoed"];

    public override string Name => ViewNames.ContactCounters;

    public override IReadOnlyCollection<string>? EventTypes => Types;

    public override int PageEventsMax => 5_000;

    public override bool OrderMatters => false;

    public override IProjectionCopy? Beside { get; } = new Copy();

    protected override int Parts => PartsOfContacts;

    protected override Guid KeyOf(StoredEvent stored) => ContactOf(stored);

    private const int PartsOfContacts = 4;

    // Merges that may end while one page, or one swap, waits for their rows.
    private const int AttemptsMax = 20;

    private static Guid ContactOf(StoredEvent stored) => stored.Body is MessageEvent fact ? fact.Ref.ContactId : stored.StreamId;

    protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var locked = await LockAsync(tx, page, ct);
        await AddAsync(tx, page, """
            UPDATE contacts c SET total_messages_sent = c.total_messages_sent + d.sent, total_messages_received = c.total_messages_received + d.received, last_interaction = greatest(c.last_interaction, d.last)
              FROM (SELECT coalesce(x.into_id, i.id) AS id, sum(i.sent)::int AS sent, sum(i.received)::int AS received, max(i.last) AS last
                      FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::timestamptz[]) AS i (id, organization, sent, received, last)
                      LEFT JOIN bsp.contact_aliases x ON x.contact_id = i.id GROUP BY 1) d
             WHERE c.id = d.id AND c.id = ANY ($6)
            """, ct, locked);
    }

    // The rows of whoever the ids mean, so that no merge of them is under way: the lock waits for one, after which the ids may mean
    // somebody else, who is looked for by the next statement.
    // Their ids bind the statement that counts as well: joined alone, it would read all contacts of an organization that is new to the
    // statistics.
    private static async Task<Guid[]> LockAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var ids = page.Events.Select(e => e.Body).OfType<MessageEvent>().Select(e => e.Ref.ContactId).Distinct().ToArray();
        var locked = new HashSet<Guid>();
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            // As an array, not IN: row-level security would have all contacts read.
            var now = await tx.QueryAsync("""
                SELECT id FROM contacts WHERE id = ANY (ARRAY(SELECT unnest($1::uuid[]) UNION SELECT x.into_id FROM bsp.contact_aliases x WHERE x.contact_id = ANY ($1))) ORDER BY id FOR NO KEY UPDATE
                """, r => r.GetGuid(0), ct, ids);
            if (locked.IsSupersetOf(now) && attempt > 1)
            {
                return [.. locked];
            }

            locked.UnionWith(now);
        }

        throw new VersionConflict(ids[0], named: false);
    }

    // A notice is nobody's message.
    private static bool Counts(StoredEvent stored) =>
        stored.Body is MessageEvent fact && !(fact is MessageReceived && InboundKind.IsNotice(fact.Ref.Type))
        && !(fact is MessageEchoed && !InboundKind.Of(fact.Ref.Type).IsMessage);

    private static Task AddAsync(TenantTransaction tx, EventPage page, string sql, CancellationToken ct, params object[] more)
    {
        var contacts = page.Events.Where(Counts).Select(e => (e.OrganizationId, Fact: (MessageEvent)e.Body!))
            .GroupBy(e => e.Fact.Ref.ContactId).OrderBy(g => g.Key).ToList();
        return contacts.Count == 0 ? Task.CompletedTask : tx.ExecuteAsync(sql, ct,
        [
            contacts.Select(c => c.Key).ToArray(), contacts.Select(c => c.First().OrganizationId).ToArray(),
                contacts.Select(c => c.Count(e => e.Fact is MessageSent or MessageEchoed)).ToArray(),
            contacts.Select(c => c.Count(e => e.Fact is MessageReceived)).ToArray(), contacts.Select(c => c.Max(e => e.Fact.At).UtcDateTime)
            .ToArray(), .. more,
        ]);
    }

    private sealed class Copy() : PostgresCopy(ViewNames.ContactCounters)
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

        protected override Task EmptyAsync(TenantTransaction tx, CancellationToken ct) =>
            tx.ExecuteAsync("TRUNCATE bsp.contact_counters_next", ct);

        // Only rows that differ are written: those that the live view kept right are not touched. They are locked first, so that a merge
        // under way is waited for, and counted anew
        // by a statement that sees it; whoever it made differ is then found by the next look.
        protected override async Task SwapAsync(TenantTransaction tx, CancellationToken ct)
        {
            Guid[] differing = [];
            for (var attempt = 1; attempt <= AttemptsMax; attempt++)
            {
                differing = [.. await tx.QueryAsync(
                    $"SELECT c.id FROM contacts c JOIN {Counted} d ON d.id = c.id WHERE {Differs} ORDER BY c.id FOR NO KEY UPDATE OF c",
                    r => r.GetGuid(0), ct)];
                if (differing.Length == 0)
                {
                    return;
                }

                await tx.ExecuteAsync(
                    $"UPDATE contacts c SET total_messages_sent = d.sent, total_messages_received = d.received, last_interaction = d.last FROM {Counted} d WHERE c.id = d.id AND c.id = ANY ($1) AND {Differs}", ct, differing);
            }

            throw new VersionConflict(differing[0], named: false);
        }

        private const string Differs =
            "(c.total_messages_sent, c.total_messages_received, c.last_interaction) IS DISTINCT FROM (d.sent, d.received, d.last)";

        // Whoever an id means by now.
        private const string Counted = """
            (SELECT k.id, coalesce(n.sent, 0) AS sent, coalesce(n.received, 0) AS received, n.last
               FROM contacts k LEFT JOIN (
                    SELECT coalesce(x.into_id, n.id) AS id, sum(n.total_messages_sent)::int AS sent, sum(n.total_messages_received)::int AS received, max(n.last_interaction) AS last
                      FROM bsp.contact_counters_next n LEFT JOIN bsp.contact_aliases x ON x.contact_id = n.id GROUP BY 1) n ON n.id = k.id)
            """;
    }
}
