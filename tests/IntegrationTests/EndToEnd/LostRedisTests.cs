namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Redis holds nothing that cannot be made again.</summary>
public sealed class LostRedisTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    [Fact]
    public async Task Emptied_in_mid_campaign_nobody_is_missed_or_sent_to_twice_and_the_progress_is_right_again()
    {
        const int people = 1_000;
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 200);
        await tenant.ImportAsync(Tenant.PlainNumbers(people));
        var campaign = await tenant.LaunchAsync();
        // Asked of Meta, not of the progress, which may be seconds behind on a slow machine.
        await Patience.UntilAsync(() => Task.FromResult(app.Meta.State.Messages().Count), sent => sent >= 200, "200 are sent");
        await app.Views.WipeRedisAsync();
        app.Meta.State.Messages().Count.ShouldBeLessThan(people); // in the middle indeed

        await tenant.CompletedAsync(campaign);
        var members = await tenant.ReadAsync(campaign);
        members.Select(m => m.ContactId).Distinct().Count().ShouldBe(people);
        members.ShouldAllBe(m => m.Status == "read" && app.Meta.State.CountOfCallback($"{m.MessageId}").Equals(ValueTuple.Create(1, 1)));
        app.Meta.State.Duplicates().RecipientsTotal.ShouldBe(0);
        await app.Views.AgreeAsync(tenant, campaign, "1000 1000 1000 0");
        await Patience.SoonAsync(async () =>
        {
            var progress = await tenant.ProgressAsync(campaign);
            (progress["total"].GetInt32(), progress["queued"].GetInt32(), progress["unknown"].GetInt32()).ShouldBe((people, 0, 0));
        });
    }
}
