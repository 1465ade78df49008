using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;

namespace Bsp.Benchmarks;

/// <summary>An organization with numbers, each with an approved template, and the same contacts for all its campaigns.</summary>
internal sealed class SendingTenant : IDisposable
{
    private const int CampaignsMax = 8; // of a number, made in advance so that a launch is one request
    private static int made;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly BspClient api;
    private readonly List<Queue<string>> planned = [];
    private readonly Dictionary<int, string> running = [];

    private SendingTenant(BspClient api, string organization) => (this.api, Organization) = (api, organization);

    /// <summary>Its id.</summary>
    public string Organization { get; }

    /// <summary>As an administrator of it.</summary>
    public BspClient Api => api;

    /// <summary>Campaigns that were launched last, one a number.</summary>
    public IReadOnlyCollection<string> Running => running.Values;

    /// <param name="mpsLimit">What the simulator lets each number send in a second; null: as much as it likes.</param>
    public static async Task<SendingTenant> CreateAsync(Installation installation, Simulated simulator, string slug, int numbers,
        int people, int perSecond, int? mpsLimit, CancellationToken ct)
    {
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey);
        var organization = Text(await platform.PostAsync("/v1/organizations",
            new JsonObject { ["name"] = slug, ["slug"] = slug }, ct), "id");
        using var founder = new BspClient(installation.ApiUrl, installation.PlatformKey, organization);
        var key = Text(await founder.PostAsync("/v1/api-keys",
            new JsonObject { ["name"] = "bench", ["permissions"] = "admin" }, ct), "key");
        var own = new SendingTenant(new(installation.ApiUrl, key), organization);
        await own.ImportAsync(people, ct);
        for (var i = 0; i < numbers; i++)
        {
            await own.NumberAsync(simulator, perSecond, mpsLimit, ct);
        }

        return own;
    }

    /// <summary>A further campaign on each of these numbers.</summary>
    public Task LaunchAsync(int[] numbers, CancellationToken ct) => Task.WhenAll(numbers.Select(async i =>
    {
        running[i] = planned[i].Dequeue();
        await VerbAsync(i, "launch", ct);
    }));

    public Task VerbAsync(int number, string verb, CancellationToken ct) =>
        api.PostAsync($"/v1/campaigns/{running[number]}/{verb}",
            verb is "pause" or "cancel" ? new JsonObject { ["reason"] = "bench" } : null, ct);

    public Task ReachAsync(int number, string state, int count, CancellationToken ct) => UntilAsync($"{count} {state}", async () =>
        (await api.GetAsync($"/v1/campaigns/{running[number]}/progress", ct))[state]!.GetValue<int>() >= count, ct);

    public void Dispose() => api.Dispose();

    private async Task NumberAsync(Simulated simulator, int perSecond, int? mpsLimit, CancellationToken ct)
    {
        var n = Interlocked.Increment(ref made);
        var (number, waba, token) = ($"83000000000{n:000}", $"84000000000{n:000}", $"sending-{n}");
        await simulator.AccountAsync(waba, number, waba, token, ct, mpsLimit);
        var account = Text(await api.PostAsync("/v1/accounts", new JsonObject
        {
            ["phone_number_id"] = number, ["phone_number"] = $"+141555520{n:00}", ["display_name"] = "Bench", ["meta_waba_id"] = waba,
            ["messages_per_second_max"] = perSecond, ["credentials"] = new JsonObject { ["access_token"] = token },
        }, ct), "id");
        await api.PostAsync($"/v1/accounts/{account}/connect", null, ct);
        var template = Text(await api.PostAsync("/v1/templates", new JsonObject
        {
            ["account_id"] = account, ["name"] = Customer.TemplateName, ["category"] = "UTILITY", ["language"] = "en",
            ["components"] = new JsonObject { ["body"] = new JsonObject { ["text"] = "Good news, {{1}}: your order is on its way.",
                ["example"] = new JsonArray("Asha") } },
        }, ct), "id");
        await api.PostAsync($"/v1/templates/{template}/submit", null, ct);
        await UntilAsync("the template is approved", async () =>
            Text(await api.GetAsync($"/v1/templates/{template}", ct), "status") == "APPROVED", ct);
        var campaigns = new Queue<string>();
        for (var i = 0; i < CampaignsMax; i++)
        {
            campaigns.Enqueue(Text(await api.PostAsync("/v1/campaigns", new JsonObject
            {
                ["name"] = $"bench {n}.{i}", ["template_id"] = template, ["account_id"] = account,
                ["audience_segment"] = new JsonObject { ["all"] = true },
                ["metadata"] = new JsonObject { ["template_parameters"] = new JsonObject
                {
                    ["body"] = new JsonArray("{{contact.first_name|there}}"),
                } },
            }, ct), "id"));
        }

        planned.Add(campaigns);
    }

    private async Task ImportAsync(int people, CancellationToken ct)
    {
        var csv = new StringBuilder("phone_number,first_name,consent_status\n");
        for (var i = 0; i < people; i++)
        {
            csv.AppendLine(CultureInfo.InvariantCulture, $"+{919_860_000_000 + i},Asha,OPTED_IN");
        }

        var import = Text(await api.PostCsvAsync("/v1/contacts/import", csv.ToString(), ct), "id");
        await UntilAsync("the contacts are imported", async () =>
            Text(await api.GetAsync($"/v1/imports/{import}", ct), "status") == "completed", ct);
    }

    private static async Task UntilAsync(string what, Func<Task<bool>> condition, CancellationToken ct)
    {
        if (!await Until.TrueAsync(_ => condition(), Patience, ct))
        {
            throw new Obstacle($"In {Patience.TotalSeconds:0} s it did not come about that {what}.");
        }
    }

    private static string Text(JsonNode body, string name) =>
        body[name]?.GetValue<string>() ?? throw new Obstacle($"The API answered without {name}: {body.ToJsonString()}");
}
