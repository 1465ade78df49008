using System.Globalization;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Charging;

/// <summary>Everybody pays, and nobody sends without a subscription.</summary>
public sealed class RequiredModeApp(StoresFixture stores) : EndToEndApp(stores)
{
    protected override IEnumerable<(string Name, string? Value)> Settings =>
        [.. base.Settings, ("Bsp:Billing:Mode", "required"), ("Bsp:Billing:SubscriptionRequired", "true")];
}

/// <summary>Each way out, with a subscription and a wallet that are there, short, empty and not there.</summary>
public sealed class RequiredModeTests(RequiredModeApp app) : IClassFixture<RequiredModeApp>
{
    private const string Customer = "919876501640";

    [Fact]
    public async Task Nothing_leaves_without_a_subscription_a_wallet_and_a_price_and_everything_with_them()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(4));
        await ReceivedAsync(tenant);
        await RefusedAsync(tenant, "subscription.missing");

        // A trial needs no money: what is missing now is the wallet.
        var plan = await AppFixture.CreatedAsync(app.Platform, "/v1/plans", new { name = "All", code = $"all-{Guid.NewGuid():N}",
            monthly_price = "1", per_message_price = "0" });
        var taken = await tenant.Api.SendAsync("POST", "/v1/subscriptions",
            new { plan_id = plan.GetProperty("id").GetGuid(), trial_days = 7 });
        taken.Status.ShouldBe(201, taken.Text);
        await RefusedAsync(tenant, "wallet.insufficient");
        await app.TopUpAsync(tenant.Id, 0.0015m); // short of one message; an answer costs nothing, it is one of the first thousand
        await RefusedAsync(tenant, "wallet.insufficient", answers: false);

        var campaign = await DraftAsync(tenant);
        var estimate = await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/estimate");
        var missing = decimal.Parse(estimate["missing"].GetString()!, CultureInfo.InvariantCulture);
        missing.ShouldBeGreaterThan(0);
        await app.TopUpAsync(tenant.Id, missing + 0.0016m); // and one message more
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);
        // What is set aside for a campaign under way is nobody else's: one message is left, and no correction takes it away.
        (await app.Client(AppFixture.PlatformKey, tenant.Id).SendAsync("POST", "/v1/wallet/adjustments",
            new { amount = "-0.0017", currency = "USD", reference = "too much" })).ShouldBeProblem(402, "wallet.insufficient");
        (await SendAsync(tenant)).Status.ShouldBe(201);
        (await SendAsync(tenant)).ShouldBeProblem(402, "wallet.insufficient");
        await tenant.CompletedAsync(campaign);
        var reached = (await tenant.EndedAsync(campaign)).Count(m => m.Status is "read" or "delivered");
        reached.ShouldBeGreaterThanOrEqualTo(4);
        var left = await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w =>
            w is { Held: 0, Reserved: 0 } && w.Balance == missing + 0.0031m - ((reached + 1) * 0.0016m),
            "all who were reached are charged");
        (await app.ChargedAsync(tenant.Id)).ShouldBe(((reached + 1) * 0.0016m, reached + 1, 0));
        if (left.Balance > 0)
        {
            (await app.Client(AppFixture.PlatformKey, tenant.Id).SendAsync("POST", "/v1/wallet/adjustments", new
            {
                amount = (-left.Balance).ToString("F6", CultureInfo.InvariantCulture), currency = "USD", reference = "empty",
            })).Status.ShouldBe(201);
        }

        await RefusedAsync(tenant, "wallet.insufficient", answers: false); // empty

        // Whoever is suspended in mid-campaign sends nothing new.
        await app.TopUpAsync(tenant.Id, 1);
        (await app.Client(AppFixture.PlatformKey, tenant.Id).SendAsync("POST", $"{taken.Header("Location")}/suspend")).Status.ShouldBe(200);
        await RefusedAsync(tenant, "subscription.suspended");
    }

    [Fact]
    public async Task What_no_card_has_a_price_for_is_not_sent()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(2));
        await ReceivedAsync(tenant);
        var plan = await AppFixture.CreatedAsync(app.Platform, "/v1/plans", new { name = "All", code = $"all-{Guid.NewGuid():N}",
            monthly_price = "0", per_message_price = "0" });
        (await tenant.Api.SendAsync("POST", "/v1/subscriptions", new { plan_id = plan.GetProperty("id").GetGuid() })).Status.ShouldBe(201);
        await app.TopUpAsync(tenant.Id, 100, "SEK"); // no card is in that currency
        await RefusedAsync(tenant, "rate_card.missing");
        (await app.SeenAsync(tenant.Id, "SEK")).ShouldBe(new Purse.Seen(100, 0, 0));
    }

    // Campaign, single message, answer in the inbox: each is refused with the same code and leaves nothing.
    private async Task RefusedAsync(Tenant tenant, string code, bool answers = true)
    {
        var before = await QueuedAsync(tenant);
        var campaign = await DraftAsync(tenant);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).ShouldBeProblem(402, code);
        (await tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"))["status"].GetString().ShouldBe("DRAFT");
        (await SendAsync(tenant)).ShouldBeProblem(402, code);
        if (!answers)
        {
            (await QueuedAsync(tenant)).ShouldBe(before);
            return;
        }

        var conversation = (await tenant.Api.SendAsync("GET", "/v1/conversations"))["data"][0].GetProperty("id").GetGuid();
        var answer = await tenant.Api.SendAsync("POST", $"/v1/conversations/{conversation}/messages",
            new { type = "text", text = new { body = "Hello" } });
        answer.ShouldBeProblem(402, code);
        (await QueuedAsync(tenant)).ShouldBe(before);
    }

    private Task<string> QueuedAsync(Tenant tenant) =>
        app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND type = 'message_queued'", tenant.Id.ToString());

    private async Task ReceivedAsync(Tenant tenant)
    {
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $$"""
            "messages":[{"from":"{{Customer}}","id":"wamid.{{tenant.Id:N}}","timestamp":"{{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}}",
            "type":"text","text":{"body":"Hello?"} }]
            """))).Status.ShouldBe(200);
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", "/v1/conversations"), c => c["data"].GetArrayLength() > 0,
            "the customer's message is there");
    }

    private static Task<Answer> SendAsync(Tenant tenant) => tenant.Api.SendAsync("POST", "/v1/messages", new
    {
        account_id = tenant.AccountId, to = "+919876501650", type = "template",
        template = new { name = "order_on_its_way", language = new { code = "en" },
            components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } },
    });

    private static async Task<Guid> DraftAsync(Tenant tenant) => (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns", new
    {
        name = "Sale", template_id = tenant.TemplateId, account_id = tenant.AccountId, audience_segment = new { all = true },
        metadata = new { template_parameters = new { body = new[] { "Asha" } } },
    })).GetProperty("id").GetGuid();
}
