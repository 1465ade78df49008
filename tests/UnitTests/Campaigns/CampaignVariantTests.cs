using Bsp.Application.Campaigns;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;

namespace Bsp.UnitTests.Campaigns;

/// <summary>Who gets which of a campaign's templates.</summary>
public sealed class CampaignVariantTests
{
    private static readonly Guid Id = Guid.Parse("01900000-0000-7000-8000-000000000001");
    private static readonly Guid Other = Guid.Parse("01900000-0000-7000-8000-000000000002");

    [Fact]
    public void A_member_gets_the_same_variant_whenever_it_is_asked_and_another_campaign_draws_anew()
    {
        var contacts = Enumerable.Range(0, 200).Select(i => Uuid.Of($"contact {i}")).ToList();
        int[] Drawn(Guid campaign) => [.. contacts.Select(c => CampaignVariant.Of([1, 1], campaign, c))];
        Drawn(Id).ShouldBe(Drawn(Id));
        Drawn(Id).ShouldNotBe(Drawn(Other));
    }

    [Fact]
    public void Shares_are_kept_within_chance()
    {
        var drawn = Enumerable.Range(0, 10_000).Select(i => CampaignVariant.Of([1, 2, 7], Id, Uuid.Of($"contact {i}"))).CountBy(v => v)
            .ToDictionary();
        drawn[0].ShouldBeInRange(850, 1_150);
        drawn[1].ShouldBeInRange(1_800, 2_200);
        drawn[2].ShouldBeInRange(6_700, 7_300);
    }

    [Fact]
    public void Variants_are_several_different_templates_with_the_campaigns_own_among_them()
    {
        string[] Faults(params CampaignVariant[] variants) =>
            [.. CampaignOptionRules.Faults("BROADCAST", new(Variants: variants), Id).Select(f => f.PropertyName)];
        Faults(new CampaignVariant(Id, 1)).ShouldBe(["variants"]);
        Faults(new CampaignVariant(Id, 1), new CampaignVariant(Id, 1)).ShouldBe(["variants"]);
        Faults(new CampaignVariant(Other, 1), new CampaignVariant(Guid.Empty, 1)).ShouldBe(["variants"]);
        Faults(new CampaignVariant(Id, 0), new CampaignVariant(Other, 1)).ShouldBe(["variants"]);
        Faults(new CampaignVariant(Id, 1), new CampaignVariant(Other, 9)).ShouldBeEmpty();
    }
}
