using System.Globalization;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>A triggered campaign answers each cause once, wherever the process that answers it is killed with -9.</summary>
public sealed class TriggerKillTests(ApiProcess api) : IClassFixture<ApiProcess>
{
    private const int People = 600; // three pages of causes

    [Fact]
    public async Task Killed_in_the_middle_of_answering_everybody_who_got_the_tag_is_sent_to_once()
    {
        using var tenant = await Tenant.NewAsync(api.Address, api.Meta, 1_000);
        await tenant.ImportAsync(Tenant.PlainNumbers(People));
        var campaign = (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns", new
        {
            name = "Welcome", type = "TRIGGERED", template_id = tenant.TemplateId, account_id = tenant.AccountId,
            audience_segment = new { all = true }, trigger = new { on = "tag_added", tag = "vip", cooldown_seconds = 86_400 },
            metadata = new { template_parameters = new { body = new[] { "{{contact.first_name}}" } } },
        })).GetProperty("id").GetGuid();
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);
        (await api.Views.ScalarAsync("""
            WITH tagged AS (UPDATE contacts SET tags = '["vip"]' WHERE organization_id = $1 RETURNING 1) SELECT count(*) FROM tagged
            """, tenant.Id)).ShouldBe($"{People}");
        for (var kill = 1; kill <= 2; kill++)
        {
            await Patience.UntilAsync(() => CountAsync(Sent, campaign), sent => sent >= kill * 100, $"kill {kill}: some have been sent to");
            await api.KillAsync();
            await api.StartAsync();
        }

        await Patience.UntilAsync(() => CountAsync(Waiting, campaign), waiting => waiting == 0, "every cause is answered");
        var members = await Patience.UntilAsync(() => tenant.MembersAsync(campaign), all => all.Count == People
            && all.All(m => m.Status is "read" or "outcome_unknown" or "unknown_closed"), "everybody's message has an end");
        members.Select(m => m.ContactId).Distinct().Count().ShouldBe(People);
        members.ShouldAllBe(m => api.Meta.State.CountOfCallback($"{m.MessageId}").Accepted <= 1);
        (await api.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND type = 'message_queued'",
            tenant.Id.ToString())).ShouldBe($"{People}");
    }

    private const string Sent =
        "SELECT count(*) FROM bsp.campaign_firings f JOIN bsp.wamids w ON w.message_id = f.message_id WHERE f.campaign_id = $1";

    private const string Waiting = "SELECT count(*) FROM bsp.campaign_causes WHERE campaign_id = $1";

    private async Task<int> CountAsync(string sql, Guid campaign) =>
        int.Parse(await api.Views.ScalarAsync(sql, campaign), CultureInfo.InvariantCulture);
}
