using Bsp.Domain.Common;
using Bsp.IntegrationTests.Charging;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Promise 2: a process that dies in mid-campaign sends nobody a message twice and forgets nobody.</summary>
public sealed class KillTests(ApiProcess api) : IClassFixture<ApiProcess>
{
    [Fact]
    public async Task Killed_twice_in_mid_campaign_it_finishes_and_nobody_is_sent_to_twice()
    {
        const int people = 1_000;
        using var tenant = await Tenant.NewAsync(api.Address, api.Meta, messagesPerSecondMax: 100);
        await Purse.TopUpAsync(api.AppConnection, tenant.Id, 100);
        await tenant.ImportAsync(Tenant.PlainNumbers(people));
        api.Meta.State.Options = api.Meta.State.Options with { LatencyMs = 50 }; // so that calls are on their way when it dies
        var campaign = await tenant.LaunchAsync();
        foreach (var sent in new[] { 200, 500 })
        {
            // Asked of Meta: the progress may be seconds behind on a slow machine, and then there would be no middle.
            await Patience.UntilAsync(() => Task.FromResult(Reached()), n => n >= sent, $"{sent} are sent");
            await api.KillAsync();
            var reached = Reached();
            reached.ShouldBeInRange(sent, people - 1); // in the middle indeed
            await api.StartAsync();
        }

        await tenant.CompletedAsync(campaign);
        await tenant.EndedAsync(campaign);
        await api.Meta.State.WhenWebhooksAccepted(TestContext.Current.CancellationToken);
        await api.Views.InboxEmptyAsync();
        var members = await tenant.MembersAsync(campaign);

        members.Select(m => m.ContactId).Distinct().Count().ShouldBe(people);
        (api.Meta.State.Duplicates().CallbacksTotal, api.Meta.State.Duplicates().RecipientsTotal).ShouldBe((0, 0));
        foreach (var member in members)
        {
            // Heard of by webhook: it was accepted, once. Of unknown outcome: the call never got through, and it was not made again.
            var (tried, accepted) = api.Meta.State.CountOfCallback($"{member.MessageId}");
            (member.Status, accepted).ShouldBe(accepted == 1 ? ("read", 1) : ("outcome_unknown", 0));
            tried.ShouldBe(accepted);
            member.Attempts.ShouldBe(1);
        }

        var unknown = members.Count(m => m.Status == "outcome_unknown");
        await api.Views.AgreeAsync(tenant, campaign, $"{people - unknown} {people - unknown} {people - unknown} 0");
        await Patience.SoonAsync(async () =>
        {
            var progress = await tenant.ProgressAsync(campaign);
            (progress["total"].GetInt32(), progress["queued"].GetInt32(), progress["unknown"].GetInt32()).ShouldBe((people, 0, unknown));
        });

        // Whoever was reached is charged, once (0.0016 each); for the unknown the hold stands.
        var (charged, held) = (100 - ((people - unknown) * 0.0016m), unknown * 0.0016m);
        await Patience.UntilAsync(() =>
            api.Views.ScalarAsync("SELECT concat_ws(' ', balance, held) FROM bsp.ledger_heads WHERE organization_id = $1", tenant.Id),
            wallet => wallet == $"{Money.Text(charged)} {Money.Text(held)}", $"the wallet has {charged} and holds {held}");
        (await api.Views.ScalarAsync("SELECT count(*) FROM bsp.charges WHERE organization_id = $1 AND type = 'debit'", tenant.Id))
            .ShouldBe($"{people - unknown}");
    }

    private int Reached() => api.Meta.State.Messages().Count(m => m.RefusedWith is null);
}
