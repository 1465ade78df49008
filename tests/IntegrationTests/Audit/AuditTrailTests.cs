using System.Text.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Audit;

public sealed class AuditTrailTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Who_did_what_when_from_where_to_whom_stands_on_the_trail_and_in_the_log()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "admin");
        (await ann.Client.SendAsync("PATCH", $"/v1/organizations/{organization.Id}",
            new { name = "Other", meta_access_token = "EAA-never-shown" })).Status.ShouldBe(200);
        (await ann.Client.SendAsync("PATCH", $"/v1/accounts/{organization.AccountId}",
            new { display_name = "Other" })).Status.ShouldBe(200);
        (await app.Anonymous.SendAsync("POST", "/v1/auth/login",
            new { email = ann.Email, password = "a wrong password" })).Status.ShouldBe(401);
        var key = await ann.Client.SendAsync("POST", "/v1/api-keys", new { name = "k", permissions = "read" });
        (await ann.Client.SendAsync("DELETE", key.Header("Location")!)).Status.ShouldBe(204);
        (await ann.Client.SendAsync("DELETE", key.Header("Location")!)).Status.ShouldBe(204); // changes nothing, so nothing is noted
        (await app.Platform.SendAsync("POST", $"/v1/organizations/{organization.Id}/suspend")).Status.ShouldBe(200);

        var trail = (await organization.Reader.SendAsync("GET", "/v1/audit-trail"));
        trail.ShouldBeProblem(403, "access.denied");
        var entries = (await organization.Admin.SendAsync("GET", "/v1/audit-trail?limit=200"));
        entries.Text.ShouldNotContain("never-shown");
        entries.Text.ShouldNotContain("Other");
        entries.Text.ShouldNotContain(ann.Email);
        var prefix = organization.AdminKey.Split('_')[1];
        Told(entries).ShouldBe([
            $"platform organization.suspended organization {organization.Id} status",
                $"{ann.Id} api_key.revoked api_key {key["id"].GetGuid()} ", $"{ann.Id} api_key.created api_key {key["id"].GetGuid()} ",
            $"anonymous login.failed user {ann.Id} ", $"{ann.Id} account.changed account {organization.AccountId} display_name",
            $"{ann.Id} organization.changed organization {organization.Id} name meta_access_token",
            $"{ann.Id} login.succeeded user {ann.Id} ", $"{prefix} user.created user {ann.Id} role",
            $"{prefix} account.connected account {organization.AccountId} ", $"{prefix} account.created account {organization.AccountId} ",
            .. Told(entries).Skip(10).Take(3), $"platform organization.created organization {organization.Id} "]);
        Told(entries).Skip(10).Take(3).ShouldAllBe(line => line.StartsWith("platform api_key.created api_key ", StringComparison.Ordinal));
        entries["data"].EnumerateArray()
            .ShouldAllBe(e => e.GetProperty("address").GetString() == "127.0.0.1"
                && e.GetProperty("at").GetDateTimeOffset() > DateTimeOffset.UtcNow.AddMinutes(-10));

        await using var command =
            app.Admin.CreateCommand(
                "SELECT count(*) FROM mt_events e JOIN bsp.audit_trail t ON t.id = e.id AND t.act = e.data ->> 'act' WHERE e.tenant_id = $1 AND e.type = 'administrative_act_done'");
        command.Parameters.Add(new() { Value = organization.Id.ToString() });
        (await command.ExecuteScalarAsync()).ShouldBe((long)Told(entries).Count);
    }

    [Fact]
    public async Task It_is_filtered_and_walked_by_signed_cursors_and_the_neighbours_is_another()
    {
        var organization = await app.NewOrganizationAsync();
        var neighbour = await app.NewOrganizationAsync();
        for (var i = 0; i < 5; i++)
        {
            await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}", new { name = $"n{i}" });
        }

        var prefix = organization.AdminKey.Split('_')[1];
        (await organization.Admin.SendAsync("GET", $"/v1/audit-trail?actor={prefix}&type=organization.changed"))["data"].GetArrayLength()
            .ShouldBe(5);
        (await organization.Admin.SendAsync("GET", "/v1/audit-trail?type=user.created"))["data"].GetArrayLength().ShouldBe(0);
        (await organization.Admin.SendAsync("GET", "/v1/audit-trail?to=2020-01-01T00:00:00Z"))["data"].GetArrayLength().ShouldBe(0);
        (await organization.Admin.SendAsync("GET", "/v1/audit-trail?from=2020-01-01T00:00:00Z&actor=platform"))["data"].GetArrayLength()
            .ShouldBe(4);
        (await organization.Admin.SendAsync("GET", "/v1/audit-trail?from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z"))
            .ShouldBeProblem(400, "request.invalid");
        (await organization.Admin.SendAsync("GET", "/v1/audit-trail?from=yesterday")).ShouldBeProblem(400, "request.invalid");

        var seen = new List<string>();
        string? cursor = "";
        while (cursor is not null)
        {
            var page = await organization.Admin.SendAsync("GET",
                "/v1/audit-trail?limit=3" + (cursor.Length == 0 ? "" : $"&cursor={cursor}"));
            seen.AddRange(page["data"].EnumerateArray().Select(e => e.GetProperty("id").GetString()!));
            cursor = page["next_cursor"].GetString();
            if (cursor is not null)
            {
                (await neighbour.Admin.SendAsync("GET", $"/v1/audit-trail?limit=3&cursor={cursor}")).ShouldBeProblem(400, "request.cursor");
            }
        }

        seen.ShouldBe(seen.Distinct().OrderDescending(StringComparer.Ordinal));
        seen.Count.ShouldBe(11);
        (await neighbour.Admin.SendAsync("GET", "/v1/audit-trail")).Text.ShouldNotContain(organization.Id.ToString());
    }

    [Fact]
    public async Task Contacts_that_were_changed_taken_out_or_brought_in_are_on_the_trail_with_who_did_it()
    {
        var organization = await app.NewOrganizationAsync();
        var writer = organization.WriteKey.Split('_')[1];
        var contact =
            (await AppFixture.CreatedAsync(organization.Writer, "/v1/contacts",
                new { phone_number = "+4915155566001", first_name = "Never-Shown" })).GetProperty("id").GetGuid();
        (await organization.Writer.SendAsync("PATCH", $"/v1/contacts/{contact}",
            new { first_name = "Also-Hidden", tags = new[] { "x" } })).Status.ShouldBe(200);
        // nobody was taken out
        (await organization.Reader.SendAsync("GET", $"/v1/contacts/export?filter=%7B%22all%22%3A%5B%5D%7D")).Status.ShouldBe(400);
        (await organization.Reader.SendAsync("GET", $"/v1/contacts/export?filter=%7B%7D")).Status.ShouldBe(200);
        (await organization.Reader.SendAsync("GET", $"/v1/contacts/{contact}/export")).Status.ShouldBe(200);
        var import =
            await organization.Writer.SendAsync("POST", "/v1/contacts/import", "phone_number\n+4915155566002\n",
                ("Content-Type", "text/csv"));
        import.Status.ShouldBe(202, import.Text);
        (await organization.Writer.SendAsync("DELETE", $"/v1/contacts/{contact}")).Status.ShouldBe(204);

        var entries = await organization.Admin.SendAsync("GET", "/v1/audit-trail?limit=200");
        entries.Text.ShouldNotContain("Hidden");
        entries.Text.ShouldNotContain("4915155566");
        var told = Told(entries);
        told.ShouldContain($"{writer} contact.created contact {contact} ");
        told.ShouldContain($"{writer} contact.changed contact {contact} first_name tags");
        told.ShouldContain($"{writer} contact.deleted contact {contact} ");
        told.ShouldContain($"{writer} contacts.import_sent import {import["id"].GetGuid()} ");
        told.Count(line => line.Contains(" contacts.exported contact  filter")).ShouldBe(1);
        told.Count(line => line.Contains($" contact.exported contact {contact} ")).ShouldBe(1);
    }

    [Fact]
    public async Task Lists_that_were_made_changed_or_removed_and_their_members_are_on_the_trail()
    {
        var organization = await app.NewOrganizationAsync();
        var writer = organization.WriteKey.Split('_')[1];
        var contact = (await AppFixture.CreatedAsync(organization.Writer, "/v1/contacts", new { phone_number = "+4915155566003" }))
            .GetProperty("id").GetGuid();
        var list = (await AppFixture.CreatedAsync(organization.Writer, "/v1/lists", new { name = "Never-Shown" })).GetProperty("id")
            .GetGuid();
        (await organization.Writer.SendAsync("PATCH", $"/v1/lists/{list}", new { description = "Also-Hidden" })).Status.ShouldBe(200);
        (await organization.Writer.SendAsync("POST", $"/v1/lists/{list}/contacts",
            new { add = new[] { contact }, remove = Array.Empty<Guid>() })).Status.ShouldBe(200);
        // refused: no act
        (await organization.Writer.SendAsync("POST", $"/v1/lists/{list}/contacts",
            new { add = new[] { Guid.NewGuid() }, remove = Array.Empty<Guid>() })).Status.ShouldBe(404);
        (await organization.Writer.SendAsync("DELETE", $"/v1/lists/{list}")).Status.ShouldBe(204);

        var entries = await organization.Admin.SendAsync("GET", "/v1/audit-trail?limit=200");
        entries.Text.ShouldNotContain("Hidden");
        entries.Text.ShouldNotContain("Never-Shown");
        Told(entries).Where(line => line.Contains(" list.")).Reverse().ShouldBe(
            [$"{writer} list.created list {list} ", $"{writer} list.changed list {list} description",
                $"{writer} list.members_changed list {list} add", $"{writer} list.deleted list {list} "]);
    }

    [Fact]
    public async Task The_platform_looking_into_an_organization_is_noted_once_an_hour_for_each_route_and_what_it_does_elsewhere_is_not()
    {
        var (organization, other) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        var platform = app.Client(AppFixture.PlatformKey, organization.Id);
        var contact = (await AppFixture.CreatedAsync(organization.Writer, "/v1/contacts", new { phone_number = "+4915155566004" }))
            .GetProperty("id").GetGuid();
        static long Hour() => DateTimeOffset.UtcNow.Ticks / TimeSpan.TicksPerHour;
        var began = Hour();
        (await platform.SendAsync("GET", $"/v1/lists/{Guid.NewGuid()}")).Status.ShouldBe(404); // nothing was seen
        for (var n = 0; n < 3; n++)
        {
            (await platform.SendAsync("GET", "/v1/contacts")).Status.ShouldBe(200);
            (await platform.SendAsync("GET", "/v1/events")).Status.ShouldBe(200);
            (await platform.SendAsync("GET", $"/v1/contacts/{Guid.NewGuid()}")).Status.ShouldBe(404);
            // it has no body, and the trail names who asked all the same
            (await platform.SendAsync(n == 0 ? "HEAD" : "GET", $"/v1/contacts/{contact}")).Status.ShouldBe(200);
        }

        (await app.Client(AppFixture.PlatformKey, Guid.NewGuid()).SendAsync("GET", "/v1/contacts")).Status.ShouldBeLessThan(500);
        async Task<List<string>> LooksAsync(TestOrganization of) =>
            [.. Told(await of.Admin.SendAsync("GET", "/v1/audit-trail?type=platform.read&limit=200")).Order(StringComparer.Ordinal)];
        var looks = await LooksAsync(organization);
        (began == Hour() ? looks : [.. looks.Distinct()]) // when the hour turns in between, each is noted in both
            .ShouldBe(["platform platform.read route  GET /v1/contacts", "platform platform.read route  GET /v1/contacts/{id}",
                "platform platform.read route  GET /v1/events"]);
        (await LooksAsync(other)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Many_acts_at_once_are_all_noted_and_their_chain_has_no_gap()
    {
        var organization = await app.NewOrganizationAsync();
        var contacts =
            await Task.WhenAll(Enumerable.Range(0, 40)
                .Select(async n =>
                    (await AppFixture.CreatedAsync(organization.Writer, "/v1/contacts", new { phone_number = $"+49151555670{n:00}" }))
                    .GetProperty("id").GetGuid()));
        (await Task.WhenAll(contacts.Select(c => organization.Writer.SendAsync("DELETE", $"/v1/contacts/{c}"))))
            .ShouldAllBe(answer => answer.Status == 204);

        await using var command =
            app.Admin.CreateCommand(
                "SELECT count(*) FILTER (WHERE act IN ('contact.created', 'contact.deleted')) || ' ' || (max(position) = count(*)) || ' ' || (max(position) = (SELECT h.position FROM bsp.audit_heads h WHERE h.organization_id = $1)) FROM bsp.audit_trail WHERE organization_id = $1");
        command.Parameters.Add(new() { Value = organization.Id });
        (await command.ExecuteScalarAsync()).ShouldBe("80 true true");
    }

    [Fact]
    public async Task The_platforms_own_acts_are_its_own()
    {
        var organization = await app.NewOrganizationAsync();
        var plan = (await AppFixture.CreatedAsync(app.Platform, "/v1/plans",
            new { name = "P", code = $"p-{Guid.NewGuid():N}", monthly_price = "1", per_message_price = "1" })).GetProperty("id").GetGuid();
        await app.Platform.SendAsync("PATCH", $"/v1/plans/{plan}", new { included_messages = 7 });
        (await app.Anonymous.SendAsync("POST", "/v1/auth/login",
            new { email = People.NewEmail(), password = "a wrong password" })).Status.ShouldBe(401);
        var told = Told(await app.Platform.SendAsync("GET", "/v1/audit-trail"));
        told.ShouldContain($"platform plan.created plan {plan} ");
        told.ShouldContain($"platform plan.changed plan {plan} included_messages");
        told.ShouldContain("anonymous login.failed user  ");
        (await organization.Admin.SendAsync("GET", "/v1/audit-trail")).Text.ShouldNotContain("plan.");
        Told(await app.Client(AppFixture.PlatformKey, organization.Id).SendAsync("GET", "/v1/audit-trail")).Count.ShouldBe(6);
    }

    [Fact]
    public async Task An_act_that_was_refused_leaves_no_trace()
    {
        var organization = await app.NewOrganizationAsync();
        var before = Told(await organization.Admin.SendAsync("GET", "/v1/audit-trail?limit=200"));
        var admin = await organization.Admin.SendAsync("POST", "/v1/users", new { email = People.NewEmail(), role = "admin" });
        (await organization.Admin.SendAsync("DELETE", admin.Header("Location")!)).ShouldBeProblem(409, "user.last_admin");
        (await organization.Admin.SendAsync("PATCH", admin.Header("Location")!, new { role = "viewer" }))
            .ShouldBeProblem(409, "user.last_admin");
        (await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}", """{"name":"x"}""", ("If-Match", "\"99\"")))
            .ShouldBeProblem(412, "version.mismatch");
        Told(await organization.Admin.SendAsync("GET", "/v1/audit-trail?limit=200")).Count.ShouldBe(before.Count + 1);
        (await organization.Admin.SendAsync("GET", admin.Header("Location")!))["role"].GetString().ShouldBe("admin");
    }

    private static IReadOnlyList<string> Told(Answer answer)
    {
        answer.Status.ShouldBe(200, answer.Text);
        return [.. answer["data"].EnumerateArray().Select(e =>
            $"{e.GetProperty("actor")} {e.GetProperty("type")} {e.GetProperty("target_type")} {(e.GetProperty("target_id") is { ValueKind: JsonValueKind.String } id ? id.GetString() : "")} {string.Join(' ', e.GetProperty("changed").EnumerateArray())}")];
    }
}

/// <summary>Behind a proxy that runs on this machine.</summary>
public sealed class ProxiedApp(StoresFixture stores) : AppFixture(stores)
{
    protected override IEnumerable<(string Name, string? Value)> Settings => [("Bsp:TrustedProxies", "127.0.0.0/8")];
}

public sealed class ProxiedAuditTests(ProxiedApp proxied) : IClassFixture<ProxiedApp>
{
    [Fact]
    public async Task The_address_is_the_clients_when_the_proxy_is_trusted_and_only_what_it_added_itself_is_believed()
    {
        var organization = await proxied.NewOrganizationAsync();
        (await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}", """{"name":"x"}""",
            ("X-Forwarded-For", "10.9.9.9, 203.0.113.9"))).Status.ShouldBe(200);
        (await organization.Admin.SendAsync("GET", "/v1/audit-trail?limit=1"))["data"][0].GetProperty("address").GetString()
            .ShouldBe("203.0.113.9");
    }
}

public sealed class UnproxiedAuditTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task A_forwarded_address_from_somebody_we_do_not_trust_is_not_believed()
    {
        var organization = await app.NewOrganizationAsync();
        (await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}", """{"name":"x"}""",
            ("X-Forwarded-For", "203.0.113.9"))).Status.ShouldBe(200);
        (await organization.Admin.SendAsync("GET", "/v1/audit-trail?limit=1"))["data"][0].GetProperty("address").GetString()
            .ShouldBe("127.0.0.1");
    }
}
