using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>Fills <c>campaigns.sent_count|delivered_count|read_count|failed_count</c> and <c>bsp.campaign_progress</c>.</summary>
public sealed class CampaignCountersProjection : PostgresProjection
{
    public override string Name => "campaign_counters.v1";

    public override IReadOnlyCollection<string>? EventTypes { get; } = [.. Application.EventStore.EventTypes.NamesOf<MessageEvent>(), "campaign_audience_frozen"];

    public override int PageEventsMax => 5_000;

    protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var tallies = CampaignTally.Of(page.Events, await PriorSettlement.FindAsync(page, ct)).OrderBy(t => t.Key).ToList();
        if (tallies.Count == 0)
        {
            return;
        }

        var organizations = page.Events.Where(e => CampaignTally.CampaignOf(e.Body) is not null).DistinctBy(e => CampaignTally.CampaignOf(e.Body)).ToDictionary(e => CampaignTally.CampaignOf(e.Body)!.Value, e => e.OrganizationId);
        var ids = tallies.Select(t => t.Key).ToArray();
        object[] numbers = [.. CampaignTally.Names.Select(name => tallies.Select(t => t.Value[name]).ToArray())];
        await tx.ExecuteAsync($"""
            INSERT INTO bsp.campaign_progress AS p (campaign_id, organization_id, first_at, last_at, {Columns})
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], {string.Join(", ", CampaignTally.Names.Select((_, i) => $"${i + 5}::int[]"))})
            ON CONFLICT (campaign_id) DO UPDATE SET first_at = least(p.first_at, excluded.first_at), last_at = greatest(p.last_at, excluded.last_at),
              {string.Join(", ", CampaignTally.Names.Select(n => $"{n} = p.{n} + excluded.{n}"))}
            """, ct, [ids, ids.Select(id => organizations[id]).ToArray(), Times(tallies.Select(t => t.Value.FirstAt)), Times(tallies.Select(t => t.Value.LastAt)), .. numbers]);
        await tx.ExecuteAsync("""
            UPDATE campaigns c SET sent_count = c.sent_count + d.sent, delivered_count = c.delivered_count + d.delivered, read_count = c.read_count + d.read, failed_count = c.failed_count + d.failed
              FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[]) AS d (id, sent, delivered, read, failed)
             WHERE c.id = d.id AND (d.sent, d.delivered, d.read, d.failed) <> (0, 0, 0, 0)
            """, ct, ids, Numbers("sent"), Numbers("delivered"), Numbers("read"), Numbers("failed"));

        int[] Numbers(string name) => [.. tallies.Select(t => t.Value[name])];
    }

    protected override async Task EmptyAsync(TenantTransaction tx, CancellationToken ct)
    {
        await tx.ExecuteAsync("DELETE FROM bsp.campaign_progress", ct);
        await tx.ExecuteAsync("UPDATE campaigns SET sent_count = 0, delivered_count = 0, read_count = 0, failed_count = 0 WHERE (sent_count, delivered_count, read_count, failed_count) <> (0, 0, 0, 0)", ct);
    }

    private static readonly string Columns = string.Join(", ", CampaignTally.Names);

    private static Npgsql.NpgsqlParameter Times(IEnumerable<DateTimeOffset?> times) => new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz, Value = times.Select(t => t?.UtcDateTime).ToArray() };
}
