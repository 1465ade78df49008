using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// Fills <c>campaigns.sent_count|delivered_count|read_count|failed_count</c> and <c>bsp.campaign_progress</c>. Counts of facts: their order
/// does not matter.
/// </summary>
public sealed class CampaignCountersProjection : PostgresProjection
{
    private static readonly string[] Types = [.. Application.EventStore.EventTypes.NamesOf<MessageEvent>(), "campaign_audience_frozen"];

    public override string Name => ViewNames.CampaignCounters;

    public override IReadOnlyCollection<string>? EventTypes => Types;

    public override int PageEventsMax => 5_000;

    public override bool OrderMatters => false;

    public override IProjectionCopy? Beside { get; } = new Copy();

    protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var tallies = await AddAsync(tx, page, "bsp.campaign_progress", ct);
        if (tallies.Count == 0)
        {
            return;
        }

        await tx.ExecuteAsync("""
            UPDATE campaigns c SET sent_count = c.sent_count + d.sent, delivered_count = c.delivered_count + d.delivered, read_count = c.read_count + d.read, failed_count = c.failed_count + d.failed
              FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[]) AS d (id, sent, delivered, read, failed)
             WHERE c.id = d.id AND (d.sent, d.delivered, d.read, d.failed) <> (0, 0, 0, 0)
            """, ct, tallies.Select(t => t.Key).ToArray(), Numbers("sent"), Numbers("delivered"), Numbers("read"), Numbers("failed"));

        int[] Numbers(string name) => [.. tallies.Select(t => t.Value[name])];
    }

    // Adds the page to a table of progress; what it added, in the order of campaigns.
    private static async Task<List<KeyValuePair<Guid, CampaignTally>>> AddAsync(TenantTransaction tx, EventPage page, string table,
        CancellationToken ct)
    {
        var tallies = CampaignTally.Of(page.Events, await PriorSettlement.FindAsync(page, ct)).OrderBy(t => t.Key).ToList();
        if (tallies.Count == 0)
        {
            return tallies;
        }

        var organizations = page.Events.Where(e => CampaignTally.CampaignOf(e.Body) is not null)
            .DistinctBy(e => CampaignTally.CampaignOf(e.Body))
            .ToDictionary(e => CampaignTally.CampaignOf(e.Body)!.Value, e => e.OrganizationId);
        var ids = tallies.Select(t => t.Key).ToArray();
        object[] numbers = [.. CampaignTally.Names.Select(name => tallies.Select(t => t.Value[name]).ToArray())];
        await tx.ExecuteAsync($"""
            INSERT INTO {table} AS p (campaign_id, organization_id, first_at, last_at, {Columns})
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], {string.Join(", ", CampaignTally.Names.Select((_, i) => $"${i + 5}::int[]"))})
            ON CONFLICT (campaign_id) DO UPDATE SET first_at = least(p.first_at, excluded.first_at), last_at = greatest(p.last_at, excluded.last_at),
              {string.Join(", ", CampaignTally.Names.Select(n => $"{n} = p.{n} + excluded.{n}"))}
            """, ct, [ids, ids.Select(id => organizations[id]).ToArray(), Times(tallies.Select(t => t.Value.FirstAt)), Times(tallies.Select(t => t.Value.LastAt)), .. numbers]);
        return tallies;
    }

    private static readonly string Columns = string.Join(", ", CampaignTally.Names);

    private static Npgsql.NpgsqlParameter Times(IEnumerable<DateTimeOffset?> times) =>
        new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz, Value = times.Select(t => t?.UtcDateTime).ToArray() };

    private sealed class Copy() : PostgresCopy(ViewNames.CampaignCounters)
    {
        public override IReadOnlyCollection<string>? EventTypes => Types;

        public override int PageEventsMax => 5_000;

        protected override Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct) =>
            AddAsync(tx, page, "bsp.campaign_progress_next", ct);

        protected override Task EmptyAsync(TenantTransaction tx, CancellationToken ct) =>
            tx.ExecuteAsync("TRUNCATE bsp.campaign_progress_next", ct);

        // The columns of campaigns are four of the numbers; only rows that differ are written.
        protected override async Task SwapAsync(TenantTransaction tx, CancellationToken ct)
        {
            await tx.ExecuteAsync("DELETE FROM bsp.campaign_progress", ct);
            await tx.ExecuteAsync(
                $"INSERT INTO bsp.campaign_progress (campaign_id, organization_id, first_at, last_at, {Columns}) SELECT campaign_id, organization_id, first_at, last_at, {Columns} FROM bsp.campaign_progress_next", ct);
            await tx.ExecuteAsync("""
                UPDATE campaigns c SET sent_count = d.sent, delivered_count = d.delivered, read_count = d.read, failed_count = d.failed
                  FROM (SELECT k.id, coalesce(n.sent, 0) AS sent, coalesce(n.delivered, 0) AS delivered, coalesce(n.read, 0) AS read, coalesce(n.failed, 0) AS failed
                          FROM campaigns k LEFT JOIN bsp.campaign_progress_next n ON n.campaign_id = k.id ORDER BY k.id) d
                 WHERE c.id = d.id AND (c.sent_count, c.delivered_count, c.read_count, c.failed_count) IS DISTINCT FROM (d.sent, d.delivered, d.read, d.failed)
                """, ct);
        }
    }
}
