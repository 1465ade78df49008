using System.Diagnostics;

namespace Bsp.Benchmarks;

/// <summary>
/// The same campaign on an empty database that nobody analyzed, and behind the rows of fifty earlier campaigns. <c>BENCH_EARLIER</c>
/// changes how many messages those had together.
/// </summary>
internal static class SendingSizeBench
{
    private const int People = 20_000;
    private const long EarlierStandard = 5_000_000;
    private const int Campaigns = 50;
    private const string PagesSql = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()";
    private static readonly TimeSpan StatisticsEvery = TimeSpan.FromSeconds(2); // until every backend has told what it did

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        var earlier = long.TryParse(Environment.GetEnvironmentVariable("BENCH_EARLIER"), out var given) && given > 0
            ? given : EarlierStandard;
        Report.Say("starting stores, simulator and API");
        await using var installation = await Installation.StartAsync(ct);
        using var simulator = new Simulated(installation.SimulatorUrl);
        foreach (var table in (string[])["contacts", "mt_events", "mt_streams", "bsp.send_queue", "bsp.wamids", "bsp.campaign_audience"])
        {
            await installation.ExecuteAsync($"ALTER TABLE {table} SET (autovacuum_enabled = false)", ct);
        }

        using var tenant = await SendingTenant.CreateAsync(installation, simulator, "size", 1, People, 10_000, null, ct);
        await OnceAsync(installation, simulator, tenant, ct); // warms up
        var empty = await OnceAsync(installation, simulator, tenant, ct);
        Report.Say($"{earlier:N0} messages of {Campaigns} earlier campaigns");
        await FillAsync(installation, earlier, ct);
        var full = await OnceAsync(installation, simulator, tenant, ct);
        report.Add(new($"campaign of {People:N0} behind {earlier:N0} messages, nothing analyzed: until accepted", full.Rate, "messages/s",
            empty.Rate, "on an empty database"));
        report.Add(new("pages of 8 KB that PostgreSQL looked at for a message", full.Pages, "pages", empty.Pages, "on an empty database"));
    }

    private static async Task<(double Rate, double Pages)> OnceAsync(Installation installation, Simulated simulator, SendingTenant tenant,
        CancellationToken ct)
    {
        await simulator.ResetAsync(ct);
        var seen = await installation.NumberAsync(PagesSql, ct);
        var began = Stopwatch.GetTimestamp();
        await tenant.LaunchAsync([0], ct);
        await simulator.AcceptedAsync(People, ct);
        var rate = People / Stopwatch.GetElapsedTime(began).TotalSeconds;
        await simulator.IdleAsync(ct);
        await tenant.ReachAsync(0, "read", People, ct);
        await Task.Delay(StatisticsEvery, ct);
        return (rate, (double)(await installation.NumberAsync(PagesSql, ct) - seen) / People);
    }

    // Streams, events, ids and audiences as those campaigns left them; types that no view reads, so that none has to catch up.
    private static async Task FillAsync(Installation installation, long messages, CancellationToken ct)
    {
        await installation.ExecuteAsync($"""
            CREATE TEMP TABLE earlier AS SELECT gen_random_uuid() AS id, (SELECT id FROM organizations WHERE slug = 'size') AS organization,
              1 + i % {Campaigns} AS campaign, i FROM generate_series(1, {messages}) i;
            INSERT INTO bsp.wamids (wamid, organization_id, message_id) SELECT 'wamid.' || id, organization, id FROM earlier;
            INSERT INTO bsp.campaign_audience (campaign_id, ordinal, organization_id, contact_id)
            SELECT ('00000000-0000-4000-8000-' || lpad(campaign::text, 12, '0'))::uuid, i, organization, id FROM earlier;
            INSERT INTO bsp.send_queue (message_id, organization_id, account_id, campaign_id, state, due_at)
            SELECT id, organization, (SELECT a.id FROM whatsapp_accounts a WHERE a.organization_id = organization LIMIT 1),
                   ('00000000-0000-4000-8000-' || lpad(campaign::text, 12, '0'))::uuid, 3, now() + interval '20 days'
              FROM earlier WHERE i % 10 = 0;
            INSERT INTO mt_streams (id, tenant_id, type, version) SELECT id, organization::text, 'message', 1 FROM earlier;
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id)
            SELECT nextval('mt_events_sequence'), gen_random_uuid(), id, 1, '{"{}"}', 'of_an_earlier_build', organization::text FROM earlier
            """, ct);
    }
}
