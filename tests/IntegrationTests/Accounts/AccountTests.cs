using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Accounts;

public sealed class AccountTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static string NumberId() => System.Security.Cryptography.RandomNumberGenerator.GetString("123456789", 15);

    private static object Account(string numberId, string phone = "+49 1511 2345678") =>
        new { phone_number_id = numberId, phone_number = phone, display_name = "Acme", meta_waba_id = "2" + numberId,
            credentials = new { access_token = "EAA-secret" } };

    [Fact]
    public async Task An_account_lives()
    {
        var organization = await app.NewOrganizationAsync();
        var numberId = NumberId();
        var created = await organization.Writer.SendAsync("POST", "/v1/accounts", Account(numberId));
        created.Status.ShouldBe(201, created.Text);
        created["phone_number"].GetString().ShouldBe("+4915112345678");
        created["status"].GetString().ShouldBe("PENDING");
        created["messaging_limit"].GetInt32().ShouldBe(250);
        created.Text.ShouldNotContain("EAA-secret");
        created.Text.ShouldNotContain("credentials");
        var path = created.Header("Location")!;
        app.Meta.State.AddAccount(new("2" + numberId, numberId, "4915112345678"));

        var connected = await organization.Writer.SendAsync("POST", $"{path}/connect");
        connected.Status.ShouldBe(200, connected.Text);
        connected["status"].GetString().ShouldBe("CONNECTED");
        connected["quality_rating"].GetString().ShouldBe("GREEN");
        (await organization.Writer.SendAsync("POST", $"{path}/sync"))["status"].GetString().ShouldBe("CONNECTED");
        (await organization.Writer.SendAsync("POST", $"{path}/disconnect"))["status"].GetString().ShouldBe("DISCONNECTED");

        var before = await organization.Reader.SendAsync("GET", path);
        var patched =
            await organization.Writer.SendAsync("PATCH", path, """{"messaging_limit":5,"credentials":{"access_token":"EAA-other"}}""",
                ("If-Match", before.Header("ETag")!));
        patched["messaging_limit"].GetInt32().ShouldBe(5);
        patched.Text.ShouldNotContain("EAA-"); // ids have letters, too
        (await organization.Writer.SendAsync("POST", $"{path}/disconnect", null, ("If-Match", before.Header("ETag")!)))
            .ShouldBeProblem(412, "version.mismatch");
        (await organization.Reader.SendAsync("GET", "/v1/accounts"))["data"].GetArrayLength().ShouldBe(2);
        (await StoredAsync("SELECT credentials::text FROM whatsapp_accounts WHERE phone_number_id = $1", numberId)).ShouldNotContain("EAA");
        (await StoredAsync("SELECT display_digits FROM bsp.directory_numbers WHERE phone_number_id = $1", numberId))
            .ShouldBe("4915112345678");
    }

    [Fact]
    public async Task A_number_belongs_to_one_account_only()
    {
        var one = await app.NewOrganizationAsync();
        var other = await app.NewOrganizationAsync();
        var numberId = NumberId();
        var answers =
            await Task.WhenAll(Enumerable.Range(0, 10)
                .Select(i => (i % 2 == 0 ? one : other).Admin.SendAsync("POST", "/v1/accounts", Account(numberId))));
        answers.Count(a => a.Status == 201).ShouldBe(2, "each may note it once: naming a number makes it nobody's");
        answers.Where(a => a.Status != 201).ShouldAllBe(a => a.Code == "account.number_taken");
        app.Meta.State.AddAccount(new("2" + numberId, numberId, "4915112345678", AccessTokens: ["EAA-secret"]));
        var connects =
            await Task.WhenAll(Enumerable.Range(0, 10)
                .Select(i =>
                    (i % 2 == 0 ? one : other).Admin.SendAsync("POST",
                        $"{answers.First(a => a.Status == 201 && IsOf(a, i % 2 == 0 ? one : other)).Header("Location")}/connect")));
        connects.Where(a => a.Status != 200).ShouldAllBe(a => a.Code == "account.number_taken");
        (await ConnectedAsync(one), await ConnectedAsync(other)).ShouldBeOneOf((1, 2), (2, 1));
        connects.Count(a => a.Status == 200).ShouldBe(5);

        bool IsOf(Answer answer, TestOrganization organization) => Array.IndexOf(answers, answer) % 2 == (organization == one ? 0 : 1);
    }

    [Theory]
    [InlineData("015112345678")]
    [InlineData("+49")]
    [InlineData("+999123456789")]
    [InlineData("")]
    public async Task A_phone_number_that_cannot_be_one_is_refused(string phone)
    {
        var organization = await app.NewOrganizationAsync();
        (await organization.Admin.SendAsync("POST", "/v1/accounts", Account(NumberId(), phone)))
            .ShouldBeProblem(400, "request.invalid")["errors"].TryGetProperty("phone_number", out _).ShouldBeTrue();
    }

    [Fact]
    public async Task What_Meta_refuses_is_502_and_changes_nothing()
    {
        var organization = await app.NewOrganizationAsync();
        var path = $"/v1/accounts/{organization.AccountId}";
        await organization.Admin.SendAsync("PATCH", path, """{"credentials":{"access_token":"expired-token"}}""");
        var before = await organization.Admin.SendAsync("GET", path);
        (await organization.Admin.SendAsync("POST", $"{path}/connect")).ShouldBeProblem(502, "meta.refused");
        (await organization.Admin.SendAsync("GET", path)).Text.ShouldBe(before.Text);
    }

    [Fact]
    public async Task The_neighbours_account_is_unknown()
    {
        var one = await app.NewOrganizationAsync();
        var other = await app.NewOrganizationAsync();
        foreach (var (method, suffix, body) in new[] { ("GET", "", null), ("PATCH", "", """{"display_name":"mine"}"""),
            ("POST", "/connect", null), ("POST", "/sync", null), ("POST", "/disconnect", null) })
        {
            (await one.Admin.SendAsync(method, $"/v1/accounts/{other.AccountId}{suffix}", body)).ShouldBeProblem(404, "account.unknown");
        }
    }

    private static async Task<int> ConnectedAsync(TestOrganization organization) =>
        (await organization.Reader.SendAsync("GET", "/v1/accounts"))["data"].EnumerateArray()
        .Count(a => a.GetProperty("status").GetString() == "CONNECTED");

    private async Task<string> StoredAsync(string sql, string argument)
    {
        await using var command = app.Admin.CreateCommand(sql);
        command.Parameters.Add(new() { Value = argument });
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
