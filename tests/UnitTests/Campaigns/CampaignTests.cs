using System.Text.Json;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;

namespace Bsp.UnitTests.Campaigns;

public sealed class CampaignTests
{
    private static readonly Guid Id = Guid.Parse("01900000-0000-7000-8000-000000000001");
    private static readonly DateTimeOffset Noon = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly JsonElement All = JsonDocument.Parse("""{"all":true}""").RootElement;
    private static readonly CampaignPlan Plan = new("Autumn", null, Guid.Empty, Guid.Empty, All, null);
    private static readonly CampaignEvent Created =
        new CampaignCreated(Id, "Autumn", null, "BROADCAST", Guid.Empty, Guid.Empty, All, null, Noon);
    private static readonly CampaignEvent Launched = new CampaignLaunched(Id, Noon);
    private static readonly CampaignEvent Frozen = new CampaignAudienceFrozen(Id, 3, Noon);

    private static Campaign After(params CampaignEvent[] past) => past.Aggregate(Campaign.Initial, Campaign.Evolve);

    private static string Code(Action act) => Should.Throw<Refusal>(act).Code;

    [Fact]
    public void Launching_twice_changes_nothing()
    {
        Campaign.Launch(After(Created), Noon).ShouldBe([Launched]);
        Campaign.Launch(After(Created, Launched), Noon).ShouldBeEmpty();
    }

    [Fact]
    public void Pausing_a_running_campaign_records_the_reason() =>
        Campaign.Pause(After(Created, Launched), "lunch", Noon).ShouldBe([new CampaignPaused(Id, "lunch", Noon)]);

    [Fact]
    public void Pausing_twice_changes_nothing() =>
        Campaign.Pause(After(Created, Launched, new CampaignPaused(Id, "lunch", Noon)), "again", Noon).ShouldBeEmpty();

    [Fact]
    public void A_draft_cannot_be_paused() => Code(() => Campaign.Pause(After(Created), "why", Noon)).ShouldBe("campaign.not_running");

    [Fact]
    public void What_does_not_exist_is_unknown() => Code(() => Campaign.Launch(Campaign.Initial, Noon)).ShouldBe("campaign.unknown");

    [Fact]
    public void A_paused_campaign_goes_on() =>
        Campaign.Resume(After(Created, Launched, new CampaignPaused(Id, "lunch", Noon)), Noon).ShouldBe([new CampaignResumed(Id, Noon)]);

    [Fact]
    public void A_completed_campaign_cannot_be_cancelled() =>
        Code(() => Campaign.Cancel(After(Created, Launched, Frozen, new CampaignCompleted(Id, Noon)), "late", Noon))
        .ShouldBe("campaign.ended");

    [Fact]
    public void Only_a_running_campaign_with_a_frozen_audience_completes()
    {
        Campaign.Complete(After(Created, Launched), Noon).ShouldBeEmpty();
        Campaign.Complete(After(Created, Launched, Frozen, new CampaignPaused(Id, "lunch", Noon)), Noon).ShouldBeEmpty();
        Campaign.Complete(After(Created, Launched, Frozen), Noon).ShouldBe([new CampaignCompleted(Id, Noon)]);
    }

    [Fact]
    public void The_audience_is_frozen_once() => Campaign.Freeze(After(Created, Launched, Frozen), 5, Noon).ShouldBeEmpty();

    [Fact]
    public void A_schedule_lies_in_the_future()
    {
        Code(() => Campaign.Schedule(After(Created), Noon, Noon)).ShouldBe("campaign.schedule_out_of_range");
        Campaign.Schedule(After(Created), Noon.AddHours(1), Noon).ShouldBe([new CampaignScheduled(Id, Noon.AddHours(1), Noon)]);
    }

    [Fact]
    public void A_launched_campaign_can_no_longer_be_changed() =>
        Code(() => Campaign.Change(After(Created, Launched), Plan with { Name = "Winter" }, Noon)).ShouldBe("campaign.not_editable");

    [Fact]
    public void A_change_that_changes_nothing_writes_nothing() => Campaign.Change(After(Created), Plan, Noon).ShouldBeEmpty();
}
