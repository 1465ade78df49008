using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;

namespace Bsp.Benchmarks;

/// <summary>An organization with contacts and an approved template, made through the HTTP API as a person would.</summary>
internal sealed class Customer : IDisposable
{
    public const string PhoneNumberId = "106540352242922";
    public const string WabaId = "102290129340398";
    public const string TemplateName = "order_on_its_way";
    private const long FirstNumber = 919_876_000_000;
    private const int MessagingLimit = 2_000_000;
    private const int MessagesPerSecondMax = 10_000;
    private const double SlowestPerSecond = 40;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly BspClient api;
    private readonly string account;
    private readonly string template;

    private Customer(BspClient api, string key, string account, string template, string organization) =>
        (this.api, Key, this.account, this.template, Organization) = (api, key, account, template, organization);

    /// <summary>Its id.</summary>
    public string Organization { get; }

    /// <summary>Its API key, which may do everything.</summary>
    public string Key { get; }

    /// <summary>Id of the connected number.</summary>
    public string Account => account;

    /// <summary>Id of the approved template.</summary>
    public string Template => template;

    /// <summary>Money comes into its wallet.</summary>
    public async Task TopUpAsync(Installation installation, decimal amount, CancellationToken ct)
    {
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey, Organization);
        await platform.PostAsync("/v1/wallet/topups", new JsonObject
        {
            ["amount"] = amount.ToString("F6", CultureInfo.InvariantCulture), ["currency"] = "USD",
                ["reference"] = $"bench-{Guid.NewGuid():N}",
        }, ct);
    }

    /// <param name="messagesPerSecondMax">Of its number.</param>
    public static async Task<Customer> CreateAsync(Installation installation, int contacts, CancellationToken ct,
        int messagesPerSecondMax = MessagesPerSecondMax)
    {
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey);
        var organization =
            Text(await platform.PostAsync("/v1/organizations", new JsonObject { ["name"] = "Bench", ["slug"] = "bench" }, ct), "id");
        using var asPlatform = new BspClient(installation.ApiUrl, installation.PlatformKey, organization);
        var key = Text(await asPlatform.PostAsync("/v1/api-keys", new JsonObject { ["name"] = "bench", ["permissions"] = "admin" }, ct),
            "key");
        var api = new BspClient(installation.ApiUrl, key);
        var account = Text(await api.PostAsync("/v1/accounts", new JsonObject
        {
            ["phone_number_id"] = PhoneNumberId, ["phone_number"] = "+14155552671", ["display_name"] = "Bench", ["meta_waba_id"] = WabaId,
            ["messaging_limit"] = MessagingLimit, ["messages_per_second_max"] = messagesPerSecondMax,
            ["credentials"] = new JsonObject { ["access_token"] = "bench-token" },
        }, ct), "id");
        await api.PostAsync($"/v1/accounts/{account}/connect", null, ct);
        var template = Text(await api.PostAsync("/v1/templates", new JsonObject
        {
            ["account_id"] = account, ["name"] = TemplateName, ["category"] = "UTILITY", ["language"] = "en",
            ["components"] =
            new JsonObject { ["body"] =
                new JsonObject { ["text"] = "Good news, {{1}}: your order is on its way and arrives tomorrow.",
                    ["example"] = new JsonArray("Asha") } },
        }, ct), "id");
        await api.PostAsync($"/v1/templates/{template}/submit", null, ct);
        var customer = new Customer(api, key, account, template, organization);
        await customer.ImportAsync(contacts, ct);
        await customer.UntilAsync("the template is approved", async token =>
            Text(await api.GetAsync($"/v1/templates/{template}", token), "status") == "APPROVED", ct);
        return customer;
    }

    /// <summary>Creates a campaign to all contacts; returns its id.</summary>
    public async Task<string> CreateCampaignAsync(CancellationToken ct) => Text(await api.PostAsync("/v1/campaigns", new JsonObject
    {
        ["name"] = $"bench {Guid.NewGuid():N}", ["type"] = "BROADCAST", ["template_id"] = template, ["account_id"] = account,
            ["audience_segment"] = new JsonObject { ["all"] = true },
        ["metadata"] =
        new JsonObject { ["template_parameters"] = new JsonObject { ["body"] = new JsonArray("{{contact.first_name|there}}") } },
    }, ct), "id");

    public Task LaunchAsync(string campaign, CancellationToken ct) => api.PostAsync($"/v1/campaigns/{campaign}/launch", null, ct);

    /// <summary>
    /// Waits until so many recipients reached the state (<c>sent</c>, <c>delivered</c>; cumulative), as the API shows it.
    /// </summary>
    public Task ReachAsync(string campaign, string state, int count, CancellationToken ct) =>
        UntilAsync($"{count} {state}", async token =>
            (await api.GetAsync($"/v1/campaigns/{campaign}/progress", token))[state]!.GetValue<int>() >= count, ct, count);

    public void Dispose() => api.Dispose();

    private async Task ImportAsync(int contacts, CancellationToken ct)
    {
        var csv = new StringBuilder("phone_number,first_name,last_name,email,consent_status\n");
        for (var i = 0; i < contacts; i++)
        {
            csv.AppendLine(CultureInfo.InvariantCulture, $"+{FirstNumber + i},Asha{i % 10},Rao,contact{i}@example.com,OPTED_IN");
        }

        var import = Text(await api.PostCsvAsync("/v1/contacts/import", csv.ToString(), ct), "id");
        await UntilAsync("the contacts are imported", async token =>
            (await api.GetAsync($"/v1/imports/{import}", token))["done"]?.GetValue<int>() >= contacts, ct);
    }

    private async Task UntilAsync(string what, Func<CancellationToken, Task<bool>> condition, CancellationToken ct, int count = 0)
    {
        var patience = Patience + TimeSpan.FromSeconds(count / SlowestPerSecond);
        if (!await Until.TrueAsync(condition, patience, ct))
        {
            throw new Obstacle($"In {patience.TotalSeconds:0} s it did not come about that {what}.");
        }
    }

    private static string Text(JsonNode body, string name) =>
        body[name]?.GetValue<string>() ?? throw new Obstacle($"The API answered without {name}: {body.ToJsonString()}");
}
