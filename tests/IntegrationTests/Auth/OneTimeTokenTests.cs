using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Auth;

public sealed class OneTimeTokenTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Fifty_who_accept_one_invitation_at_once_make_one_person()
    {
        var organization = await app.NewOrganizationAsync();
        var email = People.NewEmail();
        var invited =
            await organization.Admin.SendAsync("POST", "/v1/auth/invitations", new { email, role = "manager", first_name = "Ann" });
        invited.Status.ShouldBe(201, invited.Text);
        var token = invited["token"].GetString();
        var answers =
            await Task.WhenAll(Enumerable.Range(0, 50)
                .Select(_ =>
                    app.Anonymous.SendAsync("POST", "/v1/auth/invitations/accept",
                        new { token, password = People.Password, last_name = "Lee" })));
        answers.Count(a => a.Status == 201).ShouldBe(1, answers.First(a => a.Status != 201).Text);
        answers.Where(a => a.Status != 201).ShouldAllBe(a => a.Status == 404 && a.Code == "invitation.unknown");
        var made = answers.Single(a => a.Status == 201);
        (made["id"].GetGuid(), made["role"].GetString(), made["first_name"].GetString(), made["last_name"].GetString())
            .ShouldBe((invited["user_id"].GetGuid(), "manager", "Ann", "Lee"));
        (await organization.Admin.SendAsync("GET", "/v1/users"))["data"].GetArrayLength().ShouldBe(1);
        (await app.Client(await app.SignInAsync(email, People.Password)).SendAsync("GET", "/v1/me"))["role"].GetString()
            .ShouldBe("manager");
        (await organization.Admin.SendAsync("DELETE", $"/v1/users/{made["id"].GetGuid()}")).Status.ShouldBe(204);
        // nor does it make them again
        (await app.Anonymous.SendAsync("POST", "/v1/auth/invitations/accept", new { token, password = People.Password }))
            .ShouldBeProblem(404, "invitation.unknown");
    }

    [Fact]
    public async Task A_later_invitation_of_the_same_e_mail_ends_the_earlier_one_and_one_too_old_is_unknown()
    {
        var organization = await app.NewOrganizationAsync();
        var email = People.NewEmail();
        var first = await organization.Admin.SendAsync("POST", "/v1/auth/invitations", new { email, role = "admin" });
        var second = await organization.Admin.SendAsync("POST", "/v1/auth/invitations", new { email, role = "viewer" });
        (await app.Anonymous.SendAsync("POST", "/v1/auth/invitations/accept",
            new { token = first["token"].GetString(), password = People.Password })).ShouldBeProblem(404, "invitation.unknown");
        (await app.Anonymous.SendAsync("POST", "/v1/auth/invitations/accept",
            new { token = second["token"].GetString(), password = "short" })).ShouldBeProblem(400, "request.invalid");
        await ExpireAsync(email);
        (await app.Anonymous.SendAsync("POST", "/v1/auth/invitations/accept",
            new { token = second["token"].GetString(), password = People.Password })).ShouldBeProblem(404, "invitation.unknown");
        (await app.Anonymous.SendAsync("POST", "/v1/auth/invitations/accept", new { token = "inv_nothing", password = People.Password }))
            .ShouldBeProblem(404, "invitation.unknown");
        var ann = await app.NewPersonAsync(organization.Admin, "viewer");
        (await organization.Admin.SendAsync("POST", "/v1/auth/invitations", new { email = ann.Email, role = "viewer" }))
            .ShouldBeProblem(409, "user.email_taken");
    }

    [Fact]
    public async Task An_invitation_repeated_with_its_key_shows_no_token_again()
    {
        var organization = await app.NewOrganizationAsync();
        var body = new { email = People.NewEmail(), role = "viewer" };
        var first = await organization.Admin.SendAsync("POST", "/v1/auth/invitations", body, ("Idempotency-Key", "invite"));
        var again = await organization.Admin.SendAsync("POST", "/v1/auth/invitations", body, ("Idempotency-Key", "invite"));
        (again.Status, again["user_id"].GetGuid(), again["token"].ValueKind)
            .ShouldBe((200, first["user_id"].GetGuid(), System.Text.Json.JsonValueKind.Null), again.Text);
        (await app.Anonymous.SendAsync("POST", "/v1/auth/invitations/accept",
            new { token = first["token"].GetString(), password = People.Password })).Status.ShouldBe(201);
    }

    [Fact]
    public async Task A_reset_token_works_once_and_ends_all_sessions()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        (await ann.Client.SendAsync("POST", "/v1/auth/reset/request", new { email = ann.Email })).ShouldBeProblem(403, "access.denied");
        (await (await app.NewOrganizationAsync()).Admin.SendAsync("POST", "/v1/auth/reset/request", new { email = ann.Email }))
            .ShouldBeProblem(404, "user.unknown");
        (await app.Platform.SendAsync("POST", "/v1/auth/reset/request", new { email = People.NewEmail() }))
            .ShouldBeProblem(404, "user.unknown");
        var lost = (await organization.Admin.SendAsync("POST", "/v1/auth/reset/request", new { email = ann.Email }))["token"].GetString();
        var asked = await app.Platform.SendAsync("POST", "/v1/auth/reset/request", new { email = ann.Email });
        asked.Status.ShouldBe(201, asked.Text);
        (await app.Anonymous.SendAsync("POST", "/v1/auth/reset", new { token = lost, password = "a brand new password" }))
            .ShouldBeProblem(404, "reset.unknown");
        var answers =
            await Task.WhenAll(Enumerable.Range(0, 10)
                .Select(i =>
                    app.Anonymous.SendAsync("POST", "/v1/auth/reset",
                        new { token = asked["token"].GetString(), password = $"a brand new password {i}" })));
        answers.Count(a => a.Status == 204).ShouldBe(1, answers[0].Text);
        answers.Where(a => a.Status != 204).ShouldAllBe(a => a.Code == "reset.unknown");
        (await ann.Client.SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
        await app.SignInAsync(ann.Email, $"a brand new password {Array.FindIndex(answers, a => a.Status == 204)}");
    }

    [Fact]
    public async Task A_reset_token_too_old_is_unknown()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var token = (await organization.Admin.SendAsync("POST", "/v1/auth/reset/request", new { email = ann.Email }))["token"].GetString();
        await ExpireAsync(ann.Email);
        (await app.Anonymous.SendAsync("POST", "/v1/auth/reset", new { token, password = "a brand new password" }))
            .ShouldBeProblem(404, "reset.unknown");
        (await ann.Client.SendAsync("GET", "/v1/me")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_reset_token_ends_with_the_role_that_it_was_asked_for()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        foreach (var change in new object[] { new { role = "manager" }, new { email = People.NewEmail() }, new { status = "inactive" } })
        {
            var token = (await organization.Admin.SendAsync("POST", "/v1/auth/reset/request",
                new { email = await EmailAsync(organization, ann.Id) }))["token"].GetString();
            (await organization.Admin.SendAsync("PATCH", $"/v1/users/{ann.Id}", change)).Status.ShouldBe(200);
            (await app.Anonymous.SendAsync("POST", "/v1/auth/reset", new { token, password = "a brand new password" }))
                .ShouldBeProblem(404, "reset.unknown");
        }

        // A token that slipped in while the role was being changed.
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{ann.Id}", new { status = "active" })).Status.ShouldBe(200);
        var email = await EmailAsync(organization, ann.Id);
        var late = (await organization.Admin.SendAsync("POST", "/v1/auth/reset/request", new { email }))["token"].GetString();
        await SqlAsync("UPDATE bsp.directory_tokens SET role = 'agent' WHERE email = $1", email);
        (await app.Anonymous.SendAsync("POST", "/v1/auth/reset", new { token = late, password = "a brand new password" }))
            .ShouldBeProblem(404, "reset.unknown");
        await SqlAsync("UPDATE bsp.directory_tokens SET role = 'manager' WHERE email = $1", email);
        // a name is no right
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{ann.Id}", new { first_name = "Ann" })).Status.ShouldBe(200);
        (await app.Anonymous.SendAsync("POST", "/v1/auth/reset",
            new { token = late, password = "a brand new password" })).Status.ShouldBe(204);
    }

    [Theory]
    [InlineData("manager", "active", 404)]
    [InlineData("admin", "inactive", 404)]
    [InlineData("super_admin", "active", 201)]
    public async Task An_invitation_counts_while_its_inviter_may_still_give_the_role(string role, string status, int expected)
    {
        var organization = await app.NewOrganizationAsync();
        await app.NewPersonAsync(organization.Admin, "admin");
        var eve = await app.NewPersonAsync(organization.Admin, "admin");
        var (upper, lower) = (await InviteAsync(eve.Client, "admin"), await InviteAsync(eve.Client, "agent"));
        (await app.Client(AppFixture.PlatformKey, organization.Id)
            .SendAsync("PATCH", $"/v1/users/{eve.Id}", new { role, status })).Status.ShouldBe(200);
        (await AcceptAsync(upper)).Status.ShouldBe(expected);
        (await AcceptAsync(lower)).Status.ShouldBe(expected); // who may not invite any more leaves none behind
    }

    [Fact]
    public async Task An_invitation_ends_with_the_person_or_the_key_that_made_it_and_the_platforms_does_not()
    {
        var organization = await app.NewOrganizationAsync();
        await app.NewPersonAsync(organization.Admin, "admin");
        var eve = await app.NewPersonAsync(organization.Admin, "admin");
        var key = await organization.Admin.SendAsync("POST", "/v1/api-keys", new { name = "k", permissions = "admin" });
        var other = await organization.Admin.SendAsync("POST", "/v1/api-keys", new { name = "k", permissions = "admin" });
        var (persons, keys, kept, platforms) =
            (await InviteAsync(eve.Client, "agent"), await InviteAsync(app.Client(key["key"].GetString()), "agent"),
            await InviteAsync(app.Client(other["key"].GetString()), "admin"),
            await InviteAsync(app.Client(AppFixture.PlatformKey, organization.Id), "super_admin"));
        (await organization.Admin.SendAsync("DELETE", $"/v1/users/{eve.Id}")).Status.ShouldBe(204);
        (await organization.Admin.SendAsync("DELETE", key.Header("Location")!)).Status.ShouldBe(204);
        (await AcceptAsync(persons)).ShouldBeProblem(404, "invitation.unknown");
        (await AcceptAsync(keys)).ShouldBeProblem(404, "invitation.unknown");
        (await AcceptAsync(kept)).Status.ShouldBe(201);
        (await AcceptAsync(platforms)).Status.ShouldBe(201);
    }

    [Theory]
    [InlineData("manager", "active", 404)]
    [InlineData("admin", "inactive", 404)]
    [InlineData("super_admin", "active", 204)]
    public async Task A_reset_counts_while_its_asker_may_still_ask_for_it(string role, string status, int expected)
    {
        var organization = await app.NewOrganizationAsync();
        await app.NewPersonAsync(organization.Admin, "admin");
        var eve = await app.NewPersonAsync(organization.Admin, "admin");
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var token = await ResetAsync(eve.Client, organization, ann.Id);
        var platform = app.Client(AppFixture.PlatformKey, organization.Id);
        (await platform.SendAsync("PATCH", $"/v1/users/{eve.Id}", new { role, status })).Status.ShouldBe(200);
        (await ConfirmAsync(token)).Status.ShouldBe(expected);

        // What they handed out does not come back with them.
        (await platform.SendAsync("PATCH", $"/v1/users/{eve.Id}", new { role = "admin", status = "active" })).Status.ShouldBe(200);
        (await ConfirmAsync(token)).ShouldBeProblem(404, "reset.unknown");
    }

    [Fact]
    public async Task A_reset_of_a_key_ends_with_the_key_and_the_platforms_with_the_organizations_suspension()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var key = await organization.Admin.SendAsync("POST", "/v1/api-keys", new { name = "k", permissions = "admin" });
        var token = await ResetAsync(app.Client(key["key"].GetString()), organization, ann.Id);
        (await organization.Admin.SendAsync("DELETE", key.Header("Location")!)).Status.ShouldBe(204);
        (await ConfirmAsync(token)).ShouldBeProblem(404, "reset.unknown");

        var platform = app.Client(AppFixture.PlatformKey);
        var (reset, invitation) =
            (await ResetAsync(app.Client(AppFixture.PlatformKey, organization.Id), organization, ann.Id),
                await InviteAsync(organization.Admin, "agent"));
        (await platform.SendAsync("POST", $"/v1/organizations/{organization.Id}/suspend", "{}")).Status.ShouldBe(200);
        (await platform.SendAsync("POST", $"/v1/organizations/{organization.Id}/activate", "{}")).Status.ShouldBe(200);
        (await ConfirmAsync(reset)).ShouldBeProblem(404, "reset.unknown");
        (await AcceptAsync(invitation)).ShouldBeProblem(404, "invitation.unknown");
    }

    [Fact]
    public async Task A_changed_password_ends_the_resets_for_it_the_other_sessions_and_what_its_owner_handed_out()
    {
        var organization = await app.NewOrganizationAsync();
        var eve = await app.NewPersonAsync(organization.Admin, "admin");
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var (own, anns, invitation) =
            (await ResetAsync(organization.Admin, organization, eve.Id), await ResetAsync(eve.Client, organization, ann.Id),
                await InviteAsync(eve.Client, "admin"));
        (await eve.Client.SendAsync("POST", "/v1/auth/password",
            new { current_password = People.Password, new_password = "an entirely new one" })).Status.ShouldBe(204);
        (await ConfirmAsync(own)).ShouldBeProblem(404, "reset.unknown");
        (await ConfirmAsync(anns)).ShouldBeProblem(404, "reset.unknown");
        (await AcceptAsync(invitation)).ShouldBeProblem(404, "invitation.unknown");

        // A reset is a new password too.
        var (first, second) =
            (await ResetAsync(organization.Admin, organization, eve.Id), await ResetAsync(eve.Client, organization, ann.Id));
        (await ConfirmAsync(first)).Status.ShouldBe(204);
        (await ConfirmAsync(second)).ShouldBeProblem(404, "reset.unknown");
        (await eve.Client.SendAsync("GET", "/v1/me")).Status.ShouldBe(401);
    }

    private Task<Answer> ConfirmAsync(string token) =>
        app.Anonymous.SendAsync("POST", "/v1/auth/reset", new { token, password = "a brand new password" });

    private static async Task<string> ResetAsync(HttpClient asker, TestOrganization organization, Guid person)
    {
        var asked = await asker.SendAsync("POST", "/v1/auth/reset/request", new { email = await EmailAsync(organization, person) });
        asked.Status.ShouldBe(201, asked.Text);
        return asked["token"].GetString()!;
    }

    private static async Task<string> InviteAsync(HttpClient inviter, string role)
    {
        var invited = await inviter.SendAsync("POST", "/v1/auth/invitations", new { email = People.NewEmail(), role });
        invited.Status.ShouldBe(201, invited.Text);
        return invited["token"].GetString()!;
    }

    private Task<Answer> AcceptAsync(string token) =>
        app.Anonymous.SendAsync("POST", "/v1/auth/invitations/accept", new { token, password = People.Password });

    private static async Task<string> EmailAsync(TestOrganization organization, Guid id) =>
        (await organization.Admin.SendAsync("GET", $"/v1/users/{id}"))["email"].GetString()!;

    private async Task SqlAsync(string sql, string email)
    {
        await using var command = app.Admin.CreateCommand(sql);
        command.Parameters.Add(new() { Value = email });
        (await command.ExecuteNonQueryAsync()).ShouldBe(1);
    }

    private Task ExpireAsync(string email) => SqlAsync("UPDATE bsp.directory_tokens SET expires_at = now() WHERE email = $1", email);
}
