using System.Text.Json;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.AspNetCore.Http;

namespace Bsp.IntegrationTests.CustomerWebhooks;

/// <summary>An organization's own system is told of what happens.</summary>
public sealed class FirstWebhookTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task What_happens_is_told_once_signed_in_the_form_in_which_it_can_be_pulled_and_its_attempt_is_logged()
    {
        var organization = await app.NewOrganizationAsync();
        var neighbour = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        receiver.Answer = async (_, context) =>
        {
            await context.Response.WriteAsync("thank you");
            return 200;
        };
        // before: not told
        await organization.Admin.SendAsync("POST", "/v1/contacts", new { phone_number = "+919871700001", consent_status = "OPTED_IN" });
        var hook = await organization.NewHookAsync(receiver.Url,
            new { headers = new Dictionary<string, string> { ["X-Our-Key"] = "sesame" } }, "contact.*");
        var contact = await organization.Admin.SendAsync("POST", "/v1/contacts", new { phone_number = "+919871700002" });
        (await organization.Admin.SendAsync("POST", $"/v1/contacts/{contact["id"].GetGuid()}/consent",
            new { status = "OPTED_IN", source = "form" })).Status.ShouldBeLessThan(300);
        await neighbour.Admin.SendAsync("POST", "/v1/contacts", new { phone_number = "+919871700003", consent_status = "OPTED_IN" });

        var told = (await receiver.AcceptedAsync(all =>
            all.Any(h => h.Data.TryGetProperty("consent_status", out var s) && s.GetString() == "OPTED_IN"), "the consent is told"))
            .First(h => h.Data.GetProperty("consent_status").GetString() == "OPTED_IN");
        told.Type.ShouldBe("contact.consent_changed");
        told.Data.GetProperty("contact_id").GetGuid().ShouldBe(contact["id"].GetGuid());
        told.Json.GetProperty("organization_id").GetGuid().ShouldBe(organization.Id);
        told.IsSignedWith(hook.Secret).ShouldBeTrue();
        told.Headers["x-our-key"].ShouldBe("sesame");
        receiver.All.ShouldAllBe(h => h.Json.GetProperty("organization_id").GetGuid() == organization.Id);

        var pulled = await organization.Admin.SendAsync("GET", "/v1/events?form=public&types=contact.*&limit=200");
        pulled["data"].EnumerateArray().Select(e => e.GetRawText()).ShouldContain(told.Text);
        (await neighbour.Admin.SendAsync("GET", "/v1/events?form=public&limit=200")).Text.ShouldNotContain(told.Id);

        var log = await Patience.UntilAsync(() => organization.Reader.SendAsync("GET", $"{hook.Path}/deliveries?event_id={told.Id}"), a =>
            a["data"].EnumerateArray().Any(d => d.GetProperty("outcome").GetString() == "delivered"), "the attempt is logged");
        var attempt = log["data"].EnumerateArray().First(d => d.GetProperty("outcome").GetString() == "delivered");
        (attempt.GetProperty("outcome").GetString(), attempt.GetProperty("status").GetInt32(), attempt.GetProperty("answer").GetString(),
            attempt.GetProperty("cause").GetString()).ShouldBe(("delivered", 200, "thank you", "live"));
        (await neighbour.Admin.SendAsync("GET", $"{hook.Path}/deliveries")).ShouldBeProblem(404, "webhook.unknown");
        (await neighbour.Admin.SendAsync("POST", $"/v1/deliveries/{attempt.GetProperty("id").GetGuid()}/redeliver"))
            .ShouldBeProblem(404, "delivery.unknown");

        var again = await organization.Admin.SendAsync("POST", $"/v1/deliveries/{attempt.GetProperty("id").GetGuid()}/redeliver");
        again.Status.ShouldBe(200, again.Text);
        (again["outcome"].GetString(), again["cause"].GetString(), again["event_id"].GetString())
            .ShouldBe(("delivered", "redelivery", told.Id));
        var both = await receiver.AcceptedAsync(all => all.Count(h => h.Id == told.Id) >= 2, "it is told once more");
        both.Where(h => h.Id == told.Id).Select(h => h.Text).Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_secret_is_shown_once_and_lies_sealed_and_so_do_headers()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        (string, string)[] once = [("Idempotency-Key", "make-the-hook")];
        var body = new { name = "x", url = receiver.Url, events = new[] { "*" },
            headers = new Dictionary<string, string> { ["X-Token"] = "very-secret-token" } };
        var made = await organization.Admin.SendAsync("POST", "/v1/webhooks", body, once);
        made.Status.ShouldBe(201, made.Text);
        var secret = made["secret"].GetString()!;
        secret.ShouldStartWith("whsec_");
        var repeated = await organization.Admin.SendAsync("POST", "/v1/webhooks", body, once);
        repeated.Text.ShouldNotContain(secret);
        repeated["id"].GetGuid().ShouldBe(made["id"].GetGuid());
        foreach (var path in new[] { made.Header("Location")!, "/v1/webhooks", "/v1/audit-trail", "/v1/events?limit=200" })
        {
            var shown = await organization.Admin.SendAsync("GET", path);
            shown.Status.ShouldBe(200, shown.Text);
            shown.Text.ShouldNotContain(secret);
            shown.Text.ShouldNotContain("very-secret-token");
        }

        await using var command =
            app.Admin.CreateCommand("SELECT secret || coalesce(headers, '') || events::text FROM webhooks WHERE id = $1");
        command.Parameters.Add(new() { Value = made["id"].GetGuid() });
        var stored = (string)(await command.ExecuteScalarAsync())!;
        stored.ShouldStartWith("v1.");
        stored.ShouldNotContain(secret[6..20]);
        stored.ShouldNotContain("very-secret-token");

        var rotated = await organization.Admin.SendAsync("POST", made.Header("Location") + "/rotate-secret", new { overlap_hours = 1 });
        rotated.Status.ShouldBe(200, rotated.Text);
        (await organization.Admin.SendAsync("POST", made.Header("Location") + "/test"))["outcome"].GetString().ShouldBe("delivered");
        var test = receiver.All.Single(h => h.Type == "webhook.test");
        test.Signatures.Count.ShouldBe(2);
        test.IsSignedWith(secret).ShouldBeTrue();
        test.IsSignedWith(rotated["secret"].GetString()!).ShouldBeTrue();
        await organization.Admin.SendAsync("POST", made.Header("Location") + "/rotate-secret", new { overlap_hours = 0 });
        await organization.Admin.SendAsync("POST", made.Header("Location") + "/test");
        receiver.All.Last(h => h.Type == "webhook.test").Signatures.Count.ShouldBe(1);
    }
}
