using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>What Meta calls a day lasts twenty seconds here.</summary>
public sealed class ShortDayApp(StoresFixture stores) : EndToEndApp(stores)
{
    public static readonly TimeSpan Day = TimeSpan.FromSeconds(20);

    protected override IEnumerable<(string Name, string? Value)> Settings =>
        [.. base.Settings, ("Bsp:Sending:DaySeconds", "20")];
}

/// <summary>Unique users in a moving day, of all numbers of a portfolio together; who is beyond waits, and is sent to.</summary>
public sealed class MessagingLimitTests(ShortDayApp app) : IClassFixture<ShortDayApp>
{
    [Fact]
    public async Task Numbers_of_a_portfolio_share_its_limit_and_whoever_is_beyond_it_is_sent_to_when_there_is_room()
    {
        using var tenant = await LimitedAsync(30);
        var other = await tenant.NewAccountAsync(app.Meta, limit: 30);
        var otherTemplate = await tenant.NewTemplateAsync("order_on_its_way", Text, account: other.Account);
        await tenant.ImportAsync(Tenant.PlainNumbers(50));
        var first = await tenant.LaunchAsync();
        await Limits.WaitsAsync(tenant, first, 20);

        // Meanwhile the campaign is paused and goes on, and Redis forgets everything.
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{first}/pause", new { reason = "wait" })).Status.ShouldBe(200);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{first}/resume")).Status.ShouldBe(200);
        var second = await tenant.LaunchAsync(otherTemplate, account: other.Account);
        var single = await tenant.Api.SendAsync("POST", "/v1/messages", new
        {
            account_id = other.Account, to = Tenant.PlainNumbers(50)[45], type = "template",
            template = new { name = "order_on_its_way", language = new { code = "en" },
                components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } },
        });
        single.Status.ShouldBe(201, single.Text);
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/messages/{single["id"].GetString()}"),
            m => m.Status == 200 && m["status_exact"].GetString() is "waiting_for_limit" or "read" or "delivered",
            "the single message waits");
        var waiting = (await tenant.MembersAsync(first)).Where(m => m.Status == "waiting_for_limit").ToList();
        waiting.ShouldAllBe(m => m.Attempts == 0);

        await app.AdminRedisAsync(redis => redis.ExecuteAsync("FLUSHALL"));

        await tenant.CompletedAsync(first);
        await tenant.CompletedAsync(second);
        foreach (var campaign in (Guid[])[first, second])
        {
            var members = await tenant.ReadAsync(campaign);
            members.Count.ShouldBe(50);
            members.ShouldAllBe(m => m.Attempts == 1);
            await app.Views.AgreeAsync(tenant, campaign, "50 50 50 0");
        }

        app.Meta.State.Reached(ShortDayApp.Day).Single(r => r.Portfolio == tenant.Business).Most.ShouldBeInRange(1, 30);
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/messages/{single["id"].GetString()}"),
            m => m.Status == 200 && m["status"].GetString() == "read", "the single message was sent, too");
    }

    [Fact]
    public async Task Whom_Metas_cap_keeps_from_marketing_is_tried_once_more_after_a_day_and_then_it_ends()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(["+919871110007", "+919871110004"]);
        var campaign = await tenant.LaunchAsync();
        var capped = await Patience.UntilAsync(() => tenant.MembersAsync(campaign),
            m => m.Any(x => x.Status == "waiting_for_user_cap"), "the capped person waits");
        capped.Single(m => m.Status == "waiting_for_user_cap").Attempts.ShouldBe(1);
        await Patience.UntilAsync(() => tenant.ProgressAsync(campaign), p => p["waiting"].GetInt32() == 1 && p["failed"].GetInt32() == 0,
            "progress shows who waits");
        var ended = await Patience.UntilAsync(() => tenant.MembersAsync(campaign), m => m.Any(x => x.Status == "failed"), "it ends");
        var failed = ended.Single(m => m.Status == "failed");
        (failed.Attempts, failed.Reason!.Split(' ')[0]).ShouldBe((2, "131049"));
        app.Meta.State.CountOfCallback($"{failed.MessageId}").ShouldBe((2, 2));
        await app.Views.AgreeAsync(tenant, campaign, "1 1 0 1");
    }

    private static object Text => new { body = new { text = "Good news, {{1}}: your order is on its way.", example = new[] { "Asha" } } };

    private Task<Tenant> LimitedAsync(int limit) => Limits.TenantAsync(app, limit);
}
