using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Up;

/// <summary>The platform's own HTTP API, as any client uses it.</summary>
internal sealed class BspClient : IDisposable
{
    private readonly HttpClient _http;

    /// <param name="organization">Named for the platform key only.</param>
    public BspClient(string url, string token, string? organization = null)
    {
        _http = new HttpClient { BaseAddress = new Uri(url), Timeout = TimeSpan.FromSeconds(60) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (organization is not null)
        {
            _http.DefaultRequestHeaders.Add("Bsp-Organization", organization);
        }
    }

    /// <exception cref="Obstacle">the API refused; the message carries its problem's code and detail</exception>
    public Task<JsonNode> PostAsync(string path, JsonNode? body, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, path,
            new StringContent((body ?? new JsonObject()).ToJsonString(), System.Text.Encoding.UTF8, "application/json"), ct);

    public Task<JsonNode> PostCsvAsync(string path, string csv, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, path, new StringContent(csv, System.Text.Encoding.UTF8, "text/csv"), ct);

    /// <summary>False: it was refused with this code.</summary>
    /// <exception cref="Obstacle">it was refused otherwise</exception>
    public async Task<bool> TriesAsync(string path, JsonNode body, string unless, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new StringContent(body.ToJsonString(), System.Text.Encoding.UTF8, "application/json"),
        };
        using var answer = await AnswerAsync(request, ct);
        return answer.IsSuccessStatusCode
            || ((await answer.Content.ReadAsStringAsync(ct)).Contains($"\"{unless}\"", StringComparison.Ordinal) ? false
            : throw await RefusalAsync(HttpMethod.Post, path, answer, ct));
    }

    public Task<JsonNode> GetAsync(string path, CancellationToken ct) => SendAsync(HttpMethod.Get, path, null, ct);

    /// <summary>True: it is there and ours to see. False: 401, 403 or 404.</summary>
    public async Task<bool> SeesAsync(string path, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        using var answer = await AnswerAsync(request, ct);
        return answer.IsSuccessStatusCode
            || (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.NotFound
            ? false
            : throw await RefusalAsync(HttpMethod.Get, path, answer, ct));
    }

    public void Dispose() => _http.Dispose();

    private async Task<JsonNode> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (method == HttpMethod.Post)
        {
            request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
        }

        using var answer = await AnswerAsync(request, ct);
        return answer.IsSuccessStatusCode
            ? JsonNode.Parse(await answer.Content.ReadAsStringAsync(ct))!
            : throw await RefusalAsync(method, path, answer, ct);
    }

    private async Task<HttpResponseMessage> AnswerAsync(HttpRequestMessage request, CancellationToken ct)
    {
        try
        {
            return await _http.SendAsync(request, ct);
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !ct.IsCancellationRequested))
        {
            throw new Obstacle($"{_http.BaseAddress} does not answer ({e.Message}): is ./run still running?", e);
        }
    }

    private static async Task<Obstacle> RefusalAsync(HttpMethod method, string path, HttpResponseMessage answer, CancellationToken ct)
    {
        var body = await answer.Content.ReadAsStringAsync(ct);
        return new Obstacle($"{method} {path} was answered {(int)answer.StatusCode}: {body}");
    }
}
