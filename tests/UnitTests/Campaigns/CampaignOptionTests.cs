using System.Text.Json;
using Bsp.Application.Campaigns;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;

namespace Bsp.UnitTests.Campaigns;

/// <summary>Triggers, retries, test sends and error budgets: what the aggregate and the rules say of them.</summary>
public sealed class CampaignOptionTests
{
    private static readonly Guid Id = Guid.Parse("01900000-0000-7000-8000-000000000001");
    private static readonly Guid Other = Guid.Parse("01900000-0000-7000-8000-000000000002");
    private static readonly DateTimeOffset Noon = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly JsonElement All = JsonDocument.Parse("""{"all":true}""").RootElement;
    private static readonly CampaignEvent Launched = new CampaignLaunched(Id, Noon);

    private static CampaignEvent Created(string type, CampaignOptions? options = null, DateTimeOffset? until = null) =>
        new CampaignCreated(Id, "Autumn", null, type, Guid.Empty, Guid.Empty, All, null, Noon, null, until, options);

    private static Campaign After(params CampaignEvent[] past) => past.Aggregate(Campaign.Initial, Campaign.Evolve);

    private static string Code(Action act) => Should.Throw<Refusal>(act).Code;

    private static string[] Fields(string type, CampaignOptions options) =>
        [.. CampaignOptionRules.Faults(type, options).Select(f => f.PropertyName)];

    [Fact]
    public void Only_a_running_triggered_campaign_can_be_triggered()
    {
        Code(() => Campaign.RequireTriggerable(Campaign.Initial, Noon)).ShouldBe("campaign.unknown");
        Code(() => Campaign.RequireTriggerable(After(Created("BROADCAST"), Launched), Noon)).ShouldBe("campaign.not_triggered");
        Code(() => Campaign.RequireTriggerable(After(Created("TRIGGERED")), Noon)).ShouldBe("campaign.not_running");
        Code(() => Campaign.RequireTriggerable(After(Created("TRIGGERED", until: Noon), Launched), Noon))
            .ShouldBe("campaign.send_until_passed");
        Should.NotThrow(() => Campaign.RequireTriggerable(After(Created("TRIGGERED"), Launched), Noon));
    }

    [Fact]
    public void A_triggered_campaign_freezes_nobody_and_completes_without_an_audience()
    {
        Campaign.Freeze(After(Created("TRIGGERED"), Launched), 5, Noon).ShouldBeEmpty();
        Campaign.Complete(After(Created("TRIGGERED"), Launched), Noon).ShouldBe([new CampaignCompleted(Id, Noon)]);
    }

    [Fact]
    public void What_was_launched_can_be_retried_and_what_was_not_can_be_tested()
    {
        Code(() => Campaign.RequireRetryable(After(Created("BROADCAST")))).ShouldBe("campaign.not_retryable");
        Code(() => Campaign.RequireRetryable(After(Created("TRIGGERED"), Launched))).ShouldBe("campaign.not_retryable");
        Should.NotThrow(() => Campaign.RequireRetryable(After(Created("BROADCAST"), Launched)));
        Code(() => Campaign.RequireTestable(After(Created("BROADCAST"), Launched))).ShouldBe("campaign.launched");
        Should.NotThrow(() => Campaign.RequireTestable(After(Created("BROADCAST"))));
    }

    [Fact]
    public void The_audience_of_a_retry_is_fixed_and_nothing_becomes_one()
    {
        var retry = After(Created("BROADCAST", new(RetryOf: Other)));
        var nobody = JsonDocument.Parse("""{"contact_ids":[]}""").RootElement;
        Code(() => Campaign.Change(retry, retry.Plan! with { AudienceSegment = nobody }, Noon))
            .ShouldBe("campaign.audience_fixed");
        Code(() => Campaign.Change(retry, retry.Plan! with { Options = null }, Noon)).ShouldBe("campaign.audience_fixed");
        var plain = After(Created("BROADCAST"));
        Code(() => Campaign.Change(plain, plain.Plan! with { Options = new(RetryOf: Other) }, Noon)).ShouldBe("campaign.audience_fixed");
        Campaign.Change(retry, retry.Plan! with { Name = "Once more" }, Noon).Length.ShouldBe(1);
    }

