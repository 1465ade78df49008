using Bsp.Infrastructure.Mail;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.CustomerWebhooks;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.WebConsole;

// Mails: what goes out, to whom, and what is left of it.
public sealed partial class ConsoleTests
{
    [Fact]
    public async Task Who_forgot_their_password_gets_a_link_and_nobody_learns_who_is_known()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{ann.Id}", new { preferences = new { language = "ar" } })).Status
            .ShouldBe(200);
        var nobody = People.NewEmail();
        var (known, unknown) = (await ForgotAsync(ann.Email), await ForgotAsync(nobody));
        (known.Status, known.Text, unknown.Status, unknown.Text).ShouldBe((202, "", 202, ""));
        var mail = await app.MailAsync(ann.Email);
        mail.Subject.ShouldBe("اختر كلمة مرور جديدة");
        await ForgotAsync(ann.Email); // once more at once: one mail in two minutes
        var token = ConsoleApp.TokenOf(mail);
        (await app.Anonymous.SendAsync("POST", "/v1/auth/reset", new { token, password = "a brand new password" })).Status.ShouldBe(204);
        (await app.Anonymous.SendAsync("POST", "/v1/auth/reset", new { token, password = "a brand new password" }))
            .ShouldBeProblem(404, "reset.unknown");
        await app.SignInAsync(ann.Email, "a brand new password");

        var listed = await EndToEnd.Patience.UntilAsync(() => organization.Admin.SendAsync("GET", "/v1/mail"), mails =>
            mails["data"].EnumerateArray().All(m => m.GetProperty("status").GetString() == "sent"), "it is shown as sent");
        listed["data"].EnumerateArray().Select(m => (m.GetProperty("to").GetString(), m.GetProperty("kind").GetString()))
            .ShouldBe([(ann.Email, "password_reset")]);
        listed.Text.ShouldNotContain(token);
        (await app.AdminAsync<long>("SELECT count(*) FROM bsp.mails WHERE recipient = $1 AND content IS NOT NULL", ann.Email)).ShouldBe(0);
        (await app.MailsAsync(nobody)).ShouldBeEmpty();
        (await app.MailsAsync(ann.Email)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task An_invitation_goes_out_by_mail_is_listed_until_it_is_accepted_and_can_be_taken_back()
    {
        var (organization, neighbour) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        var (ann, bob) = (People.NewEmail(), People.NewEmail());
        foreach (var email in new[] { ann, bob })
        {
            var invited = await organization.Admin.SendAsync("POST", "/v1/auth/invitations", new { email, role = "agent", mail = true });
            invited.Status.ShouldBe(201, invited.Text);
            invited["token"].ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
        }

        var open = (await organization.Admin.SendAsync("GET", "/v1/auth/invitations"))["data"].EnumerateArray().ToList();
        open.Select(i => i.GetProperty("email").GetString()).ShouldBe([ann, bob]);
        var id = open[0].GetProperty("id").GetGuid();
        (await neighbour.Admin.SendAsync("GET", "/v1/auth/invitations"))["data"].GetArrayLength().ShouldBe(0);
        (await neighbour.Admin.SendAsync("DELETE", $"/v1/auth/invitations/{id}")).ShouldBeProblem(404, "invitation.unknown");
        (await organization.Admin.SendAsync("DELETE", $"/v1/auth/invitations/{id}")).Status.ShouldBe(204);
        (await organization.Admin.SendAsync("DELETE", $"/v1/auth/invitations/{id}")).ShouldBeProblem(404, "invitation.unknown");

        (await AcceptAsync(ann)).ShouldBeProblem(404, "invitation.unknown");
        (await AcceptAsync(bob)).Status.ShouldBe(201);
        (await organization.Admin.SendAsync("GET", "/v1/auth/invitations"))["data"].GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task A_mail_that_does_not_go_out_is_tried_again_and_one_that_is_refused_for_good_is_not()
    {
        var organization = await app.NewOrganizationAsync();
        var (away, refused) = (People.NewEmail(), People.NewEmail());
        (app.Failing[away], app.Failing[refused]) = (1, 1_000);
        foreach (var email in new[] { away, refused })
        {
            (await organization.Admin.SendAsync("POST", "/v1/auth/invitations", new { email, role = "agent", mail = true })).Status
                .ShouldBe(201);
        }

        await ShownAsync(away, "waiting", m => m.GetProperty("error").GetString() == "The mail server is away.");
        await ShownAsync(refused, "failed", m => m.GetProperty("error").GetString() == "550 no such mailbox");
        (await app.MailsAsync(away)).ShouldBeEmpty();
        await app.AdminAsync<int>("UPDATE bsp.mails SET due_at = now() WHERE recipient = $1 RETURNING attempts", away);
        app.Services.GetRequiredService<MailSignal>().Raise();
        await ShownAsync(away, "sent", m => m.GetProperty("attempts").GetInt32() == 2);
        (await app.MailAsync(away)).MessageId.ShouldEndWith("@localhost.localdomain");

        Task ShownAsync(string to, string status, Func<System.Text.Json.JsonElement, bool> also) => EndToEnd.Patience.UntilAsync(
            () => organization.Admin.SendAsync("GET", "/v1/mail"), mails => mails["data"].EnumerateArray()
                .Any(m => m.GetProperty("to").GetString() == to && m.GetProperty("status").GetString() == status && also(m)),
            $"the mail to {to} is {status}");
    }

    [Fact]
    public async Task The_administrators_hear_of_a_webhook_that_was_switched_off()
    {
        var organization = await app.NewOrganizationAsync();
        var admin = await app.NewPersonAsync(organization.Admin, "admin");
        await using var receiver = await HookReceiver.StartAsync();
        receiver.Answer = (_, _) => Task.FromResult(410);
        await organization.NewHookAsync(receiver.Url);
        await app.SendAsync(organization, [Guid.NewGuid()], 1);
        var mail = await app.MailAsync(admin.Email);
        mail.Subject.ShouldNotBeNull().ShouldContain("was switched off");
        mail.TextBody.ShouldNotBeNull().ShouldContain("https://bsp.example.com/console/webhooks");
    }

    private Task<Answer> ForgotAsync(string email) =>
        PatientlyAsync(() => app.Client(null).SendAsync("POST", "/v1/auth/forgot", new { email }));

    private async Task<Answer> AcceptAsync(string email) => await app.Anonymous.SendAsync("POST", "/v1/auth/invitations/accept",
        new { token = ConsoleApp.TokenOf(await app.MailAsync(email)), password = People.Password });
}
