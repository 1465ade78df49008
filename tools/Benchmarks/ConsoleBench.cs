using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;
using Microsoft.Playwright;

namespace Bsp.Benchmarks;

/// <summary>
/// What people wait for in the console, in Debian's Chromium before a real installation: the first page with an empty cache, the inbox with
/// few and with 100,000 conversations, a customer's message after the 200 that Meta got; and what 200 open consoles cost the API.
/// <c>BENCH_CONVERSATIONS</c> and <c>BENCH_CONSOLES</c> change the numbers.
/// </summary>
internal static class ConsoleBench
{
    private const int Runs = 7;
    private const int Few = 50;
    private const int ConversationsStandard = 100_000;
    private const int ConsolesStandard = 200;
    private const int People = 10;
    private const int MessagesPerPost = 50;
    private const int Posters = 8;
    private const string Password = "correct horse battery staple";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    // What a console asks for when its inbox is opened.
    private static readonly string[] Reads =
    [
        "/v1/auth/session", "/v1/conversations?status=active&snoozed=false&limit=100", "/v1/colleagues?limit=200", "/v1/teams?limit=200",
        "/v1/presence", "/v1/canned-replies?limit=200",
    ];

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        var many = Number("BENCH_CONVERSATIONS", ConversationsStandard);
        if (!File.Exists(Path.Combine(Checkout.Root!, "src", "Api", "wwwroot", "console", "index.html")))
        {
            throw new Obstacle("The console is not built: scripts/console builds it, where Node.js 20 and npm are.");
        }

        await using var chromium = await Chromium.StartAsync();
        Report.Say("starting stores, simulator and API");
        await using var installation = await Installation.StartAsync(ct, more: new()
        {
            ["Bsp__Limits__StreamsPerCaller"] = "1000", ["Bsp__Limits__KeyPerSecond"] = "100000",
        });
        using var customer = await Customer.CreateAsync(installation, 10, ct);
        using var api = new BspClient(installation.ApiUrl, customer.Key);
        var emails = await PeopleAsync(api, ct);
        await FirstPageAsync(report, chromium, installation, ct);
        var state = await SignedInAsync(chromium, installation, emails[0]);
        await AreaAsync(report, chromium, installation, state, ct);

