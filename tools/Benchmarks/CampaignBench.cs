using System.Diagnostics;
using System.Net.Http.Headers;
using Bsp.LocalStores.Common;
using Npgsql;

namespace Bsp.Benchmarks;

/// <summary>
/// A campaign from the launch until everybody's message is delivered, as the API's progress shows it. <c>--recipients</c> (or
/// <c>BENCH_CONTACTS</c>) changes the number of contacts. After the warm-up the
/// database is analyzed, as autovacuum does within minutes: the planner knows the tables and has never seen the campaigns that are
/// measured.
/// </summary>
internal static class CampaignBench
{
    private const int ContactsStandard = 5_000;
    private const int LongRun = 20_000; // recipients: beyond, one run is long enough
    private const int Connections = 400; // as many calls as the sender has in hand at once
    private const int WriterConnections = 32;
    private const string PagesSql = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()";
    private const string ChargedSql = "SELECT count(*) FROM transactions WHERE type = 'debit'";
    private static readonly TimeSpan ChargedWithin = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan StatisticsEvery = TimeSpan.FromSeconds(2); // until every backend has told what it did
    private static readonly TimeSpan IdleTurn = TimeSpan.FromSeconds(10);

    /// <summary>Measures the same campaign once more with a wallet that pays for it.</summary>
    public static bool Billing { get; set; }

    /// <summary>Null: what the environment says, or 5,000.</summary>
    public static int? Recipients { get; set; }

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        var contacts = Recipients
            ?? (int.TryParse(Environment.GetEnvironmentVariable("BENCH_CONTACTS"), out var given) && given > 0 ? given : ContactsStandard);
        Report.Say("starting stores, simulator and API");
        await using var installation = await Installation.StartAsync(ct);
        using var simulator = new Simulated(installation.SimulatorUrl);
        Report.Say($"importing {contacts:N0} contacts");
        using var customer = await Customer.CreateAsync(installation, contacts, ct);
        Report.Say("warming up with one campaign");
        await CampaignAsync(customer, simulator, contacts, ct);
        var bodies = (await simulator.MessagesAsync(ct)).ConvertAll(m => m.Body);
        var bare = await BareAsync(installation, ct);
        await bare.SendAsync(bodies, simulator, ct);

        Report.Say("VACUUM ANALYZE, then measuring");
        await installation.ExecuteAsync("VACUUM ANALYZE", ct);
        var pages = 0L;
        var (own, plain) = (new List<(double Accepted, double Delivered)>(), new List<double>());
        var (spent, spentPlain) = (Expense.None, Expense.None);
        var runs = contacts > LongRun ? 1 : Medians.Runs;
        await installation.TellStatementsAsync("before the measured runs", ct);
        for (var run = 0; run < runs; run++)
        {
            var before = await Expense.SoFarAsync(installation, ct);
            plain.Add(await bare.SendAsync(bodies, simulator, ct));
            var between = await Expense.SoFarAsync(installation, ct);
            var seen = await installation.NumberAsync(PagesSql, ct);
            own.Add(await CampaignAsync(customer, simulator, contacts, ct));
            await Task.Delay(StatisticsEvery, ct);
            pages += await installation.NumberAsync(PagesSql, ct) - seen;
            (spent, spentPlain) = (spent + (await Expense.SoFarAsync(installation, ct) - between), spentPlain + (between - before));
        }

        await installation.TellStatementsAsync($"{runs} runs of {contacts:N0}", ct);
        const string baseline = "bare loop: POST, one INSERT";
        report.Add(new($"campaign of {contacts:N0}: launch until the last is accepted by Meta", own.Select(o => o.Accepted).Median(),
            "messages/s", plain.Median(), baseline));
        report.Add(new($"campaign of {contacts:N0}: launch until the last is shown delivered", own.Select(o => o.Delivered).Median(),
            "messages/s", plain.Median(), baseline));
        double EachMs(TimeSpan time) => time.TotalMilliseconds / (runs * contacts);
        report.Add(new("processor time a message, launch until read: API", EachMs(spent.Api), "ms", EachMs(spentPlain.Own),
            "bare loop itself"));
        report.Add(new("processor time a message, launch until read: PostgreSQL", EachMs(spent.Postgres), "ms",
            EachMs(spentPlain.Postgres), baseline));
        report.Add(new("processor time a message, launch until read: Redis", EachMs(spent.Redis), "ms"));
        report.Add(new("processor time a message, launch until read: ClickHouse", EachMs(spent.ClickHouse), "ms"));
        report.Add(new("pages of 8 KB that PostgreSQL looked at for a recipient, launch until read", (double)pages / (runs * contacts),
            "pages"));
        if (Billing)
        {
            await BilledAsync(report, installation, customer, simulator, contacts, own.Select(o => o.Delivered).Median(), EachMs(spent.Api),
                EachMs(spent.Postgres), ct);
        }

