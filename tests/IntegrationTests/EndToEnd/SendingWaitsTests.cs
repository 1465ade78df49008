using System.Net.Http.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>What the tests of the messaging limit share.</summary>
internal static class Limits
{
    /// <summary>Meta says "unlimited" when the number is connected; the limit is told afterwards.</summary>
    public static async Task<Tenant> TenantAsync(EndToEndApp app, int limit)
    {
        var tenant = await app.NewTenantAsync();
        await tenant.JoinPortfolioAsync(app.Meta);
        (await tenant.Api.SendAsync("PATCH", $"/v1/accounts/{tenant.AccountId}", new { messaging_limit = limit })).Status.ShouldBe(200);
        return tenant;
    }

    public static Task WaitsAsync(Tenant tenant, Guid campaign, int people) =>
        Patience.UntilAsync(() => tenant.ProgressAsync(campaign),
            p => p["waits_for"].ValueKind != System.Text.Json.JsonValueKind.Null && p["waits_for"].GetString() == "waiting_for_limit"
                && p["waiting"].GetInt32() >= people, $"{people} wait for room");
}

/// <summary>What is waited for, where nobody need wait for a day of Meta's to pass.</summary>
public sealed class SendingWaitsTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    [Fact]
    public async Task A_raised_limit_lets_those_who_wait_go_on_at_once_and_the_places_of_the_refused_go_to_others()
    {
        using var tenant = await LimitedAsync(10);
        await tenant.ImportAsync([.. Tenant.PlainNumbers(20), "+919870000001", "+919870000006"]); // the last two reach nobody
        var campaign = await tenant.LaunchAsync();
        await Limits.WaitsAsync(tenant, campaign, 1);
        var began = app.Meta.State.Messages().Count(m => m.PhoneNumberId == tenant.PhoneNumberId && m.RefusedWith is null);
        using var control = new HttpClient { BaseAddress = app.Meta.BaseUrl };
        (await control.PostAsJsonAsync("/_control/webhook", new
        {
            waba_id = tenant.WabaId, field = "business_capability_update", value = new { max_daily_conversations_per_business = "TIER_2K" },
        })).EnsureSuccessStatusCode();
        await tenant.CompletedAsync(campaign);
        var members = await tenant.EndedAsync(campaign, m => m.Status is "read" or "failed" or "rejected");
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
        var members = await tenant.EndedAsync(skipping, m => m.Status is "read" or "skipped");
        members.Count(m => m.Status == "read").ShouldBe(5);
        members.Where(m => m.Status == "skipped").Select(m => m.Reason).ShouldBe(Enumerable.Repeat("limit", 4));

        // The same five have their places already; the others' time is over before there is room for them.
        var ending = await tenant.LaunchAsync(more: new { send_until = DateTimeOffset.UtcNow.AddHours(1) });
        await Limits.WaitsAsync(tenant, ending, 4);
        await app.AdminAsync("UPDATE campaigns SET send_until = now() WHERE id = $1", ending); // the hour is over
        await tenant.CompletedAsync(ending);
        members = await tenant.EndedAsync(ending, m => m.Status is "read" or "skipped");
        members.Count(m => m.Status == "read").ShouldBe(5);
        members.Where(m => m.Status == "skipped").Select(m => m.Reason).ShouldBe(Enumerable.Repeat("send_until", 4));
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
        await Limits.WaitsAsync(tenant, next, 1); // the eight are known again, and the ninth waits
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{next}/cancel", new { reason = "seen" })).Status.ShouldBe(200);
        app.Meta.State.Reached(TimeSpan.FromDays(1)).Single(r => r.Portfolio == tenant.Business).Most.ShouldBeInRange(1, 8);
    }

    [Fact]
    public async Task While_Meta_holds_a_template_the_rest_waits_and_goes_on_when_it_is_released()
    {
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 5);
        app.Meta.State.Options = app.Meta.State.Options with { HoldMs = 3_600_000 };
        await tenant.ImportAsync(["+919872000011"]); // the first of the audience
        await tenant.ImportAsync(Tenant.PlainNumbers(30));
        var campaign = await tenant.LaunchAsync();
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"),
            c => c["waits_for"].ToString() == "waiting_for_template", "the campaign waits for the verdict");
        var held = app.Meta.State.Messages().Single(m => m.PhoneNumberId == tenant.PhoneNumberId &&
            m.To.EndsWith("0011", StringComparison.Ordinal));
        var statuses = new[] { "sent", "delivered", "read" }.Select(status => $$"""
            {"id":"{{held.Wamid}}","status":"{{status}}","timestamp":"{{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}}",
                "recipient_id":"919872000011",
            "biz_opaque_callback_data":"{{held.CallbackData}}"}
            """);
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $"\"statuses\":[{string.Join(',', statuses)}]"))).Status.ShouldBe(200);
        await tenant.CompletedAsync(campaign);
        var members = await tenant.ReadAsync(campaign);
        members.Count.ShouldBe(31);
        members.ShouldAllBe(m => m.Attempts == 1);
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
        using var crowd = await app.NewTenantAsync(messagesPerSecondMax: 10);
        using var few = await app.NewTenantAsync(messagesPerSecondMax: 10);
        await crowd.ImportAsync(Tenant.PlainNumbers(400));
        await few.ImportAsync(Tenant.PlainNumbers(2));
        var large = await crowd.LaunchAsync();
        await crowd.SentAsync(large, 20);
        var small = await few.LaunchAsync();
        await few.SentAsync(small, 2);
        (await crowd.ProgressAsync(large))["sent"].GetInt32().ShouldBeLessThan(400);
        (await crowd.Api.SendAsync("POST", $"/v1/campaigns/{large}/cancel", new { reason = "seen" })).Status.ShouldBe(200);
    }

    private Task<Tenant> LimitedAsync(int limit) => Limits.TenantAsync(app, limit);
}
