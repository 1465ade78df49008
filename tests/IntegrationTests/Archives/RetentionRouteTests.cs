using Bsp.Infrastructure.Retention;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Archives;

public sealed class RetentionRouteTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task The_platform_sees_every_kind_counts_what_would_go_and_makes_it_go()
    {
        var organization = await app.NewOrganizationAsync();
        (await organization.Admin.SendAsync("GET", "/v1/retention")).Status.ShouldBe(403);
        var report = await app.Platform.SendAsync("GET", "/v1/retention");
        report.Status.ShouldBe(200, report.Text);
        var kinds = report["data"].EnumerateArray().ToDictionary(k => k.GetProperty("kind").GetString()!, k => k.GetProperty("kept_hours"));
        kinds["users"].ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
        foreach (var (kind, days) in new[] { ("message_content", 730), ("message_logs", 30), ("webhook_journal", 7),
            ("ai_conversations", 90), ("sessions", 1), ("rate_counters", 1) })
        {
            kinds[kind].GetInt32().ShouldBe(days * 24, kind);
        }

        var dry = await app.Platform.SendAsync("POST", "/v1/retention/run", new { dry_run = true, organization_id = organization.Id });
        dry.Status.ShouldBe(200, dry.Text);
        dry["data"].EnumerateArray().Select(d => (d.GetProperty("kind").GetString(), d.GetProperty("due").GetInt64()))
            .ShouldContain(("message_content", 0L));
        (await app.Platform.SendAsync("POST", "/v1/retention/run", new { dry_run = true, organization_id = Guid.NewGuid() }))
            .ShouldBeProblem(404, "organization.unknown");
        (await app.Platform.SendAsync("POST", "/v1/retention/run", new { organization_id = organization.Id }))
            .ShouldBeProblem(400, "request.invalid");

        (await app.Platform.SendAsync("POST", "/v1/retention/run", new { dry_run = false })).Status.ShouldBe(202);
        var engine = app.Services.GetRequiredService<RetentionWorker>().Kinds;
        await Patience.UntilAsync(() => app.Platform.SendAsync("GET", "/v1/retention"), answer => engine.All(kind =>
            answer["data"].EnumerateArray().Any(k => k.GetProperty("kind").GetString() == kind
                && k.GetProperty("completed_at").ValueKind == System.Text.Json.JsonValueKind.String)), "every kind had its round");
    }

    [Fact]
    public async Task A_policy_is_the_organizations_own_within_bounds_and_who_is_held_is_not_erased()
    {
        var organization = await app.NewOrganizationAsync();
        var first = await organization.Admin.SendAsync("GET", "/v1/retention/policy");
        first["kinds"].EnumerateArray().Select(k => k.GetProperty("days").GetInt32()).ShouldBe([730, 30, 90]);
        (await organization.Writer.SendAsync("GET", "/v1/retention/policy")).Status.ShouldBe(403);
        (await organization.Admin.SendAsync("PATCH", "/v1/retention/policy", new { message_content_days = 89 }))
            .ShouldBeProblem(400, "retention.below_minimum");
        (await organization.Admin.SendAsync("PATCH", "/v1/retention/policy", new { message_logs_days = 31 }))
            .ShouldBeProblem(400, "retention.above_maximum");
        var set = await organization.Admin.SendAsync("PATCH", "/v1/retention/policy", new { message_content_days = 365 });
        (set.Status, set["message_content_days"].GetInt32()).ShouldBe((200, 365));
        var again = await organization.Admin.SendAsync("PATCH", "/v1/retention/policy", new { message_content_days = (int?)null });
        again["kinds"][0].GetProperty("days").GetInt32().ShouldBe(730);

        var contact = (await AppFixture.CreatedAsync(organization.Admin, "/v1/contacts", new { phone_number = "+4915155534001" }))
            .GetProperty("id").GetGuid();
        (await organization.Admin.SendAsync("POST", "/v1/retention/holds", new { contact_id = Guid.NewGuid(), reason = "a court" }))
            .ShouldBeProblem(404, "contact.unknown");
        (await organization.Admin.SendAsync("POST", "/v1/retention/holds", new { contact_id = contact, reason = " " }))
            .ShouldBeProblem(400, "request.invalid");
        var hold = (await AppFixture.CreatedAsync(organization.Admin, "/v1/retention/holds",
            new { contact_id = contact, reason = "a court" })).GetProperty("id").GetGuid();
        (await organization.Admin.SendAsync("POST", "/v1/retention/holds", new { contact_id = contact, reason = "another" }))
            .ShouldBeProblem(409, "legal_hold.stands");
        (await organization.Admin.SendAsync("POST", $"/v1/contacts/{contact}/erase")).ShouldBeProblem(409, "contact.held");
        (await organization.Admin.SendAsync("DELETE", $"/v1/contacts/{contact}")).ShouldBeProblem(409, "contact.held");
        var released = await organization.Admin.SendAsync("DELETE", $"/v1/retention/holds/{hold}");
        (released.Status, released["released_by"].GetString()!.Length > 0).ShouldBe((200, true));
        (await organization.Admin.SendAsync("POST", $"/v1/contacts/{contact}/erase")).Status.ShouldBeOneOf(200, 202);
        (await organization.Admin.SendAsync("GET", "/v1/retention/holds"))["data"].GetArrayLength().ShouldBe(1);
        (await organization.Admin.SendAsync("DELETE", $"/v1/retention/holds/{Guid.NewGuid()}")).ShouldBeProblem(404, "legal_hold.unknown");
    }
}