        var api = installation.Api();
        report.Add(new("RSS of the API, most", api.MemoryPeakMb, "MB"));
        report.Add(new("RSS of the API, afterwards", api.MemoryMb, "MB"));
        report.Add(new("processor time of the idle API", await IdleAsync(api, ct), "% of a core"));
    }

    // From here on the organization has a wallet: the same installation, the same campaign, with a hold and a charge for each message.
    private static async Task BilledAsync(Report report, Installation installation, Customer customer, Simulated simulator, int contacts,
        double unbilled, double unbilledApi, double unbilledPostgres, CancellationToken ct)
    {
        Report.Say("topping up, then measuring with billing on");
        await customer.TopUpAsync(installation, 1_000_000, ct);
        var began = 0L;
        var behind = new List<double>();
        async Task<double> ChargedCampaignAsync()
        {
            var (_, delivered) = await CampaignAsync(customer, simulator, contacts, ct);
            var read = Stopwatch.GetTimestamp();
            began += contacts;
            await Until.TrueAsync(async token => await installation.NumberAsync(ChargedSql, token) >= began, ChargedWithin, ct);
            behind.Add(Stopwatch.GetElapsedTime(read).TotalSeconds);
            return delivered;
        }

        await ChargedCampaignAsync();
        behind.Clear();
        var rates = new List<double>();
        var before = await Expense.SoFarAsync(installation, ct);
        for (var run = 0; run < Medians.Runs; run++)
        {
            rates.Add(await ChargedCampaignAsync());
        }

        var spent = await Expense.SoFarAsync(installation, ct) - before;
        await installation.TellStatementsAsync($"{Medians.Runs + 1} runs with billing on", ct);
        report.Add(new($"campaign of {contacts:N0} with billing on: launch until the last is shown delivered (mark 0.9)", rates.Median(),
            "messages/s", unbilled, "the same with billing off"));
        report.Add(new("… from the last read until the last is charged", behind.Median(), "s"));
        double EachMs(TimeSpan time) => time.TotalMilliseconds / (Medians.Runs * contacts);
        report.Add(new("… processor time a message, launch until charged: API", EachMs(spent.Api), "ms", unbilledApi, "with billing off"));
        report.Add(new("… processor time a message, launch until charged: PostgreSQL", EachMs(spent.Postgres), "ms", unbilledPostgres,
            "with billing off"));
    }

    private static async Task<(double Accepted, double Delivered)> CampaignAsync(Customer customer, Simulated simulator, int contacts,
        CancellationToken ct)
    {
        await simulator.ResetAsync(ct);
        var campaign = await customer.CreateCampaignAsync(ct);
        var began = Stopwatch.GetTimestamp();
        await customer.LaunchAsync(campaign, ct);
        await simulator.AcceptedAsync(contacts, ct);
        var accepted = contacts / Stopwatch.GetElapsedTime(began).TotalSeconds;
        await customer.ReachAsync(campaign, "delivered", contacts, ct);
        var delivered = contacts / Stopwatch.GetElapsedTime(began).TotalSeconds;
        await simulator.IdleAsync(ct);
        await customer.ReachAsync(campaign, "read", contacts, ct); // the next run begins when this one is over
        return (accepted, delivered);
    }

    private static async Task<double> IdleAsync(ChildProcess api, CancellationToken ct)
    {
        await Task.Delay(IdleTurn, ct); // what is left of the last campaign
        var (before, began) = (api.Processor, Stopwatch.GetTimestamp());
        await Task.Delay(IdleTurn, ct);
        return 100 * (api.Processor - before) / Stopwatch.GetElapsedTime(began);
    }

    private static async Task<BareLoop> BareAsync(Installation installation, CancellationToken ct)
    {
        var database =
            NpgsqlDataSource.Create(await installation.CreateDatabaseAsync("bare_loop",
                ct) + $";Max Auto Prepare=10;Maximum Pool Size={WriterConnections}");
        await using var make =
            database.CreateCommand(
                "CREATE TABLE messages (id uuid PRIMARY KEY, wamid text NOT NULL, at timestamptz NOT NULL DEFAULT now(), body jsonb NOT NULL)");
        await make.ExecuteNonQueryAsync(ct);
        var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Connections });
        http.DefaultRequestHeaders.Authorization = new("Bearer", "bench-token");
        return new(http, installation.SimulatorUrl, database);
    }

    private sealed record BareLoop(HttpClient Http, string Simulator, NpgsqlDataSource Database)
    {
        /// <summary>On the same simulator, whose webhooks are kept back and thrown away.</summary>
        public async Task<double> SendAsync(List<byte[]> bodies, Simulated simulator, CancellationToken ct)
        {
            var next = -1;
            await simulator.PauseAsync(ct);
            var began = Stopwatch.GetTimestamp();
            await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(async () =>
            {
                for (var i = Interlocked.Increment(ref next); i < bodies.Count; i = Interlocked.Increment(ref next))
                {
                    await SendAsync(bodies[i], ct);
                }
            }, ct)));
            var rate = bodies.Count / Stopwatch.GetElapsedTime(began).TotalSeconds;
            await simulator.ResetAsync(ct);
            await simulator.ResumeAsync(ct);
            return rate;
        }

        private async Task SendAsync(byte[] body, CancellationToken ct)
        {
            using var content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
            using var answer = await Http.PostAsync($"{Simulator}/v25.0/{Customer.PhoneNumberId}/messages", content, ct);
            answer.EnsureSuccessStatusCode();
            using var said = System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(ct));
            await using var insert = Database.CreateCommand("INSERT INTO messages (id, wamid, body) VALUES ($1, $2, $3)");
            insert.Parameters.Add(new() { Value = Guid.CreateVersion7() });
            insert.Parameters.Add(new() { Value = said.RootElement.GetProperty("messages")[0].GetProperty("id").GetString() });
            insert.Parameters.Add(new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Jsonb, Value = body });
            await insert.ExecuteNonQueryAsync(ct);
        }
    }
}
