using System.Globalization;
using Bsp.Application.Common;
using Bsp.Domain.Campaigns;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// Quiet times, days and hours of each recipient's own clock. Whoever falls into one waits, has no message meanwhile, and is sent to when
/// their clock allows it; the others do not wait for them. The product's clock is the machine's: the tests choose zones by it.
/// </summary>
public sealed class SendingHoursTests(TenantApp app) : IClassFixture<TenantApp>
{
    // Six hours apart: whatever the time is, it is day in one of them and night in another.
    private static readonly string[] Zones = ["Etc/GMT+12", "Etc/GMT+6", "UTC", "Etc/GMT-6"];

    [Fact]
    public async Task Whoever_falls_into_a_quiet_time_waits_with_the_time_and_the_others_are_sent_to()
    {
        var (tenant, night) = (app.Tenant, Closed());
        var (awake, asleep) = (await ContactAsync("+919871600101", Open().Id), await ContactAsync("+919871600102", night.Id));
        var campaign = await LaunchedAsync([awake, asleep], new { quiet_from = "16:30", quiet_to = "07:30" });
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/estimate"))["waiting"].GetProperty("hours").GetInt32().ShouldBe(1);
        var members = await Patience.UntilAsync(() => tenant.MembersAsync(campaign),
            all => all.Any(m => m.ContactId == awake && m.Status == "read") && all.Any(m => m.Status == "waiting_for_hours"),
            "one has read it, one waits");
        var waiting = members.Single(m => m.ContactId == asleep);
        (waiting.Status, waiting.Attempts).ShouldBe(("waiting_for_hours", 0));
        var shown = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"),
            c => c["waits_for"].ToString() == "waiting_for_hours", "the campaign says that it waits");
        TimeZoneInfo.ConvertTime(shown["waits_until"].GetDateTimeOffset(), night).TimeOfDay.ShouldBe(new TimeSpan(7, 30, 0), shown.Text);
        await Patience.UntilAsync(() => tenant.ProgressAsync(campaign),
            p => (p["total"].GetInt32(), p["waiting"].GetInt32()) == (2, 1), "progress shows who waits");

