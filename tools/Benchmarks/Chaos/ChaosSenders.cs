using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;

namespace Bsp.Benchmarks.Chaos;

/// <summary>An organization with four numbers of one portfolio, a quarter of the recipients and a campaign for each.</summary>
internal sealed class ChaosSenders : IDisposable
{
    private const int Numbers = 4;
    private const int WithHours = 1;    // the campaign that is worked through zone by zone
    private const int WithVariants = 2; // the one with two templates
    private const string Business = "880000000000001";
    private const int MessagesPerSecondMax = 200;
    private const long FirstNumber = 919_830_000_000;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly Installation installation;
    private readonly string key;
    private readonly List<string> campaigns = [];

    private ChaosSenders(Installation installation, string key, string organization) =>
        (this.installation, this.key, Organization) = (installation, key, organization);

    public string Organization { get; }

    public IReadOnlyList<string> Campaigns => campaigns;

    /// <summary>The portfolio, as the simulator knows it.</summary>
    public static string Portfolio => Business;

    public int Each { get; private set; }

    public static async Task<ChaosSenders> CreateAsync(Installation installation, Simulated simulator, int recipients, int limit,
        CancellationToken ct)
    {
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey);
        var organization = Text(await platform.PostAsync("/v1/organizations",
            new JsonObject { ["name"] = "Chaos", ["slug"] = "chaos", ["meta_business_id"] = Business }, ct), "id");
        using var founder = new BspClient(installation.ApiUrl, installation.PlatformKey, organization);
        var key = Text(await founder.PostAsync("/v1/api-keys",
            new JsonObject { ["name"] = "chaos", ["permissions"] = "admin" }, ct), "key");
        var own = new ChaosSenders(installation, key, organization) { Each = recipients / Numbers };
        await own.ImportAsync(ct);
        for (var i = 0; i < Numbers; i++)
        {
            own.campaigns.Add(await own.CampaignAsync(simulator, i, ct));
        }

