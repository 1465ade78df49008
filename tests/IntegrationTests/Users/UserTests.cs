using System.Text.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Users;

public sealed class UserTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task A_person_lives()
    {
        var organization = await app.NewOrganizationAsync();
        var email = People.NewEmail();
        var created =
            await organization.Admin.SendAsync("POST", "/v1/users",
                new { email = $" {email.ToUpperInvariant()} ", role = "agent", password = People.Password, first_name = "Ünïcode",
                    last_name = "‮עברית", phone = "+49 151 12345678", preferences = new { theme = "dark" } });
        created.Status.ShouldBe(201, created.Text);
        created.Text.ShouldNotContain("password_hash");
        (created["email"].GetString(), created["phone"].GetString(), created["status"].GetString(), created["has_password"].GetBoolean())
            .ShouldBe((email, "+4915112345678", "active", true));
        created["last_login"].ValueKind.ShouldBe(JsonValueKind.Null);
        var path = created.Header("Location")!;
        (await organization.Admin.SendAsync("GET", path)).Text.ShouldBe(created.Text);

        var patched =
            await organization.Admin.SendAsync("PATCH", path,
                """{"first_name":"Ann","phone":null,"preferences":{"locale":"de"},"role":"manager"}""",
                ("If-Match", created.Header("ETag")!));
        patched.Status.ShouldBe(200, patched.Text);
        (patched["first_name"].GetString(), patched["role"].GetString(), patched["preferences"].GetRawText())
            .ShouldBe(("Ann", "manager", """{"theme":"dark","locale":"de"}"""));
        (await organization.Admin.SendAsync("PATCH", path, """{"first_name":"x"}""", ("If-Match", created.Header("ETag")!)))
            .ShouldBeProblem(412, "version.mismatch");
        var client = app.Client(await app.SignInAsync(email, People.Password));
        var me = await client.SendAsync("GET", "/v1/me");
        (me["role"].GetString(), me["user"].GetProperty("id").GetGuid(), me["user"].GetProperty("last_login").ValueKind)
            .ShouldBe(("manager", created["id"].GetGuid(), JsonValueKind.String));
        me["organization"].GetProperty("id").GetGuid().ShouldBe(organization.Id);

        (await organization.Admin.SendAsync("GET", "/v1/users?role=manager"))["data"].GetArrayLength().ShouldBe(1);
        (await organization.Admin.SendAsync("GET", "/v1/users?status=suspended"))["data"].GetArrayLength().ShouldBe(0);
        (await organization.Admin.SendAsync("DELETE", path)).Status.ShouldBe(204);
        (await organization.Admin.SendAsync("GET", path)).ShouldBeProblem(404, "user.unknown");
        (await client.SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
        // the e-mail is free again
        (await organization.Admin.SendAsync("POST", "/v1/users", new { email, role = "viewer" })).Status.ShouldBe(201);
    }

    [Fact]
    public async Task Fifty_creations_with_one_e_mail_at_once_make_one_person()
    {
        var organizations = new[] { await app.NewOrganizationAsync(), await app.NewOrganizationAsync() };
        var email = People.NewEmail();
        var answers =
            await Task.WhenAll(Enumerable.Range(0, 50)
                .Select(i =>
                    organizations[i % 2].Admin.SendAsync("POST", "/v1/users",
                        new { email = i % 3 == 0 ? email.ToUpperInvariant() : email, role = "agent" })));
        answers.Count(a => a.Status == 201).ShouldBe(1);
        answers.Where(a => a.Status != 201).ShouldAllBe(a => a.Status == 409 && a.Code == "user.email_taken");
        (await CountAsync("SELECT count(*) FROM users WHERE email = $1", email)).ShouldBe(1);
        (await CountAsync("SELECT count(*) FROM bsp.directory_emails WHERE email = $1", email)).ShouldBe(1);
    }

    [Fact]
    public async Task An_e_mail_is_changed_to_a_free_one_only()
    {
        var organization = await app.NewOrganizationAsync();
        var other = await app.NewOrganizationAsync();
        var taken = (await AppFixture.CreatedAsync(other.Admin, "/v1/users", new { email = People.NewEmail(), role = "agent" }))
            .GetProperty("email").GetString();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{ann.Id}", new { email = taken }))
            .ShouldBeProblem(409, "user.email_taken");
        var fresh = People.NewEmail();
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{ann.Id}", new { email = fresh }))["email"].GetString().ShouldBe(fresh);
        await app.SignInAsync(fresh, ann.Password);
        (await app.Anonymous.SendAsync("POST", "/v1/auth/login", new { email = ann.Email, password = ann.Password }))
            .ShouldBeProblem(401, "login.invalid");
    }

    [Fact]
    public async Task Nobody_gives_a_role_above_his_own_nor_touches_who_has_one()
    {
        var organization = await app.NewOrganizationAsync();
        var platform = app.Client(AppFixture.PlatformKey, organization.Id);
        var staff = await app.NewPersonAsync(platform, "super_admin");
        var admin = await app.NewPersonAsync(organization.Admin, "admin");
        foreach (var client in new[] { organization.Admin, admin.Client })
        {
            (await client.SendAsync("POST", "/v1/users", new { email = People.NewEmail(), role = "super_admin" }))
                .ShouldBeProblem(403, "user.role_above_own");
            (await client.SendAsync("POST", "/v1/auth/invitations", new { email = People.NewEmail(), role = "super_admin" }))
                .ShouldBeProblem(403, "user.role_above_own");
            (await client.SendAsync("PATCH", $"/v1/users/{admin.Id}", new { role = "super_admin" }))
                .ShouldBeProblem(403, "user.role_above_own");
            (await client.SendAsync("PATCH", $"/v1/users/{staff.Id}", new { role = "viewer" })).ShouldBeProblem(403, "user.role_above_own");
            (await client.SendAsync("PATCH", $"/v1/users/{staff.Id}", new { email = People.NewEmail() }))
                .ShouldBeProblem(403, "user.role_above_own");
            (await client.SendAsync("POST", "/v1/auth/reset/request", new { email = staff.Email }))
                .ShouldBeProblem(403, "user.role_above_own");
            (await client.SendAsync("DELETE", $"/v1/users/{staff.Id}")).ShouldBeProblem(403, "user.role_above_own");
        }

        (await staff.Client.SendAsync("GET", "/v1/me"))["role"].GetString().ShouldBe("super_admin");
    }

    [Fact]
    public async Task The_last_admin_stays_also_when_two_remove_each_other_at_once()
    {
        var organization = await app.NewOrganizationAsync();
        var one = await app.NewPersonAsync(organization.Admin, "admin");
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{one.Id}", new { role = "manager" }))
            .ShouldBeProblem(409, "user.last_admin");
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{one.Id}", new { status = "inactive" }))
            .ShouldBeProblem(409, "user.last_admin");
        (await one.Client.SendAsync("DELETE", $"/v1/users/{one.Id}")).ShouldBeProblem(409, "user.last_admin");
        for (var round = 0; round < 5; round++)
        {
            var two = await app.NewPersonAsync(organization.Admin, "admin");
            var admins = (await organization.Admin.SendAsync("GET", "/v1/users?role=admin&status=active"))["data"].EnumerateArray()
                .Select(u => u.GetProperty("id").GetGuid()).ToList();
            var answers =
                await Task.WhenAll(admins.Select((id, i) => i % 2 == 0 ? organization.Admin.SendAsync("DELETE", $"/v1/users/{id}")
                    : organization.Admin.SendAsync("PATCH", $"/v1/users/{id}", new { status = "suspended" })));
            answers.Count(a => a.Status == 409 && a.Code == "user.last_admin").ShouldBe(1, string.Join("; ", answers.Select(a => a.Text)));
            (await organization.Admin.SendAsync("GET", "/v1/users?role=admin&status=active"))["data"].GetArrayLength().ShouldBe(1);
        }
    }

    [Fact]
    public async Task Whoever_is_deactivated_is_out_at_once_and_a_changed_role_counts_at_once()
    {
        var organization = await app.NewOrganizationAsync();
        await app.NewPersonAsync(organization.Admin, "admin");
        var ann = await app.NewPersonAsync(organization.Admin, "manager");
        (await ann.Client.SendAsync("POST", "/v1/lists", new { name = "mine" })).Status.ShouldBe(201);
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{ann.Id}", new { role = "viewer" })).Status.ShouldBe(200);
        (await ann.Client.SendAsync("POST", "/v1/lists", new { name = "no more" })).ShouldBeProblem(403, "access.denied");
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{ann.Id}", new { status = "suspended" })).Status.ShouldBe(200);
        (await ann.Client.SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
        (await app.Anonymous.SendAsync("POST", "/v1/auth/login", new { email = ann.Email, password = ann.Password }))
            .ShouldBeProblem(403, "login.user_not_active");
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{ann.Id}", new { status = "active" })).Status.ShouldBe(200);
        (await ann.Client.SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated"); // the session is gone for good
        await app.SignInAsync(ann.Email, ann.Password);
    }

    [Theory]
    [InlineData("""{"email":"no-address","role":"agent"}""", "email")]
    [InlineData("""{"email":"a@b","role":"agent"}""", "email")]
    [InlineData("""{"email":"a b@example.com","role":"agent"}""", "email")]
    [InlineData("{\"email\":\"a\\u0000@example.com\",\"role\":\"agent\"}", "email")]
    [InlineData("""{"email":"x@example.com","role":"root"}""", "role")]
    [InlineData("""{"email":"x@example.com","role":"Admin"}""", "role")]
    [InlineData("""{"email":"x@example.com","role":"agent","password":"short"}""", "password")]
    [InlineData("""{"email":"x@example.com","role":"agent","status":"dead"}""", "status")]
    [InlineData("""{"email":"x@example.com","role":"agent","phone":"12"}""", "phone")]
    [InlineData("""{"email":"x@example.com","role":"agent","avatar_url":"javascript:alert(1)"}""", "avatar_url")]
    [InlineData("""{"email":"x@example.com","role":"agent","preferences":[]}""", "preferences")]
    public async Task A_malformed_person_is_refused(string body, string field)
    {
        var organization = await app.NewOrganizationAsync();
        (await organization.Admin.SendAsync("POST", "/v1/users", body)).ShouldBeProblem(400, "request.invalid")["errors"]
            .TryGetProperty(field, out _).ShouldBeTrue();
    }

    [Fact]
    public async Task The_neighbours_person_is_unknown()
    {
        var one = await app.NewOrganizationAsync();
        var other = await app.NewOrganizationAsync();
        var user = (await AppFixture.CreatedAsync(other.Admin, "/v1/users", new { email = People.NewEmail(), role = "agent" }))
            .GetProperty("id").GetGuid();
        (await one.Admin.SendAsync("GET", $"/v1/users/{user}")).ShouldBeProblem(404, "user.unknown");
        (await one.Admin.SendAsync("PATCH", $"/v1/users/{user}", new { role = "viewer" })).ShouldBeProblem(404, "user.unknown");
        (await one.Admin.SendAsync("DELETE", $"/v1/users/{user}")).ShouldBeProblem(404, "user.unknown");
        (await one.Admin.SendAsync("GET", "/v1/users"))["data"].GetArrayLength().ShouldBe(0);
    }

    private async Task<long> CountAsync(string sql, object argument)
    {
        await using var command = app.Admin.CreateCommand(sql);
        command.Parameters.Add(new() { Value = argument });
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
