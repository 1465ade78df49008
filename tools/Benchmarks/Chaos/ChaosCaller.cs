using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Bsp.Benchmarks.Chaos;

/// <summary>An answer of the API.</summary>
/// <param name="Json">Undefined when the body is none.</param>
internal sealed record ChaosAnswer(int Status, JsonElement Json)
{
    public bool Done => Status is >= 200 and < 300;

    public string Text(string name) => Json.GetProperty(name).GetString()!;
}

/// <summary>
/// Asks the API while its PostgreSQL comes and goes. Every answer is 2xx, or a problem+json that says what to do: 503 with Retry-After, 409
/// because the same key is at work or others keep changing it, or what
/// the caller says they expect. Anything else is a fault, as is a connection that ends without an answer: the API is not what is killed.
/// </summary>
/// <param name="organization">Of a platform key: for whom it acts; null: for nobody.</param>
internal sealed class ChaosCaller(string url, string key, string appSecret, string? organization = null) : IDisposable
{
    // A claim whose request lost its PostgreSQL is busy for 30 s at most; a restart and a slow machine come on top.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan AskAgainMax = TimeSpan.FromMilliseconds(200);

    private readonly HttpClient http =
        new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new(url), Timeout = TimeSpan.FromSeconds(60) };
    private int twice;

    public ConcurrentBag<string> Faults { get; } = [];

    /// <summary>Answers by status and code.</summary>
    public ConcurrentDictionary<string, int> Counts { get; } = new();

    /// <summary>Commands that were asked for more than once before they were answered.</summary>
    public int Repeated => twice;

    /// <summary>
    /// One command, repeated with its Idempotency-Key until it is done. Null: it was never done, which is noted, or was answered with what
    /// <paramref name="ends"/> names.
    /// </summary>
    public async Task<ChaosAnswer?> CommandAsync(string path, object body, CancellationToken ct, string? ends = null)
    {
        var (idempotency, json) = (Guid.NewGuid().ToString(), JsonSerializer.Serialize(body));
        return await UntilDoneAsync($"POST {path}", () =>
            new(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json"),
                Headers = { { "Idempotency-Key", idempotency } } }, ends, ct);
    }

    /// <summary>A webhook, repeated until it is answered 200, as Meta does.</summary>
    public Task<ChaosAnswer?> WebhookAsync(byte[] body, CancellationToken ct)
    {
        var signature = "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(appSecret), body));
        return UntilDoneAsync("POST /webhooks/meta", () =>
            new(HttpMethod.Post,
                "/webhooks/meta") { Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } },
                Headers = { { "X-Hub-Signature-256", signature } } }, null, ct);
    }

    /// <summary>Reads, repeated while a store is down.</summary>
    public Task<ChaosAnswer?> GetAsync(string path, CancellationToken ct) =>
        UntilDoneAsync($"GET {path}", () => new(HttpMethod.Get, path), null, ct);

    public void Dispose() => http.Dispose();

    private async Task<ChaosAnswer?> UntilDoneAsync(string what, Func<HttpRequestMessage> request, string? ends, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            var (answer, code) = await AskAsync(what, request, ends, ct);
            if (attempt == 2)
            {
                Interlocked.Increment(ref twice);
            }

            if (answer.Done)
            {
                return answer;
            }

            if (code == ends || code.Length == 0)
            {
                return null;
            }

            if (Stopwatch.GetElapsedTime(began) > Patience)
            {
                Faults.Add($"{what} was not done in {Patience.TotalSeconds:0} s: {answer.Status} {code}");
                return null;
            }

            await Task.Delay(AskAgainMax * Random.Shared.NextDouble(), ct);
        }
    }

    // An empty code: a fault, noted.
    private async Task<(ChaosAnswer Answer, string Code)> AskAsync(string what, Func<HttpRequestMessage> make, string? ends,
        CancellationToken ct)
    {
        using var request = make();
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (organization is not null)
        {
            request.Headers.Add("Bsp-Organization", organization);
        }

        try
        {
            using var response = await http.SendAsync(request, ct);
            var text = await response.Content.ReadAsStringAsync(ct);
            var json = text.Length > 0
                && response.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) is true
                ? JsonSerializer.Deserialize<JsonElement>(text) : default;
            var answer = new ChaosAnswer((int)response.StatusCode, json);
            var code = answer.Done ? "" : Code(answer, response, ends);
            Counts.AddOrUpdate(answer.Done ? $"{answer.Status}" : $"{answer.Status} {code}", 1, (_, n) => n + 1);
            if (!answer.Done && code.Length == 0)
            {
                Faults.Add($"{what} was answered {answer.Status}: {text[..Math.Min(text.Length, 300)]}");
            }

            return (answer, code);
        }
        catch (Exception lost)
            when (lost is HttpRequestException or JsonException || (lost is TaskCanceledException && !ct.IsCancellationRequested))
        {
            Faults.Add($"{what} was not answered: {lost.Message}");
            return (new(0, default), "");
        }
    }

    private static string Code(ChaosAnswer answer, HttpResponseMessage response, string? ends)
    {
        if (response.Content.Headers.ContentType?.MediaType != "application/problem+json"
            || answer.Json.GetProperty("status").GetInt32() != answer.Status)
        {
            return "";
        }

        var code = answer.Text("code");
        var again = response.Headers.RetryAfter?.Delta > TimeSpan.Zero;
        return (answer.Status, code) switch
        {
            (503, _) or (409, "idempotency.in_flight") or (409, "version.conflict") => again ? code : "",
            _ => code == ends ? code : "",
        };
    }
}