    [Fact]
    public void Options_that_say_the_same_change_nothing_and_empty_ones_are_none()
    {
        CampaignOptions Words() => new(new("keyword", Keywords: ["hi", "hello"]), new(0.5, 10, [131026]));
        var state = After(Created("TRIGGERED", Words()));
        Campaign.Change(state, state.Plan! with { Options = Words() }, Noon).ShouldBeEmpty();
        Campaign.Create(Campaign.Initial, Id, "BROADCAST", state.Plan! with { Options = new() }, Noon)
            .ShouldHaveSingleItem().ShouldBeOfType<CampaignCreated>().Options.ShouldBeNull();
    }

    [Fact]
    public void A_trigger_says_what_its_kind_needs_and_nothing_else()
    {
        Fields("BROADCAST", new(new("api"))).ShouldBe(["trigger"]);
        Fields("TRIGGERED", new(new("shouted"))).ShouldBe(["trigger.on"]);
        Fields("TRIGGERED", new(new("tag_added"))).ShouldBe(["trigger.tag"]);
        Fields("TRIGGERED", new(new("api", Tag: "vip"))).ShouldBe(["trigger.tag"]);
        Fields("TRIGGERED", new(new("tag_added", Tag: " "))).ShouldBe(["trigger.tag"]);
        Fields("TRIGGERED", new(new("list_joined"))).ShouldBe(["trigger.list_id"]);
        Fields("TRIGGERED", new(new("keyword", Keywords: ["!"]))).ShouldBe(["trigger.keywords"]);
        Fields("TRIGGERED", new(new("keyword", Keywords: ["Stop!"]))).ShouldBe(["trigger.keywords"]);
        Fields("TRIGGERED", new(new("api", CooldownSeconds: -1))).ShouldBe(["trigger.cooldown_seconds"]);
        Fields("TRIGGERED", new(new("keyword", Keywords: ["Menü"], CooldownSeconds: 60))).ShouldBeEmpty();
        CampaignOptionRules.KeysOf(new("keyword", Keywords: ["Hello ", "HELLO!"])).ShouldBe(["hello"]);
    }

    [Fact]
    public void A_budget_lies_within_bounds_in_a_campaign_and_in_settings()
    {
        Fields("BROADCAST", new(ErrorBudget: new(0, 0, [-1])))
            .ShouldBe(["error_budget.share", "error_budget.min_sample", "error_budget.codes"]);
        Fields("BROADCAST", new(ErrorBudget: new(1, 1, [131026]))).ShouldBeEmpty();
        CampaignSettings.Faults(JsonDocument.Parse("""{"campaign_error_budget":{"share":0.2,"min_sample":50}}""").RootElement)
            .ShouldBeEmpty();
        CampaignSettings.Faults(JsonDocument.Parse("""{"campaign_error_budget":null,"x":1}""").RootElement).ShouldBeEmpty();
        foreach (var wrong in (string[])["1", "{\"share\":0.2}", "{\"share\":2,\"min_sample\":5}",
            "{\"share\":0.2,\"min_sample\":5,\"x\":1}"])
        {
            CampaignSettings.Faults(JsonDocument.Parse($$"""{"campaign_error_budget":{{wrong}}}""").RootElement).Count.ShouldBe(1, wrong);
        }
    }

    [Fact]
    public void A_budget_is_spent_when_more_than_its_share_of_enough_failed()
    {
        var budget = new ErrorBudget(0.25, 100);
        budget.IsSpent(60, 99).ShouldBeFalse();
        budget.IsSpent(25, 100).ShouldBeFalse();
        budget.IsSpent(26, 100).ShouldBeTrue();
        new ErrorBudget(1, 1).IsSpent(100, 100).ShouldBeFalse();
    }

    [Fact]
    public void Only_the_kinds_of_errors_that_a_budget_names_count()
    {
        var budget = new ErrorBudget(0.25, 100, [131026]);
        var byCode = new Dictionary<int, int> { [131026] = 30, [131049] = 60 };
        budget.Counted(90, byCode).ShouldBe(30);
        (budget with { Codes = null }).Counted(90, byCode).ShouldBe(90);
        budget.Reason(30, 100, byCode).ShouldBe("error budget: 30 of 100 failed, 25 % are allowed; Meta's codes: 131026 (30)");
    }
}