        // Nobody waits any longer: what is left is passed over or cancelled, and counted.
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/cancel")).Status.ShouldBe(200);
        await tenant.EndedAsync(campaign, m => m.ContactId == awake || m.Status == "cancelled");
        app.Meta.State.CountOfCallback($"{waiting.MessageId}").ShouldBe((0, 0));
        await app.Views.AgreeAsync(tenant, campaign, "1 1 1 0");
    }

    [Fact]
    public async Task When_the_quiet_time_ends_they_are_sent_to_and_the_campaign_is_complete()
    {
        var tenant = app.Tenant;
        var contact = await ContactAsync("+919871600111", "UTC");
        var other = SendingHours.DayWords[((int)DateTimeOffset.UtcNow.DayOfWeek + 2) % 7]; // three days from today
        var campaign = await LaunchedAsync([contact], new { days = new[] { other }, zone = "UTC" });
        await WaitsAsync(campaign);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/pause")).Status.ShouldBe(200);

        // The hours were fixed with the launch; here the clock is turned instead.
        await app.AdminAsync("""
            UPDATE campaigns SET hours = '{"days":["mon","tue","wed","thu","fri","sat","sun"]}' WHERE id = $1
            """, campaign);
        await app.AdminAsync("UPDATE bsp.campaign_dispatch SET look_at = NULL WHERE campaign_id = $1", campaign);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/resume")).Status.ShouldBe(200);
        await tenant.CompletedAsync(campaign);
        (await tenant.ReadAsync(campaign)).ShouldAllBe(m => m.Attempts == 1);
    }

    [Fact]
    public async Task A_trigger_in_a_quiet_time_is_queued_waits_and_is_sent_when_it_may()
    {
        var tenant = app.Tenant;
        var contact = await ContactAsync("+919871600121", Closed().Id);
        var campaign = (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns", Plan([contact], new { quiet_from = "16:30",
            quiet_to = "07:30" },
            "TRIGGERED"))).GetProperty("id").GetGuid();
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);
        var fired = await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/trigger", new { contact_id = contact, reference = "1" });
        fired["outcome"].GetString().ShouldBe("queued", fired.Text);
        await Patience.UntilAsync(() => tenant.MembersAsync(campaign), m => m.Single().Status == "waiting_for_hours", "it waits");
        await Patience.UntilAsync(() => tenant.ProgressAsync(campaign), p => p["waiting"].GetInt32() == 1, "it shows who waits");

        // Due too early, as after a change of the contact's zone: the sender asks again before it calls.
        await app.AdminAsync("UPDATE bsp.send_queue SET due_at = now() - interval '1 minute' WHERE campaign_id = $1", campaign);
        await Patience.UntilAsync(() => app.Views.ScalarAsync(
            "SELECT count(*) FROM bsp.send_queue WHERE campaign_id = $1 AND due_at > now()",
            campaign), n => n == "1", "it is put off again");
        app.Meta.State.CountOfCallback(fired["message_id"].GetString()!).ShouldBe((0, 0));
        (await tenant.Api.SendAsync("PATCH", $"/v1/contacts/{contact}", new { custom_fields = new { time_zone = Open().Id } }))
            .Status.ShouldBe(200);
        await Patience.UntilAsync(async () =>
        {
            await app.AdminAsync("""
                UPDATE bsp.send_queue SET due_at = now() - interval '1 minute'
                    WHERE campaign_id = $1 AND due_at > now() + interval '5 minutes'
                """, campaign);
            return await tenant.MembersAsync(campaign);
        }, m => m.Single().Status == "read", "it is sent");
        await app.Views.AgreeAsync(tenant, campaign, "1 1 1 0");
    }

    [Fact]
    public async Task By_the_recipients_own_clocks_each_zone_has_its_hour_and_the_organizations_hours_hold_where_a_campaign_says_none()
    {
        var tenant = app.Tenant;
        (await tenant.Api.SendAsync("PATCH", $"/v1/organizations/{tenant.Id}",
            new { settings = new { campaign_sending_hours = new { quiet_from = "25:00" } } })).Status.ShouldBe(400);
        var (first, later) = (RecipientZones.Find("Etc/GMT-14")!, RecipientZones.Find("Etc/GMT+6")!);
        var (early, late) = (await ContactAsync("+919871600131", first.Id), await ContactAsync("+919871600132", later.Id));
        var campaign = (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns", Plan([early, late], null, "SCHEDULED")))
            .GetProperty("id").GetGuid();
        var shown = TimeZoneInfo.ConvertTime(DateTimeOffset.UtcNow, first).AddMinutes(-1).ToString("yyyy-MM-dd'T'HH:mm",
            CultureInfo.InvariantCulture);
        (await ScheduleAsync(campaign, new { local_time = shown, zone = "organisation" })).Status.ShouldBe(400);
        (await ScheduleAsync(campaign, new { local_time = "tomorrow" })).Status.ShouldBe(400);
        (await ScheduleAsync(campaign, new { local_time = "2020-01-01T10:00", zone = "recipient" }))
            .ShouldBeProblem(409, "campaign.schedule_out_of_range");
        var scheduled = await ScheduleAsync(campaign, new { local_time = shown, zone = "recipient" });
        (scheduled.Status, scheduled["local_time"].GetString()).ShouldBe((200, shown), scheduled.Text);
        await Patience.UntilAsync(() => tenant.MembersAsync(campaign),
            all => all.Any(m => m.ContactId == early && m.Status == "read") && all.Any(m =>
                m.ContactId == late && m.Status == "waiting_for_hours"),
            "the first zone has it, the later one waits");
        var until = (await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"),
            c => c["waits_until"].ValueKind == System.Text.Json.JsonValueKind.String,
                "it says until when"))["waits_until"].GetDateTimeOffset();
        TimeZoneInfo.ConvertTime(until, later).ToString("yyyy-MM-dd'T'HH:mm", CultureInfo.InvariantCulture).ShouldBe(shown);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/cancel")).Status.ShouldBe(200);
    }

    // A zone in which it is day now, well away from the edges of 07:30 and 16:30; and one in which it is night.
    private static TimeZoneInfo Open() => Zones.Select(z => RecipientZones.Find(z)!).First(z => Hour(z) is >= 9 and < 15);

    private static TimeZoneInfo Closed() => Zones.Select(z => RecipientZones.Find(z)!).First(z => Hour(z) is >= 18 or < 6);

    private static int Hour(TimeZoneInfo zone) => TimeZoneInfo.ConvertTime(DateTimeOffset.UtcNow, zone).Hour;

    private Task<Answer> ScheduleAsync(Guid campaign, object body) =>
        app.Tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/schedule", body);

    private Task WaitsAsync(Guid campaign) => Patience.UntilAsync(() => app.Tenant.MembersAsync(campaign),
        all => all.Count > 0 && all.All(m => m.Status == "waiting_for_hours"), "everybody waits");

    private async Task<Guid> LaunchedAsync(Guid[] contacts, object hours)
    {
        var campaign = (await AppFixture.CreatedAsync(app.Tenant.Api, "/v1/campaigns", Plan(contacts, hours, "BROADCAST")))
            .GetProperty("id").GetGuid();
        (await app.Tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);
        return campaign;
    }

    private object Plan(Guid[] contacts, object? hours, string type) => new
    {
        name = "News", type, template_id = app.Tenant.TemplateId, account_id = app.Tenant.AccountId,
        audience_segment = new { contact_ids = contacts }, sending_hours = hours,
        metadata = new { template_parameters = new { body = new[] { "{{contact.first_name}}" } } },
    };

    private async Task<Guid> ContactAsync(string number, string zone) => (await AppFixture.CreatedAsync(app.Tenant.Api, "/v1/contacts", new
    {
        phone_number = number, first_name = "Asha", consent_status = "OPTED_IN", consent_source = "form",
        custom_fields = new { time_zone = zone },
    })).GetProperty("id").GetGuid();
}
