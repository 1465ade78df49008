using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Up;

namespace Bsp.Benchmarks.Hostile;

/// <summary>Whom an adversary attacks, and as whom.</summary>
/// <param name="Organization">The adversary's own.</param>
/// <param name="Key">With role write.</param>
/// <param name="Number">The account of the adversary's number.</param>
internal sealed record Target(string Url, string Organization, string Key, string Number);

/// <summary>
/// One organization that does what it can, with a write key, an app of its own and sockets without any key. It keeps every attack up for as
/// long as it is let.
/// </summary>
internal sealed class Adversary(Target target) : IDisposable
{
    private const int SlowUploads = 45;
    private const int IdleSockets = 1_600;
    private const int SlowReaders = 20;
    private const int Poisoners = 4;
    private const int Bombers = 16;
    private const int Contacts = 20_000;
    private const string AppSecret = "the-hostile-app-secret";
    private const string PhoneNumberId = "999000000000001";
    private const string WabaId = "999000000000002";
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(200);

    private readonly HttpClient http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 256 }) { Timeout = TimeSpan.FromSeconds(60) };
    private readonly ConcurrentDictionary<string, int> answers = new();

    /// <summary>What each attack was told, and how often.</summary>
    public IEnumerable<(string What, int Count)> Answers =>
        answers.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => (a.Key, a.Value));

    /// <summary>Its organization, app, number, key and contacts.</summary>
    public static async Task<Target> CreateAsync(Installation installation, CancellationToken ct)
    {
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey);
        var organization =
            Text(await platform.PostAsync("/v1/organizations", new JsonObject { ["name"] = "Hostile", ["slug"] = "hostile" }, ct));
        using var acting = new BspClient(installation.ApiUrl, installation.PlatformKey, organization);
        var admin = Key(await acting.PostAsync("/v1/api-keys", new JsonObject { ["name"] = "admin", ["permissions"] = "admin" }, ct));
        var key = Key(await acting.PostAsync("/v1/api-keys", new JsonObject { ["name"] = "write", ["permissions"] = "write" }, ct));
        using var http = new HttpClient();
        using var change = new HttpRequestMessage(HttpMethod.Patch, $"{installation.ApiUrl}/v1/organizations/{organization}")
        {
            Content = new StringContent($$"""{"meta_app_secret":"{{AppSecret}}"}""", Encoding.UTF8, "application/json"),
                Headers = { Authorization = new AuthenticationHeaderValue("Bearer", admin) },
        };
        (await http.SendAsync(change, ct)).EnsureSuccessStatusCode();
        using var own = new BspClient(installation.ApiUrl, admin);
        var number = Text(await own.PostAsync("/v1/accounts", new JsonObject
        {
            ["phone_number_id"] = PhoneNumberId, ["phone_number"] = "+14155550001", ["display_name"] = "Hostile",
                ["meta_waba_id"] = WabaId, ["messaging_limit"] = 100_000, ["messages_per_second_max"] = 1_000,
            ["credentials"] = new JsonObject { ["access_token"] = "hostile-token" },
        }, ct));
        await own.PostAsync($"/v1/accounts/{number}/connect", null, ct);
        var file = new StringBuilder("phone_number,first_name,custom.note\n");
        for (var i = 0; i < Contacts; i++)
        {
            file.AppendLine(CultureInfo.InvariantCulture, $"+{919_000_100_000 + i},Mallory{i},{new string('x', 300)}");
        }

        await own.PostCsvAsync("/v1/contacts/import", file.ToString(), ct);
        return new(installation.ApiUrl, organization, key, number);
    }

    /// <summary>All of it, or what <c>BSP_BENCH_ATTACKS</c> names, until stopped.</summary>
    public Task RunAsync(CancellationToken stop) => Task.WhenAll((Task[])
    [
        .. Of("uploads", SlowUploads).Select(_ => AgainAsync("slow upload", UploadAsync, stop)),
        .. Of("idle", IdleSockets).Select(_ => AgainAsync("idle webhook", IdleAsync, stop)),
        .. Of("readers", SlowReaders).Select(_ => AgainAsync("slow reader", ReadSlowlyAsync, stop)),
        .. Of("poison", Poisoners).Select(n => AgainAsync("poisoned webhook", token => PoisonAsync(n, token), stop)),
        .. Of("bombs", Bombers).Select(n => AgainAsync("bomb", token => BombAsync(n, token), stop, TimeSpan.FromMilliseconds(20))),
    ]);

    public void Dispose() => http.Dispose();

    private static IEnumerable<int> Of(string attack, int count) =>
        Environment.GetEnvironmentVariable("BSP_BENCH_ATTACKS") is { Length: > 0 } only && !only.Split(',').Contains(attack) ? []
        : Enumerable.Range(0, count);

    private static string Text(JsonNode answer) => answer["id"]!.GetValue<string>();

    private static string Key(JsonNode answer) => answer["key"]!.GetValue<string>();

    private async Task AgainAsync(string what, Func<CancellationToken, Task<string>> attack, CancellationToken stop,
        TimeSpan? between = null)
    {
        while (!stop.IsCancellationRequested)
        {
            string said;
            try
            {
                said = await attack(stop);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or System.Net.Sockets.SocketException)
            {
                said = "broken off";
            }
            catch (OperationCanceledException)
            {
                said = stop.IsCancellationRequested ? "still open at the end" : "no answer";
            }

            answers.AddOrUpdate($"{what}: {said}", 1, (_, n) => n + 1);
            await Task.Delay(between ?? Between, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<string> UploadAsync(CancellationToken stop)
    {
        using var socket =
            await RawSocket.OpenAsync(target.Url,
                $"POST /v1/contacts/import HTTP/1.1\r\nAuthorization: Bearer {target.Key}\r\nContent-Type: text/csv\r\nContent-Length: 50000000\r\n", "phone_number,first_name\n+919000100001,Mallory\n", stop);
        return await socket.DripAsync("x", TimeSpan.FromSeconds(1), stop);
    }

    // Every third sends nearly all of what it announced, the others nothing.
    private async Task<string> IdleAsync(CancellationToken stop)
    {
        var sent = Random.Shared.Next(3) == 0 ? new string('x', 60_000) : "";
        using var socket =
            await RawSocket.OpenAsync(target.Url,
                $"POST /webhooks/meta HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 65536\r\nX-Hub-Signature-256: sha256={new string('0', 64)}\r\n", sent, stop);
        return await socket.StatusAsync(stop);
    }

    private async Task<string> ReadSlowlyAsync(CancellationToken stop)
    {
        using var socket =
            await RawSocket.OpenAsync(target.Url, $"GET /v1/contacts/export HTTP/1.1\r\nAuthorization: Bearer {target.Key}\r\n", "",
                stop);
        return await socket.ReadSlowlyAsync(stop);
    }

    private async Task<string> PoisonAsync(int n, CancellationToken stop)
    {
        using var request =
            SignedPost.Of($"{target.Url}/webhooks/meta/{target.Organization}", Poison.Webhook(n, WabaId, PhoneNumberId), AppSecret);
        using var answer = await http.SendAsync(request, stop);
        return $"{(int)answer.StatusCode}";
    }

    private async Task<string> BombAsync(int n, CancellationToken stop)
    {
        var (method, path, body) = Poison.Request(n, target.Number);
        using var request = new HttpRequestMessage(method, target.Url + path)
        {
            Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"),
                Headers = { Authorization = new AuthenticationHeaderValue("Bearer", target.Key) },
        };
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
        await answer.Content.CopyToAsync(Stream.Null, stop);
        return $"{(int)answer.StatusCode}";
    }
}
