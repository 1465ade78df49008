using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Bsp.Domain.Common;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>What of a webhook waits for a person is trouble that shows, until it is carried out.</summary>
public sealed partial class SetAsideTroubleTests(TenantApp app) : IClassFixture<TenantApp>
{
    [Fact]
    public async Task What_waits_for_a_person_is_named_by_the_health_and_counted_with_its_age_by_the_metrics_until_it_is_carried_out()
    {
        (await app.Anonymous.SendAsync("GET", "/health/ready"))["stores"].GetProperty("webhooks").GetString().ShouldBe("ok");
        var body = Encoding.UTF8.GetBytes(SignedWebhooks.Envelope(app.Tenant, """
            "messages":[{"id":"wamid.aside.1","from":"919811300001","timestamp":"1790000000","type":"text","text":{"body":"long waited for"}}]
            """));
        await PutAsync(body, TimeSpan.FromHours(2), "now() + interval '1 hour'"); // will be tried again by itself
        await CountedAsync("retry", 1, TimeSpan.FromHours(2));
        (await app.Anonymous.SendAsync("GET", "/health/ready"))["stores"].GetProperty("webhooks").GetString().ShouldBe("ok");

        await PutAsync(body, TimeSpan.FromHours(5), "NULL");
        var ready = await Patience.UntilAsync(() => app.Anonymous.SendAsync("GET", "/health/ready"), r =>
            r["stores"].GetProperty("webhooks").GetString() != "ok", "the health names the webhooks");
        (ready.Status, ready["status"].GetString()).ShouldBe((200, "degraded"));
        ready.Text.ShouldNotContain("long waited for");
        ready.Text.ShouldNotContain(app.Tenant.Id.ToString());
        Digits().IsMatch(ready["stores"].GetProperty("webhooks").GetString()!).ShouldBeFalse("anybody may read it");
        await CountedAsync("person", 1, TimeSpan.FromHours(5));

        (await app.Platform.SendAsync("POST", "/v1/incoming-webhooks/set-aside/retry"))["count"].GetInt32().ShouldBe(2);
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = 'message_received' AND stream_id = $1",
                Uuid.InboundMessage(app.Tenant.PhoneNumberId, "wamid.aside.1")),
            n => n == "1", "the message arrives, once");
        await CountedAsync("person", 0, TimeSpan.Zero);
        await CountedAsync("retry", 0, TimeSpan.Zero);
        (await Patience.UntilAsync(() => app.Anonymous.SendAsync("GET", "/health/ready"), r =>
            r["stores"].GetProperty("webhooks").GetString() == "ok", "the trouble is over")).Status.ShouldBe(200);
    }

    private Task PutAsync(byte[] body, TimeSpan age, string next) => app.AdminAsync($"""
        INSERT INTO bsp.webhook_set_aside (lane, journal_id, received_at, signature, body_sha256, field, part, body, reason, error, attempts, next_at, set_aside_at)
        VALUES ($1, 0, now() - $3, 'app', '', 'messages', 'messages[0]', $2, 'failed', 'PostgresException: no room', 4, {next}, now() - $3)
        """, app.Tenant.Id, body, age);

    private Task CountedAsync(string waitsFor, int count, TimeSpan age) =>
        Patience.UntilAsync(async () => (await app.Platform.SendAsync("GET", "/metrics")).Text, text =>
        text.Contains($"bsp_webhooks_set_aside{{waits_for=\"{waitsFor}\"}} {count}\n", StringComparison.Ordinal)
        && Regex.Match(text, $"bsp_webhooks_set_aside_oldest_seconds{{waits_for=\"{waitsFor}\"}} ([0-9]+)") is { Success: true } oldest
        && double.Parse(oldest.Groups[1].Value, CultureInfo.InvariantCulture) is var seconds
        && (count == 0 ? seconds == 0 : seconds >= age.TotalSeconds), $"{count} that wait for a {waitsFor} are counted");

    [GeneratedRegex("[0-9]")]
    private static partial Regex Digits();
}
