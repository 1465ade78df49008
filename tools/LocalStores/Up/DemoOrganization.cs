using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Up;

/// <summary>
/// An organization ready to launch a campaign, made through the HTTP API alone: account, approved template, plan, subscription, a topped-up
/// wallet, 1,000 contacts.
/// </summary>
internal sealed record DemoOrganization(string OrgId, string ApiKey, string AccountId, string TemplateId)
{
    public const int Contacts = 1_000;

    // Not the last four digits 0001 to 0999, among which the simulator has its magic numbers.
    private const long FirstNumber = 919_876_501_000;
    private const string Currency = "USD";
    private const string TopUp = "500.000000";
    private const int MessagingLimit = 100_000;
    private const int MessagesPerSecondMax = 1_000;
    private static readonly TimeSpan ApprovalPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ImportPatience = TimeSpan.FromMinutes(2);
    private static readonly string[] FirstNames = ["Asha", "Bilal", "Chen", "Dora", "Emeka", "Fatima", "Goran", "Hana", "Ivo", "Joana"];
    private static readonly string[] LastNames = ["Rao", "Khan", "Wei", "Lind", "Okafor", "Haddad", "Petrov", "Sato", "Novak", "Silva"];

    /// <summary>The one an earlier start made, when it is still there.</summary>
    public static async Task<DemoOrganization?> FindAsync(RunFile? earlier, string url, CancellationToken ct)
    {
        if (earlier is null)
        {
            return null;
        }

        using var api = new BspClient(url, earlier.ApiKey);
        return await api.SeesAsync($"/v1/templates/{earlier.TemplateId}", ct)
            ? new(earlier.OrgId, earlier.ApiKey, earlier.AccountId, earlier.TemplateId) : null;
    }

    /// <summary>
    /// Makes a new one. Every unique name carries a random mark, so that one left half made by a kill is in nobody's way.
    /// </summary>
    public static async Task<DemoOrganization> CreateAsync(string url, string platformKey, CancellationToken ct)
    {
        var mark = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
        using var platform = new BspClient(url, platformKey);
        var organization =
            Id(await platform.PostAsync("/v1/organizations",
                new JsonObject { ["name"] = "Demo Shop", ["slug"] = $"demo-{mark}",
                    ["settings"] = new JsonObject { ["default_country"] = "IN" } }, ct));
        using var asPlatform = new BspClient(url, platformKey, organization);
        var key = await asPlatform.PostAsync("/v1/api-keys", new JsonObject { ["name"] = "demo", ["permissions"] = "admin" }, ct);
        var secret = Text(key, "key") ?? throw new Obstacle("POST /v1/api-keys answered without the key.");

        using var api = new BspClient(url, secret);
        await SubscribeAsync(url, platformKey, organization, api, ct);
        var account = Id(await api.PostAsync("/v1/accounts", Account(), ct));
        await api.PostAsync($"/v1/accounts/{account}/connect", null, ct);
        var template = Id(await api.PostAsync("/v1/templates", Template(account), ct));
        await api.PostAsync($"/v1/templates/{template}/submit", null, ct);
        await ImportAsync(api, ct);
        await api.PatchAsync("/v1/ai/settings", new JsonObject { ["analysis"] = true }, ct); // by the embedded reader: no key, no network
        if (!await Until.TrueAsync(async token =>
            Text(await api.GetAsync($"/v1/templates/{template}", token), "status") == "APPROVED", ApprovalPatience, ct))
        {
            throw new Obstacle("The demo template was not approved within 30 s: see .local/logs/simulator.log and .local/logs/api.log.");
        }

        return new(organization, secret, account, template);
    }

    /// <summary>Gives it money and a plan, unless it has one: a demo of a release before there were any goes on as it is.</summary>
    public static async Task SubscribeAsync(string url, string platformKey, string organization, BspClient api, CancellationToken ct)
    {
        if ((await api.GetAsync("/v1/subscriptions?limit=1", ct))["data"] is JsonArray { Count: > 0 })
        {
            return;
        }

        var mark = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
        using var platform = new BspClient(url, platformKey);
        using var asPlatform = new BspClient(url, platformKey, organization);
        await asPlatform.PostAsync("/v1/wallet/topups", new JsonObject
        {
            ["amount"] = TopUp, ["currency"] = Currency, ["reference"] = $"demo-{mark}", ["description"] = "Money to try things with",
        }, ct);
        var plan = Id(await platform.PostAsync("/v1/plans", Plan(mark), ct));
        await api.PostAsync("/v1/subscriptions", new JsonObject { ["plan_id"] = plan }, ct);
    }

    private static async Task ImportAsync(BspClient api, CancellationToken ct)
    {
        var import = Id(await api.PostCsvAsync("/v1/contacts/import", Csv(), ct));
        JsonNode state = new JsonObject();
        var whole = await Until.TrueAsync(async token =>
        {
            state = await api.GetAsync($"/v1/imports/{import}", token);
            return Number(state, "done") + Number(state, "rejected") >= Contacts;
        }, ImportPatience, ct);
        if (!whole || Number(state, "rejected") > 0)
        {
            throw new Obstacle($"The demo contacts were not all imported: {state.ToJsonString()}");
        }
    }

    private static string Csv()
    {
        var csv = new StringBuilder("phone_number,first_name,last_name,email,consent_status,tags\n");
        for (var i = 0; i < Contacts; i++)
        {
            csv.AppendLine(CultureInfo.InvariantCulture,
                $"+{FirstNumber + i},{FirstNames[i % 10]},{LastNames[i / 10 % 10]},contact{i}@example.com,OPTED_IN,demo");
        }

        return csv.ToString();
    }

    private static JsonObject Plan(string mark) => new()
    {
        ["name"] = "Demo", ["code"] = $"demo-{mark}", ["monthly_price"] = "49.000000", ["per_message_price"] = "0.005000",
            ["included_messages"] = 1_000, ["currency"] = Currency,
    };

    // Ids as Meta's: fifteen digits, unique on the platform.
    private static JsonObject Account() => new()
    {
        ["phone_number_id"] = MetaId(), ["phone_number"] = "+14155552671", ["display_name"] = "Demo Shop", ["meta_waba_id"] = MetaId(),
        ["messaging_limit"] = MessagingLimit, ["messages_per_second_max"] = MessagesPerSecondMax,
        ["credentials"] = new JsonObject { ["access_token"] = $"demo-{Secret.Create()}" },
    };

    private static JsonObject Template(string account) => new()
    {
        ["account_id"] = account, ["name"] = "order_on_its_way", ["category"] = "UTILITY", ["language"] = "en",
        ["components"] = new JsonObject
        {
            ["body"] = new JsonObject { ["text"] = "Good news, {{1}}: your order is on its way and arrives tomorrow.",
                ["example"] = new JsonArray("Asha") },
            ["footer"] = new JsonObject { ["text"] = "Demo Shop" },
        },
    };

    private static string MetaId() =>
        $"{RandomNumberGenerator.GetInt32(100, 1_000)}{RandomNumberGenerator.GetInt32(100_000, 1_000_000)}{RandomNumberGenerator.GetInt32(100_000, 1_000_000)}";

    private static string Id(JsonNode body) =>
        Text(body, "id") ?? throw new Obstacle($"The API answered without an id: {body.ToJsonString()}");

    private static string? Text(JsonNode body, string name) => body[name]?.GetValue<string>();

    private static int Number(JsonNode body, string name) => body[name]?.GetValue<int>() ?? 0;
}