        using var meta = new HttpClient { Timeout = Patience };
        await FillAsync(meta, installation, 0, Few, ct);
        var few = await InboxAsync(chromium, installation, state, ct);
        Report.Say($"{many:N0} customers write");
        await FillAsync(meta, installation, Few, many, ct);
        var all = await InboxAsync(chromium, installation, state, ct);
        var baseline = $"of {Few} conversations";
        report.Add(new($"inbox of {many:N0} conversations: until it is shown, cold", all.Shown, "ms", few.Shown, baseline));
        report.Add(new("… until a conversation is opened by a click (mark 300)", all.Opened, "ms", few.Opened, baseline));
        report.Add(new("… until the next one is by a key (mark 300)", all.Stepped, "ms", few.Stepped, baseline));
        await MessageAsync(report, chromium, installation, state, meta, api, ct);
        await ConsolesAsync(report, installation, emails, ct);
    }

    private static async Task<IReadOnlyList<string>> PeopleAsync(BspClient api, CancellationToken ct)
    {
        var emails = new List<string>();
        for (var i = 0; i < People; i++)
        {
            emails.Add($"bench{i}@example.com");
            await api.PostAsync("/v1/users",
                new JsonObject { ["email"] = emails[i], ["role"] = "agent", ["first_name"] = $"Agent {i}", ["password"] = Password }, ct);
        }

        return emails;
    }

    private static async Task FirstPageAsync(Report report, Chromium chromium, Installation installation, CancellationToken ct)
    {
        var (cold, warm, bytes) = (new List<double>(), new List<double>(), 0L);
        for (var run = 0; run <= Runs; run++)
        {
            ct.ThrowIfCancellationRequested();
            await using var context = await chromium.NewAsync(installation.ApiUrl, null);
            var page = await context.NewPageAsync();
            var answers = new ConcurrentQueue<IResponse>();
            page.Response += (_, answer) => answers.Enqueue(answer);
            var first = await TimedAsync(() => OpenAsync(page, "/console", "input[name=email]"));
            bytes = 0;
            foreach (var answer in answers.ToArray().Where(a => a.Url.EndsWith(".js", StringComparison.Ordinal)))
            {
                bytes += long.Parse(await answer.HeaderValueAsync("content-length") ?? "0", CultureInfo.InvariantCulture);
            }

            var again = await TimedAsync(() => OpenAsync(page, "/console", "input[name=email]"));
            if (run > 0) // the first warms up
            {
                cold.Add(first);
                warm.Add(again);
            }
        }

        report.Add(new("first page, cold cache (mark 1,500)", cold.Median(), "ms", warm.Median(), "the same again, from the cache"));
        report.Add(new("JavaScript before it, as it comes over the wire (mark 300)", bytes / 1_000.0, "kB"));
    }

    private static async Task AreaAsync(Report report, Chromium chromium, Installation installation, string state, CancellationToken ct)
    {
        var (cold, warm) = (new List<double>(), new List<double>());
        for (var run = 0; run <= Runs; run++)
        {
            ct.ThrowIfCancellationRequested();
            await using var context = await chromium.NewAsync(installation.ApiUrl, state);
            var page = await context.NewPageAsync();
            var first = await TimedAsync(() => OpenAsync(page, "/console/campaigns", "main h1"));
            var again = await TimedAsync(() => OpenAsync(page, "/console/campaigns", "main h1"));
            if (run > 0)
            {
                cold.Add(first);
                warm.Add(again);
            }
        }

        report.Add(new("campaigns of who is signed in, cold cache (mark 1,500)", cold.Median(), "ms", warm.Median(),
            "the same again, from the cache"));
    }

    private static async Task<string> SignedInAsync(Chromium chromium, Installation installation, string email)
    {
        await using var context = await chromium.NewAsync(installation.ApiUrl, null);
        var page = await context.NewPageAsync();
        await page.GotoAsync("/console");
        await page.Locator("input[name=email]").FillAsync(email);
        await page.Locator("input[name=password]").FillAsync(Password);
        await page.Locator("button[type=submit]").ClickAsync();
        await page.Locator("aside nav a").First.WaitForAsync();
        return await context.StorageStateAsync();
    }

    private static async Task<(double Shown, double Opened, double Stepped)> InboxAsync(Chromium chromium, Installation installation,
        string state, CancellationToken ct)
    {
        var (shown, opened, stepped) = (new List<double>(), new List<double>(), new List<double>());
        for (var run = 0; run <= Runs; run++)
        {
            ct.ThrowIfCancellationRequested();
            await using var context = await chromium.NewAsync(installation.ApiUrl, state);
            var page = await context.NewPageAsync();
            var list = await TimedAsync(() => OpenAsync(page, "/console/inbox", ".conversation-row"));
            var click = await TimedAsync(async () =>
            {
                await page.Locator(".conversation-row").Nth(3).ClickAsync();
                await page.Locator(".thread .bubble").First.WaitForAsync();
            });
            var before = page.Url;
            var key = await TimedAsync(async () =>
            {
                await page.Keyboard.PressAsync("j");
                await page.WaitForURLAsync(url => url != before);
                await page.Locator(".thread .bubble").First.WaitForAsync();
            });
            if (run > 0)
            {
                shown.Add(list);
                opened.Add(click);
                stepped.Add(key);
            }
        }

        return (shown.Median(), opened.Median(), stepped.Median());
    }

    // From the 200 that Meta gets to the text in the open thread.
    private static async Task MessageAsync(Report report, Chromium chromium, Installation installation, string state, HttpClient meta,
        BspClient api, CancellationToken ct)
    {
        var phone = Phone(1);
        var found = await api.GetAsync($"/v1/conversations?q={phone}&limit=1", ct);
        var id = found["data"]?[0]?["id"]?.GetValue<string>() ?? throw new Obstacle($"There is no conversation with {phone}.");
        await using var context = await chromium.NewAsync(installation.ApiUrl, state);
        var page = await context.NewPageAsync();
        await OpenAsync(page, $"/console/inbox/{id}", ".thread .bubble");
        var times = new List<double>();
        for (var run = 0; run <= 3 * Runs; run++)
        {
            var text = $"Where is parcel {run}?";
            await PostAsync(meta, installation, [(phone, $"wamid.seen{run}", text)], ct);
            var took = await TimedAsync(() => page.Locator(".thread").GetByText(text).WaitForAsync());
            if (run > 0)
            {
                times.Add(took);
            }
        }

        report.Add(new("a customer's message is seen after the webhook's 200: p50", times.Median(), "ms"));
        report.Add(new("… the slowest (mark 1,000)", times.Max(), "ms"));
    }

    // As many consoles as HTTP sees of them: a session, its stream, what the inbox reads.
    private static async Task ConsolesAsync(Report report, Installation installation, IReadOnlyList<string> emails, CancellationToken ct)
    {
        var consoles = Number("BENCH_CONSOLES", ConsolesStandard);
        Report.Say($"{consoles:N0} consoles are opened");
        var before = installation.Api().MemoryMb;
        using var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = new(installation.ApiUrl), Timeout = Patience };
        var tokens = new List<string>();
        foreach (var email in emails)
        {
            using var answer = await http.PostAsync("/v1/auth/login", new StringContent(
                new JsonObject { ["email"] = email, ["password"] = Password }.ToJsonString(), Encoding.UTF8, "application/json"), ct);
            tokens.Add(JsonNode.Parse(await answer.Content.ReadAsStringAsync(ct))!["token"]!.GetValue<string>());
        }

        var streams = new List<HttpResponseMessage>();
        for (var i = 0; i < consoles; i++)
        {
            var token = tokens[i % tokens.Count];
            streams.Add(await GetAsync(http, "/v1/stream", token, HttpCompletionOption.ResponseHeadersRead, ct));
            foreach (var path in Reads)
            {
                using var read = await GetAsync(http, path, token, HttpCompletionOption.ResponseContentRead, ct);
            }
        }

        report.Add(new($"memory of the API with {consoles:N0} open consoles (mark 300)", installation.Api().MemoryMb, "MB", before,
            "before they came"));
        report.Add(new("… the most it ever held", installation.Api().MemoryPeakMb, "MB"));
        streams.ForEach(stream => stream.Dispose());
    }

    private static async Task<HttpResponseMessage> GetAsync(HttpClient http, string path, string token, HttpCompletionOption until,
        CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new("Bearer", token);
        var answer = await http.SendAsync(request, until, ct);
        return answer.IsSuccessStatusCode ? answer : throw new Obstacle($"GET {path} answered {(int)answer.StatusCode}.");
    }

    private static async Task OpenAsync(IPage page, string path, string shown)
    {
        await page.GotoAsync(path, new() { WaitUntil = WaitUntilState.Commit });
        await page.Locator(shown).First.WaitForAsync();
    }

    private static async Task<double> TimedAsync(Func<Task> work)
    {
        var began = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    // A message of each customer, posted as Meta posts; all of them are shown before anything is measured.
    private static async Task FillAsync(HttpClient meta, Installation installation, int from, int to, CancellationToken ct)
    {
        await Parallel.ForEachAsync(Enumerable.Range(from, Math.Max(0, to - from)).Chunk(MessagesPerPost),
            new ParallelOptions { MaxDegreeOfParallelism = Posters, CancellationToken = ct }, async (customers, token) =>
                await PostAsync(meta, installation, [.. customers.Select(n => (Phone(n), $"wamid.fill{n}", $"Where is my parcel {n}?"))],
                    token));
        var patience = Patience + TimeSpan.FromMilliseconds(20.0 * (to - from));
        if (!await Until.TrueAsync(async token =>
            await installation.NumberAsync("SELECT count(*) FROM documents.conversations", token) >= to
            && await installation.NumberAsync("SELECT count(*) FROM bsp.webhook_inbox", token) == 0, patience, ct))
        {
            throw new Obstacle($"In {patience.TotalSeconds:0} s not all of {to:N0} conversations were shown.");
        }

        await installation.ExecuteAsync("ANALYZE", ct);
    }

    private static async Task PostAsync(HttpClient meta, Installation installation,
        IReadOnlyList<(string Phone, string Id, string Text)> messages, CancellationToken ct)
    {
        var at = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var contacts = string.Join(',', messages.Select(m =>
            $$$"""{"profile":{"name":"Asha {{{m.Phone[^5..]}}}"},"wa_id":"{{{m.Phone}}}"}"""));
        var written = string.Join(',', messages.Select(m =>
            $$$"""{"from":"{{{m.Phone}}}","id":"{{{m.Id}}}","timestamp":"{{{at}}}","type":"text","text":{"body":"{{{m.Text}}}"}}"""));
        var body = Encoding.UTF8.GetBytes($$"""
            {"object":"whatsapp_business_account","entry":[{"id":"{{Customer.WabaId}}","changes":[{"value":{"messaging_product":"whatsapp",
            "metadata":{"display_phone_number":"14155552671","phone_number_id":"{{Customer.PhoneNumberId}}"},
            "contacts":[{{contacts}}],"messages":[{{written}}]},"field":"messages"}]}]}
            """);
        using var request = new HttpRequestMessage(HttpMethod.Post, installation.ApiUrl + "/webhooks/meta")
        {
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        request.Headers.TryAddWithoutValidation("X-Hub-Signature-256", "sha256=" + Convert.ToHexStringLower(
            HMACSHA256.HashData(Encoding.UTF8.GetBytes(installation.AppSecret), body)));
        using var answer = await meta.SendAsync(request, ct);
        answer.EnsureSuccessStatusCode();
    }

    private static string Phone(int n) => string.Create(CultureInfo.InvariantCulture, $"9199{n:D8}");

    private static int Number(string name, int usual) => Environment.GetEnvironmentVariable(name) is not { } text ? usual
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value > 0 ? value
        : throw new Obstacle($"{name} is '{text}': it must be a number of at least 1.");
}
