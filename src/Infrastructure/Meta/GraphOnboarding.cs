using System.Net.Http.Headers;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Meta;

namespace Bsp.Infrastructure.Meta;

/// <summary>Onboarding over HTTP. The code, the app's secret and tokens are in no message of an error.</summary>
public sealed class GraphOnboarding(GraphOptions options, MetaOptions app) : IMetaOnboarding, IDisposable
{
    private const int AnswerBytesMax = 256 * 1024;
    private const int TokenMax = 1_000;
    private const int Standard = 80; // Meta's throughput of a number; 1,000 once it is raised, 20 beside the business app
    private const int High = 1_000;
    private const int BesideTheApp = 20;

    private readonly GraphHttp graph = new(options);

    public bool IsConfigured => app is { AppId: not null, AppSecrets.Count: > 0 };

    public async Task<string> ExchangeAsync(string code, CancellationToken ct)
    {
        var query = $"client_id={app.AppId}&client_secret={Uri.EscapeDataString(app.AppSecrets[0])}&code={Uri.EscapeDataString(code)}";
        // the exchange has no bearer: the app shows who it is by its own token
        var answer = await GraphClient.CallAsync(graph, HttpMethod.Get, () => $"oauth/access_token?{query}",
            $"{app.AppId}|{app.AppSecrets[0]}", null, AnswerBytesMax, ct);
        return GraphText.Text(answer, "access_token", TokenMax) is { } token && GraphText.IsToken(token) ? token
            : throw new MetaRefused(null, "Meta exchanged the code for something that is no token.", retryable: false);
    }

    public async Task<WabaFacts> WabaAsync(MetaNumber number, CancellationToken ct)
    {
        var answer = await GetAsync(number, number.WabaId, "id,name,currency,owner_business_info,account_review_status", ct);
        var owner = GraphText.Child(answer, "owner_business_info", JsonValueKind.Object) ?? default;
        var business = GraphText.Text(owner, "id", GraphText.IdMax);
        return new(GraphText.Told(answer, "name", 200), GraphText.Text(answer, "currency", 3),
            GraphText.IsId(business) ? business : null, GraphText.Text(answer, "account_review_status", 64));
    }

    public async Task<NumberStanding> StandingAsync(MetaNumber number, CancellationToken ct)
    {
        var answer = await GetAsync(number, number.PhoneNumberId,
            "id,display_phone_number,verified_name,status,name_status,platform_type,is_on_biz_app,throughput", ct);
        var coexistence = GraphText.Child(answer, "is_on_biz_app", JsonValueKind.True) is not null;
        var level = GraphText.Text(GraphText.Child(answer, "throughput", JsonValueKind.Object) ?? default, "level", 32);
        return new(GraphText.Text(answer, "display_phone_number", 64) ?? "", GraphText.Told(answer, "verified_name", 200) ?? "",
            GraphText.Text(answer, "platform_type", 64) == "CLOUD_API" && GraphText.Text(answer, "status", 64) == "CONNECTED", coexistence,
            GraphText.Text(answer, "name_status", 64), coexistence ? BesideTheApp : level == "HIGH" ? High : Standard);
    }

    public Task RegisterAsync(MetaNumber number, string pin, CancellationToken ct) =>
        PostAsync(number, "register", new { messaging_product = "whatsapp", pin }, ct);

    public async Task SynchronizeAsync(MetaNumber number, CancellationToken ct)
    {
        foreach (var kind in new[] { "smb_app_state_sync", "history" })
        {
            await PostAsync(number, "smb_app_data", new { messaging_product = "whatsapp", sync_type = kind }, ct);
        }
    }

    public void Dispose() => graph.Dispose();

    private Task<JsonElement> GetAsync(MetaNumber number, string id, string fields, CancellationToken ct) => GraphClient.CallAsync(graph,
        HttpMethod.Get, () => $"{GraphHttp.Segment(id)}?fields={fields}", number.AccessToken, null, AnswerBytesMax, ct);

    private async Task PostAsync(MetaNumber number, string edge, object body, CancellationToken ct)
    {
        using var content = new ReadOnlyMemoryContent(JsonSerializer.SerializeToUtf8Bytes(body))
        {
            Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
        };
        await GraphClient.CallAsync(graph, HttpMethod.Post, () => $"{GraphHttp.Segment(number.PhoneNumberId)}/{edge}", number.AccessToken,
            content, AnswerBytesMax, ct);
    }
}
