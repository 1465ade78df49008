using Bsp.LocalStores.Common;

namespace Bsp.Benchmarks;

/// <summary>
/// What a message of a campaign costs, from launch until read, with 1, 4 and 16 times the rows in the tables that it goes through:
/// processor time of the API and of PostgreSQL, and pages of 8 KB that PostgreSQL looks at. The claim is that it stays: within 15 %.
/// BENCH_SCALE_ROWS: rows of each table at 1×, 100,000 unless set; BENCH_SCALE_PEOPLE: recipients of a campaign, 5,000 unless set.
/// </summary>
internal static class ScaleBench
{
    private const int Runs = 3;
    private const long RowsStandard = 100_000;
    private const string PagesSql = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()";
    private static readonly TimeSpan StatisticsEvery = TimeSpan.FromSeconds(2); // until every backend has told what it did

    private static int People { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("BENCH_SCALE_PEOPLE"), out var people) && people > 0 ? people : 5_000;

    private static readonly string[] Tables =
    [
        "mt_streams", "mt_events", "contacts", "bsp.wamids", "bsp.campaign_audience", "bsp.send_queue", "bsp.reached",
        "documents.messages", "documents.message_logs", "documents.conversations",
    ];

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        var once = long.TryParse(Environment.GetEnvironmentVariable("BENCH_SCALE_ROWS"), out var given) && given >= 1_000
            ? given : RowsStandard;
        Report.Say("starting stores, simulator and API");
        await using var installation = await Installation.StartAsync(ct);
        using var simulator = new Simulated(installation.SimulatorUrl);
        using var tenant = await SendingTenant.CreateAsync(installation, simulator, "scale", 3, People, 10_000, null, ct);
        var (rows, first) = (0L, default(Cost));
        var campaigns = new Campaigns();
        await OnceAsync(installation, simulator, tenant, campaigns, ct); // warms up
        foreach (var times in new[] { 1, 4, 16 })
        {
            Report.Say($"{times}×: {times * once:N0} rows in each of {Tables.Length} tables");
            await FillAsync(installation, rows, times * once, ct);
            rows = times * once;
            var cost = await MedianAsync(installation, simulator, tenant, campaigns, ct);
            first = times == 1 ? cost : first;
            Tell(report, times, cost, first);
        }
    }

    private static void Tell(Report report, int times, Cost cost, Cost first)
    {
        string? beside = times == 1 ? null : "the same at 1× (claim: within 15 %)";
        report.Add(new($"{times}× rows: processor time of a message, API and PostgreSQL", cost.Milliseconds, "ms",
            times == 1 ? null : first.Milliseconds, beside));
        report.Add(new("… of it PostgreSQL", cost.Postgres, "ms", times == 1 ? null : first.Postgres, beside));
        report.Add(new("… pages of 8 KB that PostgreSQL looked at", cost.Pages, "pages", times == 1 ? null : first.Pages, beside));
    }

    private static async Task<Cost> MedianAsync(Installation installation, Simulated simulator, SendingTenant tenant, Campaigns campaigns,
        CancellationToken ct)
    {
        var costs = new List<Cost>();
        for (var run = 0; run < Runs; run++)
        {
            costs.Add(await OnceAsync(installation, simulator, tenant, campaigns, ct));
        }

        return new(costs.Select(c => c.Api).Median(), costs.Select(c => c.Postgres).Median(), costs.Select(c => c.Pages).Median());
    }

    private static async Task<Cost> OnceAsync(Installation installation, Simulated simulator, SendingTenant tenant, Campaigns campaigns,
        CancellationToken ct)
    {
        await simulator.ResetAsync(ct);
        await installation.ExecuteAsync("CHECKPOINT", ct);
        var (api, postgres, pages) = (installation.ProcessorOf("api"), await installation.ProcessorOfPostgresAsync(ct),
            await installation.NumberAsync(PagesSql, ct));
        var number = campaigns.Next();
        await tenant.LaunchAsync([number], ct);
        await simulator.AcceptedAsync(People, ct);
        await simulator.IdleAsync(ct);
        await tenant.ReachAsync(number, "read", People, ct);
        await Task.Delay(StatisticsEvery, ct);
        return new((installation.ProcessorOf("api") - api).TotalMilliseconds / People,
            (await installation.ProcessorOfPostgresAsync(ct) - postgres).TotalMilliseconds / People,
            (double)(await installation.NumberAsync(PagesSql, ct) - pages) / People);
    }

    // Rows of the same organization, as earlier campaigns left them, but contacts, all of whom a campaign would reach; documents and bodies
    // without words, because it is their number that counts here; events of a type that no view reads, so that none has to catch up.
    private static async Task FillAsync(Installation installation, long from, long to, CancellationToken ct)
    {
        await installation.ExecuteAsync($"""
            SET session_replication_role = replica;
            CREATE TEMP TABLE earlier AS
            SELECT gen_random_uuid() AS id, gen_random_uuid() AS contact, o.id AS organization, a.id AS account,
              md5('scale' || i % 50)::uuid AS campaign, i FROM generate_series({from + 1}::bigint, {to}) i,
              (SELECT id FROM organizations WHERE slug = 'scale') o,
              LATERAL (SELECT a.id FROM whatsapp_accounts a WHERE a.organization_id = o.id ORDER BY a.id LIMIT 1) a;
            INSERT INTO contacts (id, organization_id, phone_number, consent_status)
            SELECT contact, md5('a neighbour')::uuid, '+998' || lpad(i::text, 9, '0'), 'OPTED_IN' FROM earlier;
            INSERT INTO bsp.wamids (wamid, organization_id, message_id) SELECT 'wamid.' || id, organization, id FROM earlier;
            INSERT INTO bsp.campaign_audience (campaign_id, ordinal, organization_id, contact_id)
            SELECT campaign, i, organization, contact FROM earlier;
            INSERT INTO bsp.send_queue (message_id, organization_id, account_id, campaign_id, state, due_at)
            SELECT id, organization, account, campaign, 3, now() + interval '20 days' FROM earlier;
            INSERT INTO bsp.reached (organization_id, contact_id, portfolio, message_id, until)
            SELECT organization, contact, 'scale', id, now() + interval '1 day' FROM earlier;
            INSERT INTO mt_streams (id, tenant_id, type, version) SELECT id, organization::text, 'message', 1 FROM earlier;
            SELECT bsp.announce();
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id)
            SELECT nextval('mt_events_sequence'), gen_random_uuid(), id, 1, '{"{}"}', 'of_an_earlier_build', organization::text
              FROM earlier;
            INSERT INTO documents.messages (_id, organization_id, position, conversation_id, contact_id, campaign_id, status, wa_message_id,
                created_at, doc)
            SELECT substr(sha256(uuid_send(id)), 1, 12), organization, 1, substr(sha256(uuid_send(contact)), 1, 12), contact, campaign,
                'read', 'wamid.' || id, now() - interval '40 days', jsonb_build_object('uuid', id) FROM earlier;
            INSERT INTO documents.message_logs (_id, organization_id, position, message_id, event_type, created_at, doc)
            SELECT substr(sha256(uuid_send(id)), 1, 12), organization, 1, substr(sha256(uuid_send(id)), 1, 12), 'sent',
                now() - interval '20 days', '{"{}"}' FROM earlier;
            INSERT INTO documents.conversations (_id, organization_id, position, contact_id, account_id, status, last_message_at, doc)
            SELECT substr(sha256(uuid_send(contact)), 1, 12), organization, 1, contact, account, 'active', now() - interval '40 days',
                jsonb_build_object('uuid', contact) FROM earlier;
            DROP TABLE earlier;
            RESET session_replication_role
            """, ct);
        if (!await Until.TrueAsync(async token => await installation.NumberAsync("""
            SELECT count(*) FROM bsp.projections WHERE state = 'running' AND sequence < (SELECT max(seq_id) FROM mt_events)
            """, token) == 0, TimeSpan.FromMinutes(10), ct))
        {
            throw new Obstacle("The views did not come to the end of the log.");
        }
    }

    // Of each number a few were made in advance.
    private sealed class Campaigns
    {
        private const int OfOneNumber = 4;
        private int next;

        public int Next() => next++ / OfOneNumber;
    }

    private readonly record struct Cost(double Api, double Postgres, double Pages)
    {
        public double Milliseconds => Api + Postgres;
    }
}
