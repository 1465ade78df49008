using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Bsp.LocalStores.Common;

namespace Bsp.Benchmarks;

/// <summary>
/// Statuses of messages that the API really sent, posted to it as Meta does: to the 200, until their commands are carried out, until the
/// views show them.
/// </summary>
internal static class WebhooksBench
{
    private const int Connections = 32;
    private const int MessagesPerRun = 1_500;
    private const int StatusesPerPost = 10;
    private const int WarmUpMessages = 400;
    private static readonly string[] Words = ["sent", "delivered", "read"];
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private sealed record Post(byte[] Body, string Signature);

    private sealed record Outcome(double Answered, double Processed, double Shown, double P50, double P99)
    {
        /// <summary>Of one event, until the last is shown; the baseline's until the last is answered.</summary>
        public (double EndpointMs, double PostgresMs) Spent { get; init; }
    }

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        Report.Say("starting stores, simulator and API");
        await using var installation = await Installation.StartAsync(ct);
        var total = WarmUpMessages + (MessagesPerRun * Medians.Runs * 2);
        Report.Say($"sending {total:N0} messages to be reported on");
        var messages = await SendAsync(installation, total, ct);
        var bare = await installation.BareEndpointAsync(ct);
        using var http =
            new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Connections }) { Timeout = TimeSpan.FromSeconds(60) };

        var next = 0;
        List<Post> Posts(int count, int statusesPerPost)
        {
            var posts = Bodies(messages.GetRange(next, count), statusesPerPost)
                .Select(body => new Post(body, Signature(body, installation.AppSecret))).ToList();
            next += count;
            return posts;
        }

        var warmUp = Posts(WarmUpMessages, 1);
        await PostAsync(http, bare, warmUp, 1, ct);
        await ApiRunAsync(installation, http, warmUp, WarmUpMessages * Words.Length, ct);
        foreach (var statusesPerPost in new[] { StatusesPerPost, 1 })
        {
            var (own, plain) = (new List<Outcome>(), new List<Outcome>());
            for (var run = 0; run < Medians.Runs; run++)
            {
                var posts = Posts(MessagesPerRun, statusesPerPost);
                var events = MessagesPerRun * Words.Length;
                var before = await Expense.SoFarAsync(installation, ct);
                var answered = await PostAsync(http, bare, posts, events, ct);
                var between = await Expense.SoFarAsync(installation, ct);
                plain.Add(answered with { Spent = Each(events, between - before, e => e.Bare) });
                var shown = await ApiRunAsync(installation, http, posts, events, ct);
                own.Add(shown with { Spent = Each(events, await Expense.SoFarAsync(installation, ct) - between, e => e.Api) });
            }

            Tell(report, statusesPerPost, own, plain);
        }

        report.Add(new("RSS of the API, most", installation.Api().MemoryPeakMb, "MB"));
    }

    private static void Tell(Report report, int statusesPerPost, List<Outcome> own, List<Outcome> plain)
    {
        var what = $"webhooks, {statusesPerPost} a POST";
        const string baseline = "bare Kestrel: HMAC, one INSERT";
        var bare = plain.Select(o => o.Answered).Median();
        report.Add(new($"{what}: to the 200", own.Select(o => o.Answered).Median(), "events/s", bare, baseline));
        report.Add(new($"{what}: until processed", own.Select(o => o.Processed).Median(), "events/s", bare, baseline));
        report.Add(new($"{what}: until all views show them", own.Select(o => o.Shown).Median(), "events/s", bare, baseline));
        report.Add(new($"{what}: answer p50", own.Select(o => o.P50).Median(), "ms", plain.Select(o => o.P50).Median(), baseline));
        report.Add(new($"{what}: answer p99", own.Select(o => o.P99).Median(), "ms", plain.Select(o => o.P99).Median(), baseline));
        report.Add(new($"{what}: processor time an event until shown, API", own.Select(o => o.Spent.EndpointMs).Median(), "ms",
            plain.Select(o => o.Spent.EndpointMs).Median(), baseline));
        report.Add(new($"{what}: processor time an event until shown, PostgreSQL", own.Select(o => o.Spent.PostgresMs).Median(), "ms",
            plain.Select(o => o.Spent.PostgresMs).Median(), baseline));
    }

    private static (double, double) Each(int events, Expense spent, Func<Expense, TimeSpan> endpoint) =>
        (endpoint(spent).TotalMilliseconds / events, spent.Postgres.TotalMilliseconds / events);

    private static async Task<List<Received>> SendAsync(Installation installation, int count, CancellationToken ct)
    {
        using var customer = await Customer.CreateAsync(installation, count, ct);
        using var simulator = new Simulated(installation.SimulatorUrl);
        await simulator.PauseAsync(ct);
        await customer.LaunchAsync(await customer.CreateCampaignAsync(ct), ct);
        await simulator.AcceptedAsync(count, ct);
        var messages = await simulator.MessagesAsync(ct);
        await simulator.ResetAsync(ct);
        await SettledAsync(installation, ct);
        return messages;
    }

    private static async Task<Outcome> ApiRunAsync(Installation installation, HttpClient http, List<Post> posts, int events,
        CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var answered = await PostAsync(http, installation.ApiUrl, posts, events, ct);
        await UntilAsync(async token => await installation.NumberAsync("SELECT count(*) FROM bsp.webhook_inbox", token) == 0, ct);
        var processed = Stopwatch.GetElapsedTime(began);
        await SettledAsync(installation, ct);
        return answered with { Processed = events / processed.TotalSeconds, Shown = events / Stopwatch.GetElapsedTime(began).TotalSeconds };
    }

    // Checkpoints that Redis and ClickHouse keep are reported to the same table, up to a second late: only those of PostgreSQL are exact,
    // so these count.
    private static Task SettledAsync(Installation installation, CancellationToken ct) =>
        UntilAsync(async token => await installation.NumberAsync(
        "SELECT count(*) FROM bsp.projections WHERE name = 'conversations.v1' AND sequence >= (SELECT max(seq_id) FROM mt_events)",
        token) == 1, ct);

    private static async Task UntilAsync(Func<CancellationToken, Task<bool>> condition, CancellationToken ct)
    {
        if (!await Until.TrueAsync(condition, Patience, ct))
        {
            throw new Obstacle($"The webhooks were not worked off in {Patience.TotalSeconds:0} s.");
        }
    }

    private static async Task<Outcome> PostAsync(HttpClient http, string url, List<Post> posts, int events, CancellationToken ct)
    {
        var next = -1;
        var times = new double[posts.Count];
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < posts.Count; i = Interlocked.Increment(ref next))
            {
                var asked = Stopwatch.GetTimestamp();
                using var request =
                    new HttpRequestMessage(HttpMethod.Post, url + "/webhooks/meta") { Content = new ByteArrayContent(posts[i].Body) };
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                request.Headers.TryAddWithoutValidation("X-Hub-Signature-256", posts[i].Signature);
                using var answer = await http.SendAsync(request, ct);
                answer.EnsureSuccessStatusCode();
                times[i] = Stopwatch.GetElapsedTime(asked).TotalMilliseconds;
            }
        }, ct)));
        var rate = events / Stopwatch.GetElapsedTime(began).TotalSeconds;
        return new(rate, rate, rate, times.Percentile(0.5), times.Percentile(0.99));
    }

    // Five hundred messages at a time: all sent, then all delivered, then all read, as a campaign's statuses come.
    private static IEnumerable<byte[]> Bodies(List<Received> messages, int statusesPerPost) =>
        messages.Chunk(500).SelectMany(wave => Words.SelectMany(word => wave.Select(m => (m, word)))).Chunk(statusesPerPost).Select(Body);

    private static byte[] Body((Received Message, string Word)[] items)
    {
        var at = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        const string pricing = ""","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"utility"}""";
        var statuses = string.Join(',', items.Select(i =>
            $$"""{"id":"{{i.Message.Wamid}}","status":"{{i.Word}}","timestamp":"{{at + Array.IndexOf(Words, i.Word)}}","recipient_id":"{{i.Message.To.TrimStart('+')}}","biz_opaque_callback_data":"{{i.Message.Callback}}"{{(i.Word == "read" ? "" : pricing)}}}"""));
        var contacts =
            string.Join(',', items.Select(i => $$"""{"profile":{"name":"A customer"},"wa_id":"{{i.Message.To.TrimStart('+')}}"}"""));
        return Encoding.UTF8.GetBytes($$"""
            {"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"14155552671","phone_number_id":"{{Customer.PhoneNumberId}}"},"contacts":[{{contacts}}],"statuses":[{{statuses}}]},"field":"messages"}]}]}
            """);
    }

    private static string Signature(byte[] body, string secret) =>
        "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));
}
