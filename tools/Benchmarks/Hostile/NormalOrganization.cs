using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;

namespace Bsp.Benchmarks.Hostile;

/// <summary>Sends, reads and is written to at a steady pace, whatever else happens.</summary>
internal sealed class NormalOrganization : IDisposable
{
    private const int Contacts = 2_000;
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(100); // one of each kind: ten a second
    private static readonly string[] Lists =
        ["/v1/contacts?limit=50", "/v1/conversations?limit=20", "/v1/lists?limit=20", "/v1/templates",
            "/v1/contacts?phone_number=%2B919876000001", "/v1/campaigns?limit=20"];

    private readonly Installation installation;
    private readonly Customer customer;
    private readonly HttpClient http =
        new(new SocketsHttpHandler { MaxConnectionsPerServer = 64, ConnectTimeout = TimeSpan.FromSeconds(10) }) { Timeout =
            TimeSpan.FromSeconds(30) };
    private int asked;
    private int acknowledged;

    private NormalOrganization(Installation installation, Customer customer) =>
        (this.installation, this.customer) = (installation, customer);

    public static async Task<NormalOrganization> CreateAsync(Installation installation, CancellationToken ct) =>
        new(installation, await Customer.CreateAsync(installation, Contacts, ct));

    /// <summary>
    /// So many requests as fit into the time at its pace; each is begun when it is due, whether or not those before it are answered.
    /// </summary>
    public async Task RunAsync(TimeSpan time, Felt felt, CancellationToken ct)
    {
        var rounds = (int)(time / Every);
        var began = Stopwatch.GetTimestamp();
        var all = new List<Task>();
        for (var round = 0; round < rounds; round++)
        {
            var n = asked++;
            all.Add(AskAsync("messages", felt, () => Message(n), ct));
            all.Add(AskAsync("lists", felt, () => Authorized(HttpMethod.Get, Lists[n % Lists.Length]), ct));
            all.Add(AskAsync("webhooks", felt, () => Webhook(n), ct));
            var due = ((round + 1) * Every) - Stopwatch.GetElapsedTime(began);
            if (due > TimeSpan.Zero)
            {
                await Task.Delay(due, ct);
            }
        }

        await Task.WhenAll(all);
    }

    /// <summary>
    /// Waits until every acknowledged message of a customer is in the log; how long that took, and how many were not there when the
    /// patience ended.
    /// </summary>
    public async Task<(TimeSpan Took, int Behind)> SettledAsync(TimeSpan patience, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var behind = acknowledged;
        await Until.TrueAsync(async token =>
        {
            behind = acknowledged - (int)await installation.NumberAsync(
                "SELECT count(*) FROM mt_events WHERE type = 'message_received' AND data::text LIKE '%wamid.normal.%'", token);
            return behind <= 0;
        }, patience, ct);
        return (Stopwatch.GetElapsedTime(began), Math.Max(0, behind));
    }

    public void Dispose()
    {
        http.Dispose();
        customer.Dispose();
    }

    private async Task AskAsync(string kind, Felt felt, Func<HttpRequestMessage> make, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        string? bad = null;
        try
        {
            using var request = make();
            using var answer = await http.SendAsync(request, ct);
            bad = answer.IsSuccessStatusCode ? null : $"{(int)answer.StatusCode} {Short(await answer.Content.ReadAsStringAsync(ct))}";
            acknowledged += kind == "webhooks" && bad is null ? 1 : 0;
        }
        catch (Exception e)
            when (e is HttpRequestException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            bad = Short(e.Message);
        }

        felt.Add(kind, Stopwatch.GetElapsedTime(began).TotalMilliseconds, bad);
    }

    private static string Short(string text) => text.Length <= 200 ? text : text[..200];

    private HttpRequestMessage Authorized(HttpMethod method, string path) =>
        new(method, installation.ApiUrl + path) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", customer.Key) } };

    private HttpRequestMessage Message(int n)
    {
        var request = Authorized(HttpMethod.Post, "/v1/messages");
        request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
        request.Content = new StringContent(new JsonObject
        {
            ["account_id"] = customer.Account, ["to"] = $"+{919_876_000_000 + (n % Contacts)}", ["type"] = "template",
            ["template"] = new JsonObject
            {
                ["name"] = Customer.TemplateName, ["language"] = new JsonObject { ["code"] = "en" },
                ["components"] =
                new JsonArray(new JsonObject { ["type"] = "body",
                    ["parameters"] = new JsonArray(new JsonObject { ["type"] = "text", ["text"] = "Asha" }) }),
            },
        }.ToJsonString(), Encoding.UTF8, "application/json");
        return request;
    }

    private HttpRequestMessage Webhook(int n) =>
        SignedPost.Of(installation.ApiUrl + "/webhooks/meta",
            SignedPost.Envelope(Customer.WabaId, Customer.PhoneNumberId, string.Create(CultureInfo.InvariantCulture, $$"""
        "contacts":[{"profile":{"name":"Asha"},"wa_id":"{{919_876_000_000 + (n % Contacts)}}"}],"messages":[{"from":"{{919_876_000_000 + (n % Contacts)}}","id":"wamid.normal.{{n}}","timestamp":"{{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}}","type":"text","text":{"body":"Where is my order?"} }]
        """)), installation.AppSecret);
}
