using System.Net.Http.Json;
using Bsp.IntegrationTests.Common;
using Bsp.MetaSimulator;

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
        await WaitsAsync(tenant, first, 20);

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

        // Meanwhile Redis forgets everything, and the campaign is paused and goes on.
        await app.AdminRedisAsync(redis => redis.ExecuteAsync("FLUSHALL"));
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{first}/pause", new { reason = "wait" })).Status.ShouldBe(200);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{first}/resume")).Status.ShouldBe(200);

        await tenant.CompletedAsync(first);
        await tenant.CompletedAsync(second);
        foreach (var campaign in (Guid[])[first, second])
        {
            await ReadAsync(tenant, campaign, 50);
            var members = await tenant.EndedAsync(campaign);
            members.Count.ShouldBe(50);
            members.ShouldAllBe(m => m.Status == "read" && m.Attempts == 1);
            (await app.Views.AgreeAsync(tenant, campaign)).ShouldBe("50 50 50 0");
        }

        app.Meta.State.Reached(ShortDayApp.Day).Single(r => r.Portfolio == tenant.Business).Most.ShouldBeInRange(1, 30);
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/messages/{single["id"].GetString()}"),
            m => m.Status == 200 && m["status"].GetString() == "read", "the single message was sent, too");
    }

    [Fact]
    public async Task A_raised_limit_lets_those_who_wait_go_on_at_once_and_the_places_of_the_refused_go_to_others()
    {
        using var tenant = await LimitedAsync(10);
        await tenant.ImportAsync([.. Tenant.PlainNumbers(20), "+919870000001", "+919870000006"]); // the last two reach nobody
        var campaign = await tenant.LaunchAsync();
        await WaitsAsync(tenant, campaign, 1);
        var began = app.Meta.State.Messages().Count(m => m.PhoneNumberId == tenant.PhoneNumberId && m.RefusedWith is null);
        using var control = new HttpClient { BaseAddress = app.Meta.BaseUrl };
        (await control.PostAsJsonAsync("/_control/webhook", new
        {
            waba_id = tenant.WabaId, field = "business_capability_update", value = new { max_daily_conversations_per_business = "TIER_2K" },
        })).EnsureSuccessStatusCode();
        await tenant.CompletedAsync(campaign);
        await ReadAsync(tenant, campaign, 20);
        var members = await tenant.EndedAsync(campaign);
        (members.Count(m => m.Status == "read"), members.Count(m => m.Status is "failed" or "rejected")).ShouldBe((20, 2));
        began.ShouldBeLessThan(22);
        (await tenant.Api.SendAsync("GET", $"/v1/accounts/{tenant.AccountId}"))["messaging_limit"].GetInt32().ShouldBe(2_000);
    }

    [Fact]
    public async Task A_campaign_may_pass_over_those_beyond_the_limit_and_its_end_is_an_end()
    {
        using var tenant = await LimitedAsync(5);
        await tenant.ImportAsync(Tenant.PlainNumbers(9));
        var skipping = await tenant.LaunchAsync(more: new { on_limit = "skip" });
        await tenant.CompletedAsync(skipping);
        await ReadAsync(tenant, skipping, 5);
        var members = await tenant.EndedAsync(skipping);
        members.Count(m => m.Status == "read").ShouldBe(5);
        members.Where(m => m.Status == "skipped").Select(m => m.Reason).ShouldBe(Enumerable.Repeat("limit", 4));

        // The same five have their places already; the others' time is over before there is room for them.
        var ending = await tenant.LaunchAsync(more: new { send_until = DateTimeOffset.UtcNow.AddSeconds(6) });
        await WaitsAsync(tenant, ending, 4);
        await tenant.CompletedAsync(ending);
        await ReadAsync(tenant, ending, 5);
        members = await tenant.EndedAsync(ending);
        members.Count(m => m.Status == "read").ShouldBe(5);
        members.Where(m => m.Status == "skipped").Select(m => m.Reason).ShouldBe(Enumerable.Repeat("send_until", 4));
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
        (await app.Views.AgreeAsync(tenant, campaign)).ShouldBe("1 1 0 1");
    }

    [Fact]
    public async Task A_portfolio_that_nobody_counts_is_counted_from_the_log()
    {
        using var tenant = await LimitedAsync(8);
        await tenant.ImportAsync(Tenant.PlainNumbers(8));
        await tenant.CompletedAsync(await tenant.LaunchAsync());
        await app.AdminAsync("DELETE FROM bsp.reached WHERE organization_id = $1", tenant.Id);
        await app.AdminAsync("DELETE FROM bsp.portfolios WHERE organization_id = $1", tenant.Id);
        await tenant.ImportAsync(["+919876599111"]);
        var next = await tenant.LaunchAsync();
        await WaitsAsync(tenant, next, 1); // the eight are known again, and the ninth waits
        await tenant.CompletedAsync(next);
        app.Meta.State.Reached(ShortDayApp.Day).Single(r => r.Portfolio == tenant.Business).Most.ShouldBeInRange(1, 8);
    }

    [Fact]
    public async Task While_Meta_holds_a_template_the_rest_waits_and_goes_on_when_it_is_released()
    {
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 5);
        app.Meta.State.Options = app.Meta.State.Options with { HoldMs = 4_000 };
        await tenant.ImportAsync(["+919872000011"]); // the first of the audience
        await tenant.ImportAsync(Tenant.PlainNumbers(30));
        var campaign = await tenant.LaunchAsync();
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"),
            c => c["waits_for"].ToString() == "waiting_for_template", "the campaign waits for the verdict");
        await tenant.CompletedAsync(campaign);
        await ReadAsync(tenant, campaign, 31);
        (await tenant.EndedAsync(campaign)).ShouldAllBe(m => m.Status == "read" && m.Attempts == 1);
    }

    [Fact]
    public async Task A_template_that_Meta_drops_fails_a_few_and_pauses_the_campaign_before_the_rest()
    {
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 5);
        app.Meta.State.Options = app.Meta.State.Options with { HoldMs = 500 };
        await tenant.ImportAsync(["+919872000022"]); // the first of the audience
        await tenant.ImportAsync(Tenant.PlainNumbers(300));
        var campaign = await tenant.LaunchAsync();
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"),
            c => c["status"].GetString() == "PAUSED", "the campaign is paused");
        (await tenant.MembersAsync(campaign)).Count(m => m.Status is "queued" or "pending" or "waiting_for_template")
            .ShouldBeGreaterThan(50);
    }

    [Fact]
    public async Task Two_people_of_one_organization_do_not_wait_for_hundreds_of_another()
    {
        using var crowd = await app.NewTenantAsync(messagesPerSecondMax: 20);
        using var few = await app.NewTenantAsync(messagesPerSecondMax: 20);
        await crowd.ImportAsync(Tenant.PlainNumbers(400));
        await few.ImportAsync(Tenant.PlainNumbers(2));
        var large = await crowd.LaunchAsync();
        await crowd.SentAsync(large, 20);
        var small = await few.LaunchAsync();
        await few.SentAsync(small, 2);
        (await crowd.ProgressAsync(large))["sent"].GetInt32().ShouldBeLessThan(400);
        (await crowd.Api.SendAsync("POST", $"/v1/campaigns/{large}/cancel", new { reason = "seen" })).Status.ShouldBe(200);
    }

    private static object Text => new { body = new { text = "Good news, {{1}}: your order is on its way.", example = new[] { "Asha" } } };

    // Delivered is an end, too: of some it is the last that is heard.
    private static Task ReadAsync(Tenant tenant, Guid campaign, int people) =>
        Patience.UntilAsync(() => tenant.MembersAsync(campaign), m => m.Count(x => x.Status == "read") >= people, $"{people} have read");

    private static Task WaitsAsync(Tenant tenant, Guid campaign, int people) =>
        Patience.UntilAsync(() => tenant.ProgressAsync(campaign),
            p => p["waits_for"].ValueKind != System.Text.Json.JsonValueKind.Null && p["waits_for"].GetString() == "waiting_for_limit"
                && p["waiting"].GetInt32() >= people, $"{people} wait for room");

    // Meta says "unlimited" when the number is connected; the limit is told afterwards.
    private async Task<Tenant> LimitedAsync(int limit)
    {
        var tenant = await app.NewTenantAsync();
        await tenant.JoinPortfolioAsync(app.Meta);
        (await tenant.Api.SendAsync("PATCH", $"/v1/accounts/{tenant.AccountId}", new { messaging_limit = limit })).Status.ShouldBe(200);
        return tenant;
    }
}
