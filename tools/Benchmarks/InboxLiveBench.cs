using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Infrastructure.Redis;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;
using StackExchange.Redis;

namespace Bsp.Benchmarks;

/// <summary>
/// The live side of the inbox, in processes of their own: what 5,000 streams of a hundred organizations cost while each takes ten frames a
/// second, and how long after Meta's POST a customer's message is on the stream of who works there, at a thousand messages a second.
/// <c>BENCH_STREAMS</c>, <c>BENCH_RATE</c> and <c>BENCH_SECONDS</c> change the numbers.
/// </summary>
internal static class InboxLiveBench
{
    private const int Organizations = 100;
    private const int StreamsStandard = 5_000;
    private const int NewsPerSecond = 1_000;
    private const int RateStandard = 1_000;
    private const int SecondsStandard = 20;
    private const int MessagesPerPost = 5;
    private const int Connections = 16;
    private const int Customers = 5_000;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan NothingCame = TimeSpan.FromSeconds(10);

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        Report.Say("starting stores, simulator and API");
        await using var installation = await Installation.StartAsync(ct,
            more: new() { ["Bsp__Limits__StreamsPerCaller"] = "1000", ["Bsp__Limits__KeyPerSecond"] = "100000" });
        await StreamsAsync(report, installation, ct);
        await LagAsync(report, installation, ct);
    }

    private static async Task StreamsAsync(Report report, Installation installation, CancellationToken ct)
    {
        var (streams, seconds) = (Number("BENCH_STREAMS", StreamsStandard), Number("BENCH_SECONDS", SecondsStandard));
        var keys = await OrganizationsAsync(installation, ct);
        var before = installation.Api().MemoryMb;
        var counts = new long[keys.Count];
        Report.Say($"{streams:N0} streams of {keys.Count} organizations");
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var open = new List<Socket>();
        for (var i = 0; i < streams; i++)
        {
            open.Add(await OpenAsync(installation.ApiUrl, keys[i % keys.Count].Key, ct));
        }

        var followed = open.Select((socket, i) => CountAsync(socket, () => Interlocked.Increment(ref counts[i % keys.Count]), ends.Token))
            .ToList();
        var idle = await SpentAsync(installation, TimeSpan.FromSeconds(seconds), ct);
        var held = installation.Api().MemoryMb;
        Array.Clear(counts);
        await using var redis = await ConnectionMultiplexer.ConnectAsync(installation.Stores.Redis);
        var telling = TellAsync(redis.GetSubscriber(), keys.ConvertAll(k => k.Organization), TimeSpan.FromSeconds(seconds), ct);
        var busy = await SpentAsync(installation, TimeSpan.FromSeconds(seconds), ct);
        var told = await telling;
        var wanted = told.Select((n, i) => n * open.Where((_, s) => s % keys.Count == i).LongCount()).Sum();
        if (!await Until.TrueAsync(_ => Task.FromResult(counts.Sum() >= wanted), Patience, ct))
        {
            throw new Obstacle($"{counts.Sum():N0} of {wanted:N0} frames came.");
        }

        report.Add(new($"{streams:N0} streams: frames a second (mark 50,000)", (double)wanted / seconds, "frames/s"));
        report.Add(new("… the API's processor time meanwhile (mark 100)", busy * 100, "% of a core", idle * 100,
            "the same streams, no frames"));
        report.Add(new("… memory of the API", installation.Api().MemoryMb, "MB", before, "without streams"));
        report.Add(new("… memory of the API before frames came", held, "MB", before, "without streams"));
        await ends.CancelAsync();
        await Task.WhenAll(followed);
        open.ForEach(socket => socket.Dispose());
    }

    // As numbers are claimed one after another, so are organizations made: through the API, as any platform does.
    private static async Task<List<(Guid Organization, string Key)>> OrganizationsAsync(Installation installation, CancellationToken ct)
    {
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey);
        var all = new List<(Guid, string)>();
        for (var i = 0; i < Organizations; i++)
        {
            var id = (await platform.PostAsync("/v1/organizations",
                new JsonObject { ["name"] = $"Live {i}", ["slug"] = $"live-{i}" }, ct))["id"]!.GetValue<string>();
            using var own = new BspClient(installation.ApiUrl, installation.PlatformKey, id);
            all.Add((Guid.Parse(id), (await own.PostAsync("/v1/api-keys",
                new JsonObject { ["name"] = "live", ["permissions"] = "read" }, ct))["key"]!.GetValue<string>()));
        }

        return all;
    }

    // Ten milliseconds after ten, each organization in turn; returns how many pieces each was told.
    private static async Task<long[]> TellAsync(ISubscriber redis, List<Guid> organizations, TimeSpan during, CancellationToken ct)
    {
        var told = new long[organizations.Count];
        var (began, n) = (Stopwatch.GetTimestamp(), 0L);
        for (TimeSpan passed; (passed = Stopwatch.GetElapsedTime(began)) < during; await Task.Delay(10, ct))
        {
            for (; n < passed.TotalSeconds * NewsPerSecond; n++)
            {
                var at = (int)(n % organizations.Count);
                told[at]++;
                await redis.PublishAsync(RedisChannel.Literal(InboxNews.Channel), JsonSerializer.Serialize(
                    new InboxNews.News(organizations[at], "typing", Guid.NewGuid(), Guid.NewGuid(), null)), CommandFlags.FireAndForget);
            }
        }

        return told;
    }

    private static async Task<Socket> OpenAsync(string url, string key, CancellationToken ct)
    {
        var address = new Uri(url);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(address.Host, address.Port, ct);
        await socket.SendAsync(Encoding.ASCII.GetBytes(
            $"GET /v1/stream HTTP/1.1\r\nHost: {address.Authority}\r\nAuthorization: Bearer {key}\r\n"
            + "Accept: text/event-stream\r\n\r\n"), ct);
        var buffer = new byte[4_096];
        var head = new StringBuilder();
        while (!head.ToString().Contains("event: hello", StringComparison.Ordinal))
        {
            var got = await socket.ReceiveAsync(buffer, ct);
            head.Append(Encoding.ASCII.GetString(buffer, 0, got));
            if (got == 0 || (head.Length > 12 && !head.ToString().StartsWith("HTTP/1.1 200", StringComparison.Ordinal)))
            {
                throw new Obstacle($"A stream was not opened: {head}");
            }
        }

        return socket;
    }

    private static async Task CountAsync(Socket socket, Action frame, CancellationToken ct)
    {
        var (buffer, matched) = (new byte[4_096], 0);
        byte[] begin = [.. "event: typing"u8];
        try
        {
            for (int got; (got = await socket.ReceiveAsync(buffer, ct)) > 0;)
            {
                foreach (var one in buffer.AsSpan(0, got))
                {
                    matched = one == begin[matched] ? matched + 1 : one == begin[0] ? 1 : 0;
                    if (matched == begin.Length)
                    {
                        matched = 0;
                        frame();
                    }
                }
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // all was counted
        }
    }

    // Cores.
    private static async Task<double> SpentAsync(Installation installation, TimeSpan during, CancellationToken ct)
    {
        var (before, began) = (installation.ProcessorOf("api"), Stopwatch.GetTimestamp());
        await Task.Delay(during, ct);
        return (installation.ProcessorOf("api") - before) / Stopwatch.GetElapsedTime(began);
    }

    private static async Task LagAsync(Report report, Installation installation, CancellationToken ct)
    {
        var (rate, seconds) = (Number("BENCH_RATE", RateStandard), Number("BENCH_SECONDS", SecondsStandard));
        using var customer = await Customer.CreateAsync(installation, 10, ct);
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Connections + 1 })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var (sent, lags) = (new ConcurrentDictionary<int, long>(), new ConcurrentBag<double>());
        var (opened, resets) = (new TaskCompletionSource(), new StrongBox<int>());
        var following = FollowAsync(http, installation.ApiUrl, customer.Key, sent, lags, opened, resets, ends.Token);
        await opened.Task.WaitAsync(Patience, ct);
        await PostAsync(http, installation, sent, 0, rate, TimeSpan.FromSeconds(5), ct); // so that contacts and statements are known
        await CameAsync(sent, lags, resets, ct);
        lags.Clear();
        var from = sent.Count;
        sent.Clear();
        Report.Say($"{rate:N0} messages of customers a second for {seconds} s");
        var took = await PostAsync(http, installation, sent, from, rate, TimeSpan.FromSeconds(seconds), ct);
        var count = sent.Count;
        await CameAsync(sent, lags, resets, ct);
        await ends.CancelAsync();
        await following;
        report.Add(new("customers' messages taken", count / took.TotalSeconds, "messages/s", rate, "asked for"));
        report.Add(new("from Meta's POST to the stream: p50", lags.ToList().Median(), "ms"));
        report.Add(new("from Meta's POST to the stream: p99 (mark 1,000)", lags.ToList().Percentile(0.99), "ms"));
        report.Add(new("… messages that came on the stream", lags.Count, "messages", count, "messages sent"));
        report.Add(new("… times that the stream lost its place", resets.Value, "resets"));
    }

    // All; or, where the stream lost its place, those that came after it.
    private static async Task CameAsync(ConcurrentDictionary<int, long> sent, ConcurrentBag<double> lags, StrongBox<int> resets,
        CancellationToken ct)
    {
        var (last, since) = (0, Stopwatch.GetTimestamp());
        if (!await Until.TrueAsync(_ =>
        {
            if (lags.Count > last)
            {
                (last, since) = (lags.Count, Stopwatch.GetTimestamp());
            }

            return Task.FromResult(lags.Count >= sent.Count || (resets.Value > 0 && Stopwatch.GetElapsedTime(since) > NothingCame));
        }, Patience, ct) || lags.IsEmpty)
        {
            throw new Obstacle($"{lags.Count:N0} of {sent.Count:N0} messages came.");
        }
    }

    private static async Task<TimeSpan> PostAsync(HttpClient http, Installation installation, ConcurrentDictionary<int, long> sent,
        int from, int rate, TimeSpan during, CancellationToken ct)
    {
        var (began, next) = (Stopwatch.GetTimestamp(), from - MessagesPerPost);
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(async () =>
        {
            for (var n = Interlocked.Add(ref next, MessagesPerPost); ; n = Interlocked.Add(ref next, MessagesPerPost))
            {
                var due = TimeSpan.FromSeconds((double)(n - from) / rate);
                if (due >= during)
                {
                    return;
                }

                if (due - Stopwatch.GetElapsedTime(began) is { Ticks: > 0 } early)
                {
                    await Task.Delay(early, ct);
                }

                var body = Body(n);
                for (var i = n; i < n + MessagesPerPost; i++)
                {
                    sent[i] = Stopwatch.GetTimestamp();
                }

                using var request = new HttpRequestMessage(HttpMethod.Post, installation.ApiUrl + "/webhooks/meta")
                {
                    Content = new ByteArrayContent(body),
                };
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                request.Headers.TryAddWithoutValidation("X-Hub-Signature-256", "sha256=" + Convert.ToHexStringLower(
                    HMACSHA256.HashData(Encoding.UTF8.GetBytes(installation.AppSecret), body)));
                using var answer = await http.SendAsync(request, ct);
                answer.EnsureSuccessStatusCode();
            }
        }, ct)));
        return Stopwatch.GetElapsedTime(began);
    }

    private static byte[] Body(int n)
    {
        var at = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var contacts = string.Join(',', Enumerable.Range(n, MessagesPerPost).Select(i => Phone(i)).Distinct().Select(phone =>
            $$"""{"profile":{"name":"Asha {{phone[^4..]}}"},"wa_id":"{{phone}}"}"""));
        var messages = string.Join(',', Enumerable.Range(n, MessagesPerPost).Select(i =>
            $$$"""
            {"from":"{{{Phone(i)}}}","id":"wamid.live{{{i}}}","timestamp":"{{{at}}}","type":"text",
            "text":{"body":"n={{{i}}} where is my parcel?"}}
            """));
        return Encoding.UTF8.GetBytes($$"""
            {"object":"whatsapp_business_account","entry":[{"id":"{{Customer.WabaId}}","changes":[{"value":{"messaging_product":"whatsapp",
            "metadata":{"display_phone_number":"14155552671","phone_number_id":"{{Customer.PhoneNumberId}}"},"contacts":[{{contacts}}],
            "messages":[{{messages}}]},"field":"messages"}]}]}
            """);
    }

    private static string Phone(int n) =>
        string.Create(CultureInfo.InvariantCulture, $"9199{(long)n * 7919 % Customers:D8}");

    // A frame is "id:…\nevent: message\ndata: {json}\n\n"; the text says which message it is.
    private static async Task FollowAsync(HttpClient http, string url, string key, ConcurrentDictionary<int, long> sent,
        ConcurrentBag<double> lags, TaskCompletionSource opened, StrongBox<int> resets, CancellationToken ct)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url + "/v1/stream");
            request.Headers.Authorization = new("Bearer", key);
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            answer.EnsureSuccessStatusCode();
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(ct));
            var seen = new HashSet<int>();
            for (var name = ""; await reader.ReadLineAsync(ct) is { } line;)
            {
                if (line.StartsWith("event: ", StringComparison.Ordinal))
                {
                    name = line["event: ".Length..];
                    opened.TrySetResult();
                    resets.Value += name == "reset" ? 1 : 0; // frames came faster than one reader takes them
                }
                else if (name == "message" && line.StartsWith("data: ", StringComparison.Ordinal))
                {
                    Take(line["data: ".Length..], seen, sent, lags);
                }
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // all came
        }
        finally
        {
            opened.TrySetResult();
        }
    }

    private static void Take(string json, HashSet<int> seen, ConcurrentDictionary<int, long> sent, ConcurrentBag<double> lags)
    {
        var now = Stopwatch.GetTimestamp();
        using var document = JsonDocument.Parse(json);
        if (document.RootElement.TryGetProperty("content", out var content) && content.TryGetProperty("text", out var text)
            && text.GetString() is { } words && words.StartsWith("n=", StringComparison.Ordinal)
            && int.TryParse(words.AsSpan(2, words.IndexOf(' ', StringComparison.Ordinal) - 2), CultureInfo.InvariantCulture, out var n)
            && seen.Add(n) && sent.TryGetValue(n, out var began))
        {
            lags.Add(Stopwatch.GetElapsedTime(began, now).TotalMilliseconds);
        }
    }

    private static int Number(string name, int usual) => Environment.GetEnvironmentVariable(name) is not { } text ? usual
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value > 0 ? value
        : throw new Obstacle($"{name} is '{text}': it must be a number of at least 1.");
}
