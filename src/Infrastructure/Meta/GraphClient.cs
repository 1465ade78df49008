using System.Net.Http.Headers;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Domain.Templates;

namespace Bsp.Infrastructure.Meta;

/// <summary>Where the Graph API is and how long to wait for it.</summary>
/// <param name="BaseUrl">With version: <c>https://graph.facebook.com/v25.0</c>. Source: facts of 2026, v25 expires 2028.</param>
/// <param name="Timeout">Of one call. A send without an answer by then is of unknown outcome.</param>
public sealed record GraphOptions(Uri BaseUrl, TimeSpan Timeout);

/// <summary>Meta's Graph API over HTTP. One call is one request: nothing is repeated in here.</summary>
public sealed class GraphClient : IMeta, IDisposable
{
    private const int TemplatesMax = 6000;
    private readonly HttpClient http;
    private readonly string root;

    public GraphClient(GraphOptions options)
    {
        root = options.BaseUrl.AbsoluteUri.TrimEnd('/');
        http = new HttpClient(new SocketsHttpHandler
        {
            MaxConnectionsPerServer = 256,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectTimeout = TimeSpan.FromSeconds(10),
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
        })
        {
            Timeout = options.Timeout,
        };
        http.DefaultRequestHeaders.UserAgent.Add(new("bsp", "1.0"));
    }

    public async Task<SendOutcome> SendAsync(MetaNumber number, ReadOnlyMemory<byte> body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{root}/{number.PhoneNumberId}/messages") { Content = JsonBody(body) };
        request.Headers.Authorization = new("Bearer", number.AccessToken);
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseContentRead, ct);
            var bytes = await response.Content.ReadAsByteArrayAsync(ct);
            return SendAnswer.Read((int)response.StatusCode, bytes);
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError)
        {
            // The connection never stood, so no byte of the message left: proven not taken.
            return new(SendResult.Refused, null, false, null, "no connection", e.Message, TimeSpan.FromSeconds(5));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            return new(SendResult.Unknown, null, false, null, "no answer", e.Message, TimeSpan.Zero);
        }
    }

    public async Task<SubmittedTemplate> SubmitTemplateAsync(MetaNumber number, string? metaTemplateId, string name, string language, string category, JsonElement components, CancellationToken ct)
    {
        var body = metaTemplateId is null
            ? JsonSerializer.SerializeToUtf8Bytes(new { name, language, category, parameter_format = MetaComponents.ParameterFormat(TemplateComponents.Read(components)), components })
            : JsonSerializer.SerializeToUtf8Bytes(new { category, components });
        using var answer = await CallAsync(HttpMethod.Post, metaTemplateId ?? $"{number.WabaId}/message_templates", number, JsonBody(body), ct);
        var root = answer.RootElement;
        return metaTemplateId is not null
            ? new(metaTemplateId, "PENDING", category)
            : new(Text(root, "id") ?? throw new MetaRefused(null, "Meta answered a template creation without an id.", retryable: false), Text(root, "status") ?? "PENDING", Text(root, "category") ?? category);
    }

    public async Task<IReadOnlyList<ListedTemplate>> ListTemplatesAsync(MetaNumber number, CancellationToken ct)
    {
        var all = new List<ListedTemplate>();
        string? after = null;
        do
        {
            var path = $"{number.WabaId}/message_templates?limit=200&fields=id,name,language,status,category,components,rejected_reason" + (after is null ? "" : $"&after={Uri.EscapeDataString(after)}");
            using var answer = await CallAsync(HttpMethod.Get, path, number, null, ct);
            foreach (var item in answer.RootElement.GetProperty("data").EnumerateArray())
            {
                all.Add(new(Text(item, "id")!, Text(item, "name")!, Text(item, "language")!, Text(item, "status") ?? "PENDING", Text(item, "category") ?? "MARKETING",
                    item.TryGetProperty("components", out var parts) ? parts.Clone() : default, Text(item, "rejected_reason")));
            }

            after = answer.RootElement.TryGetProperty("paging", out var paging) && paging.TryGetProperty("next", out _) && paging.TryGetProperty("cursors", out var cursors) ? Text(cursors, "after") : null;
        }
        while (after is not null && all.Count < TemplatesMax);
        return all;
    }

    public async Task DeleteTemplateAsync(MetaNumber number, string name, string? metaTemplateId, CancellationToken ct)
    {
        var path = $"{number.WabaId}/message_templates?name={Uri.EscapeDataString(name)}" + (metaTemplateId is null ? "" : $"&hsm_id={Uri.EscapeDataString(metaTemplateId)}");
        using var _ = await CallAsync(HttpMethod.Delete, path, number, null, ct);
    }

    public async Task UnpauseTemplateAsync(MetaNumber number, string metaTemplateId, CancellationToken ct)
    {
        using var _ = await CallAsync(HttpMethod.Post, $"{metaTemplateId}/unpause", number, JsonBody("{}"u8.ToArray()), ct);
    }

    public async Task<NumberFacts> GetNumberAsync(MetaNumber number, CancellationToken ct)
    {
        using var answer = await CallAsync(HttpMethod.Get, $"{number.PhoneNumberId}?fields=id,display_phone_number,verified_name,quality_rating,status,whatsapp_business_manager_messaging_limit", number, null, ct);
        var root = answer.RootElement;
        return new(Text(root, "display_phone_number") ?? "", Text(root, "verified_name") ?? "", Text(root, "quality_rating") ?? "UNKNOWN", Text(root, "status") ?? "CONNECTED",
            MessagingLimits.Read(Text(root, "whatsapp_business_manager_messaging_limit")));
    }

    public async Task SubscribeAsync(MetaNumber number, CancellationToken ct)
    {
        using var _ = await CallAsync(HttpMethod.Post, $"{number.WabaId}/subscribed_apps", number, JsonBody("{}"u8.ToArray()), ct);
    }

    public void Dispose() => http.Dispose();

    private async Task<JsonDocument> CallAsync(HttpMethod method, string path, MetaNumber number, HttpContent? content, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, $"{root}/{path}") { Content = content };
        request.Headers.Authorization = new("Bearer", number.AccessToken);
        try
        {
            using var response = await http.SendAsync(request, ct);
            var bytes = await response.Content.ReadAsByteArrayAsync(ct);
            if (response.IsSuccessStatusCode)
            {
                return JsonDocument.Parse(bytes);
            }

            var error = GraphError.Read(bytes);
            throw new MetaRefused(error.Code, $"Meta refused: {error.Message}{(error.Details is null ? "" : $" ({error.Details})")}", retryable: (int)response.StatusCode >= 500 || (error.Code is { } code && MetaErrors.IsSafeToRepeat(code)));
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new MetaRefused(null, $"Meta did not answer within {http.Timeout.TotalSeconds:0} s.", retryable: true, timedOut: true);
        }
        catch (Exception e) when (e is HttpRequestException or JsonException)
        {
            throw new MetaRefused(null, $"Meta could not be reached: {e.Message}", retryable: true);
        }
    }

    private static ReadOnlyMemoryContent JsonBody(ReadOnlyMemory<byte> body) => new(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

    private static string? Text(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) ? value.ValueKind switch { JsonValueKind.String => value.GetString(), JsonValueKind.Number => value.GetRawText(), _ => null } : null;
}