        // Meta says "unlimited" when a number is connected; what it is is told afterwards, to all numbers of the portfolio.
        await simulator.WebhookAsync(Waba(0), "business_capability_update",
            new JsonObject { ["max_daily_conversations_per_business"] = limit }, ct);
        await own.UntilAsync("the limit is known", async () => await installation.NumberAsync(
            $"SELECT count(*) FROM whatsapp_accounts WHERE messaging_limit = {limit}", ct) == Numbers, ct);
        return own;
    }

    public async Task LaunchAsync(CancellationToken ct)
    {
        foreach (var campaign in campaigns)
        {
            await PersistentlyAsync(api => api.PostAsync($"/v1/campaigns/{campaign}/launch", null, ct), ct);
        }
    }

    /// <summary>The same for all campaigns, whichever process is alive; one that has ended cannot be paused.</summary>
    public async Task EachAsync(string verb, CancellationToken ct)
    {
        foreach (var campaign in campaigns)
        {
            try
            {
                await PersistentlyAsync(api => api.PostAsync($"/v1/campaigns/{campaign}/{verb}",
                    verb == "pause" ? new JsonObject { ["reason"] = "chaos" } : null, ct), ct);
            }
            catch (Obstacle ended) when (ended.Message.Contains("campaign.not_", StringComparison.Ordinal))
            {
            }
        }
    }

    public Task<JsonNode> GetAsync(string path, CancellationToken ct) => PersistentlyAsync(api => api.GetAsync(path, ct), ct);

    public void Dispose() => campaigns.Clear();

    // One of the processes may be dead, or PostgreSQL away: asked again, of the other.
    private async Task<JsonNode> PersistentlyAsync(Func<BspClient, Task<JsonNode>> ask, CancellationToken ct)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var api = new BspClient(installation.ApiUrls[attempt % installation.ApiUrls.Count], key);
                return await ask(api);
            }
            catch (Obstacle away) when (attempt < 300 && (away.Message.Contains("does not answer", StringComparison.Ordinal)
                || away.Message.Contains("store.", StringComparison.Ordinal) || away.Message.Contains("503", StringComparison.Ordinal)))
            {
                await Task.Delay(200, ct);
            }
        }
    }

    private static string Waba(int i) => $"8100000000000{i}";

    private async Task<string> CampaignAsync(Simulated simulator, int i, CancellationToken ct)
    {
        using var api = new BspClient(installation.ApiUrl, key);
        var (number, token) = ($"8200000000000{i}", $"chaos-token-{i}");
        await simulator.AccountAsync(Waba(i), number, Business, token, ct);
        var account = Text(await api.PostAsync("/v1/accounts", new JsonObject
        {
            ["phone_number_id"] = number, ["phone_number"] = $"+1415555010{i}", ["display_name"] = "Chaos", ["meta_waba_id"] = Waba(i),
            ["messages_per_second_max"] = MessagesPerSecondMax, ["credentials"] = new JsonObject { ["access_token"] = token },
        }, ct), "id");
        await api.PostAsync($"/v1/accounts/{account}/connect", null, ct);
        var template = await TemplateAsync(api, account, Customer.TemplateName, "Good news, {{1}}: your order is on its way.", ct);
        return Text(await api.PostAsync("/v1/campaigns", new JsonObject
        {
            ["sending_hours"] = i == WithHours ? AllDays() : null,
            ["variants"] = i != WithVariants ? null : new JsonArray(new JsonObject { ["template_id"] = template, ["share"] = 1 },
                new JsonObject
            {
                ["template_id"] = await TemplateAsync(api, account, Customer.TemplateName + "_b", "Hello {{1}}, your order left us today.",
                    ct),
                ["share"] = 2,
            }),
            ["name"] = $"chaos {i}", ["template_id"] = template, ["account_id"] = account,
            ["audience_segment"] = new JsonObject { ["filter"] = new JsonObject { ["all"] = new JsonArray(new JsonObject
            {
                ["field"] = "tags", ["op"] = "has", ["value"] = $"part{i}",
            }) } },
            ["metadata"] = new JsonObject { ["template_parameters"] = new JsonObject
            {
                ["body"] = new JsonArray("{{contact.first_name}}"),
            } },
        }, ct), "id");
    }

    // By zones and their cursors, though no hour is closed.
    private static JsonObject AllDays() => new() { ["days"] = new JsonArray("mon", "tue", "wed", "thu", "fri", "sat", "sun") };

    private async Task<string> TemplateAsync(BspClient api, string account, string name, string text, CancellationToken ct)
    {
        var template = Text(await api.PostAsync("/v1/templates", new JsonObject
        {
            ["account_id"] = account, ["name"] = name, ["category"] = "UTILITY", ["language"] = "en",
            ["components"] = new JsonObject { ["body"] = new JsonObject { ["text"] = text, ["example"] = new JsonArray("Asha") } },
        }, ct), "id");
        await api.PostAsync($"/v1/templates/{template}/submit", null, ct);
        await UntilAsync("the template is approved", async () =>
            Text(await GetAsync($"/v1/templates/{template}", ct), "status") == "APPROVED", ct);
        return template;
    }

    private async Task ImportAsync(CancellationToken ct)
    {
        using var api = new BspClient(installation.ApiUrl, key);
        var csv = new StringBuilder("phone_number,first_name,consent_status,tags\n");
        for (var i = 0; i < Each * Numbers; i++)
        {
            csv.AppendLine(CultureInfo.InvariantCulture, $"+{FirstNumber + i},Asha,OPTED_IN,part{i % Numbers}");
        }

        var import = Text(await api.PostCsvAsync("/v1/contacts/import", csv.ToString(), ct), "id");
        await UntilAsync("the contacts are imported", async () =>
            Text(await GetAsync($"/v1/imports/{import}", ct), "status") == "completed", ct);
    }

    private async Task UntilAsync(string what, Func<Task<bool>> condition, CancellationToken ct)
    {
        if (!await Until.TrueAsync(_ => condition(), Patience, ct))
        {
            throw new Obstacle($"In {Patience.TotalSeconds:0} s it did not come about that {what}.");
        }
    }

    private static string Text(JsonNode body, string name) =>
        body[name]?.GetValue<string>() ?? throw new Obstacle($"The API answered without {name}: {body.ToJsonString()}");
}
