using Bsp.Application.Privacy;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.Messages;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Secrets are judged when they are given; one that was stored before leads to no unknown outcome, and verifies nothing.</summary>
public sealed class TokenTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    [Theory]
    [InlineData("EAA\n")]
    [InlineData("EAA\r\nX: 1")]
    [InlineData(" EAA")]
    [InlineData("EA A")]
    [InlineData("EAÄ")]
    [InlineData("EAA\u0000")]
    [InlineData("\n")]
    public async Task A_token_that_can_be_no_header_is_refused_wherever_it_is_given(string token)
    {
        var organization = await app.NewOrganizationAsync();
        var account =
            new { phone_number_id = "123456789012345", phone_number = "+4915112345678", display_name = "x", meta_waba_id = "2",
                credentials = new { access_token = token } };
        Refused(await organization.Admin.SendAsync("POST", "/v1/accounts", account), "credentials.access_token");
        Refused(await organization.Admin.SendAsync("PATCH", $"/v1/accounts/{organization.AccountId}",
            new { credentials = new { access_token = token } }), "credentials.access_token");
        Refused(await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}", new { meta_access_token = token }),
            "meta_access_token");
        Refused(await app.Platform.SendAsync("POST", "/v1/organizations",
            new { name = "x", slug = $"x-{Guid.NewGuid():N}", meta_access_token = token }), "meta_access_token");
        Refused(await organization.Admin.SendAsync("POST", "/v1/accounts",
            new { phone_number_id = "12\n", phone_number = "+4915112345678", display_name = "x", meta_waba_id = "2\n",
                credentials = new { access_token = "a" } }), "phone_number_id");
    }

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("        ")]
    [InlineData("short")]
    [InlineData("aaaaaaaaaaaa")]
    [InlineData("with a blank in it")]
    [InlineData("with-a-line-end\n")]
    public async Task A_secret_that_can_be_guessed_is_refused_and_one_stored_before_verifies_nothing(string secret)
    {
        var organization = await app.NewOrganizationAsync();
        Refused(await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}", new { meta_app_secret = secret }),
            "meta_app_secret");
        Refused(await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}", new { webhook_verify_token = secret }),
            "webhook_verify_token");
        Refused(await app.Platform.SendAsync("POST", "/v1/organizations",
            new { name = "x", slug = $"x-{Guid.NewGuid():N}", webhook_verify_token = secret }), "webhook_verify_token");
        foreach (var name in new[] { "Bsp:Meta:AppSecret", "Bsp:Meta:VerifyToken" })
        {
            var settings =
                new Dictionary<string, string?> { ["ConnectionStrings:Directory"] = "Host=x",
                    ["Bsp:PlatformKey"] = "a-key-of-sixteen-and-more", ["Bsp:MasterKey"] = Convert.ToBase64String(new byte[32]),
                    [name] = secret };
            var read = () => BspConfiguration.Read(new ConfigurationBuilder().AddInMemoryCollection(settings).Build(), development: false);
            if (name.EndsWith("AppSecret", StringComparison.Ordinal) && secret.EndsWith('\n'))
            {
                read().Meta.AppSecrets.ShouldBe([secret.Trim()]); // a list: blanks around its parts are no parts of them
            }
            else
            {
                Should.Throw<ConfigurationFault>(read).Faults.Single().ShouldStartWith(name);
            }
        }

        var secrets = app.Services.GetRequiredService<ISecrets>();
        await app.Views.ScalarAsync("UPDATE organizations SET meta_app_secret = $2, webhook_verify_token = $2 WHERE id = $1 RETURNING 1",
            organization.Id, secrets.Seal(secret));
        var body = "{}"u8.ToArray();
        using var request =
            new HttpRequestMessage(HttpMethod.Post,
                $"/webhooks/meta/{organization.Id}") { Content =
                new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } } };
        request.Headers.Add("X-Hub-Signature-256",
            "sha256=" + Convert.ToHexStringLower(
                System.Security.Cryptography.HMACSHA256.HashData(System.Text.Encoding.UTF8.GetBytes(secret), body)));
        ((int)(await app.Anonymous.SendAsync(request)).StatusCode).ShouldBe(401);
        (await app.Anonymous.SendAsync("GET",
            $"/webhooks/meta/{organization.Id}?hub.mode=subscribe&hub.challenge=1&hub.verify_token={Uri.EscapeDataString(secret)}"))
            .ShouldBeProblem(403, "webhook.verify_token");
    }

    [Fact]
    public async Task With_a_token_stored_before_it_was_judged_messages_wait_and_a_corrected_one_sends_each_once()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(20));
        var secrets = app.Services.GetRequiredService<ISecrets>();
        var good = await app.Views.ScalarAsync("SELECT credentials ->> 'access_token' FROM whatsapp_accounts WHERE id = $1",
            tenant.AccountId);
        await app.Views.ScalarAsync(
            "UPDATE whatsapp_accounts SET credentials = jsonb_build_object('access_token', $2::text) WHERE id = $1 RETURNING 1",
            tenant.AccountId, secrets.Seal(secrets.Open(good) + "\n"));
        (await tenant.Api.SendAsync("POST", $"/v1/accounts/{tenant.AccountId}/connect")).ShouldBeProblem(409, "account.no_token");
        await Patience.UntilAsync(async () =>
            await app.Services.GetRequiredService<SendingNumbers>()
            .FindAsync(tenant.Id, tenant.AccountId, TestContext.Current.CancellationToken), n =>
                !n!.HasToken, "the former token is forgotten");
        var campaign = await tenant.LaunchAsync();
        await Patience.UntilAsync(() => app.Services.GetRequiredService<SendQueues>().Of(tenant.AccountId).CountsAsync(), c =>
            c.Active == 0 && c.Waiting + c.Prioritized + c.Delayed >= 20, "they wait in the number's line");
        (await tenant.MembersAsync(campaign)).ShouldAllBe(m => m.Status == "queued" && m.Attempts == 0);
        (await tenant.Api.SendAsync("PATCH", $"/v1/accounts/{tenant.AccountId}",
            new { credentials = new { access_token = secrets.Open(good) } })).Status.ShouldBe(200);
        await tenant.CompletedAsync(campaign);
        (await tenant.EndedAsync(campaign))
            .ShouldAllBe(m => (m.Status == "delivered" || m.Status == "read") && m.Attempts == 1
                && app.Meta.State.CountOfCallback($"{m.MessageId}").Equals(ValueTuple.Create(1, 1)));
    }

    // Under the field's own name, or under its object's with the path in the text.
    private static void Refused(Answer answer, string field)
    {
        var errors = answer.ShouldBeProblem(400, "request.invalid")["errors"];
        (errors.TryGetProperty(field, out _)
            || (errors.TryGetProperty(field.Split('.')[0], out var texts) && texts[0].GetString()!.Contains($"at {field}")))
            .ShouldBeTrue(answer.Text);
    }
}
