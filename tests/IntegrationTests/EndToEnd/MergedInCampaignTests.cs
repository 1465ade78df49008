using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Promise 2 for a person who was two members: merged in mid-campaign, they get it once, and all views count the same.</summary>
public sealed class MergedInCampaignTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    [Fact]
    public async Task Merged_while_the_campaign_is_being_sent_the_second_does_not_leave_and_all_views_agree()
    {
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 1);
        await tenant.ImportAsync([.. Enumerable.Range(0, 80).Select(i => $"+{919_876_508_000 + i}")]);
        var contacts = (await tenant.NumbersAsync()).OrderBy(n => n.Key).Select(n => n.Key).ToList(); // the audience's order
        var campaign = await tenant.LaunchAsync();
        await tenant.SentAsync(campaign, 1);

        // First ones, sent or nearly so, with the last ones, which wait in the queue; whoever of the two survives.
        var pairs = Enumerable.Range(0, 5).Select(n => (First: contacts[n], Last: contacts[^(n + 1)])).ToList();
        await Task.WhenAll(pairs.Select(async (pair, n) =>
        {
            var (survivor, absorbed) = n % 2 == 0 ? (pair.First, pair.Last) : (pair.Last, pair.First);
            (await tenant.Api.SendAsync("POST", $"/v1/contacts/{survivor}/merge", new { with = absorbed })).Status.ShouldBe(200);
        }));
        (await tenant.Api.SendAsync("PATCH", $"/v1/accounts/{tenant.AccountId}",
            new { messages_per_second_max = 100 })).Status.ShouldBe(200);
        await tenant.CompletedAsync(campaign);
        var members = (await tenant.EndedAsync(campaign)).ToDictionary(m => m.ContactId);
        members.Count.ShouldBe(80);
        foreach (var (first, last) in pairs)
        {
            (members[first].Attempts, members[last].Attempts).ShouldBe((1, 0));
            (members[last].Status, members[last].Reason).ShouldBe(("cancelled", "duplicate"));
        }

        members.Values.Count(m => m.Attempts == 1).ShouldBe(75);
        await app.Meta.State.WhenWebhooksAccepted(TestContext.Current.CancellationToken);
        await app.Views.InboxEmptyAsync();
        await app.Views.AgreeAsync(tenant, campaign, "75 75 75 0");
        await Patience.UntilAsync(() => tenant.ProgressAsync(campaign),
            p => (p["total"].GetInt32(), p["sent"].GetInt32()) == (80, 75), "the progress has all");
        await app.NoneFailedAsync();
    }

    [Fact]
    public async Task A_person_known_by_user_id_only_gets_the_campaign_by_it()
    {
        using var tenant = await app.NewTenantAsync();
        await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant,
            """ "contacts":[{"user_id":"IN.7001","profile":{"name":"Noor"}}],"messages":[{"from_user_id":"IN.7001","id":"wamid.bsuid-1","timestamp":"1764000000","type":"text","text":{"body":"START"}}]"""));
        await app.Views.InboxEmptyAsync();
        await AppFixture.CreatedAsync(tenant.Api, "/v1/contacts",
            new { wa_user_id = "IN.7002", first_name = "Asha", consent_status = "OPTED_IN", consent_source = "form" });
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        var members = await tenant.ReadAsync(campaign);
        members.Select(m => m.Reason ?? m.Status).Order().ShouldBe(["read", "read"]);
        (app.Meta.State.CountOfRecipient("IN.7001"), app.Meta.State.CountOfRecipient("IN.7002")).ShouldBe(((1, 1), (1, 1)));
        await app.NoneFailedAsync();
    }
}
