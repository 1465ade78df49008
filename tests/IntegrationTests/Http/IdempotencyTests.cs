using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Http;

public sealed class IdempotencyTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static object Account(string numberId) =>
        new { phone_number_id = numberId, phone_number = "+4915112345678", display_name = "Acme", meta_waba_id = "2" + numberId,
            credentials = new { access_token = "t" } };

    private static string NumberId() => System.Security.Cryptography.RandomNumberGenerator.GetString("123456789", 15);

    [Fact]
    public async Task Fifty_parallel_posts_with_one_key_make_one_resource()
    {
        var organization = await app.NewOrganizationAsync();
        var body = new { name = "raced", permissions = "read" };
        var answers =
            await Task.WhenAll(Enumerable.Range(0, 50)
                .Select(_ => organization.Admin.SendAsync("POST", "/v1/api-keys", body, ("Idempotency-Key", "race"))));
        answers.ShouldAllBe(a => a.Status == 201 || a.Status == 200 || (a.Status == 409 && a.Code == "idempotency.in_flight"));
        answers.Count(a => a.Status == 201).ShouldBe(1);
        var keys = await organization.Admin.SendAsync("GET", "/v1/api-keys");
        keys["data"].EnumerateArray().Count(k => k.GetProperty("name").GetString() == "raced").ShouldBe(1);
    }

    [Fact]
    public async Task A_repeat_answers_the_same_and_says_so()
    {
        var organization = await app.NewOrganizationAsync();
        var body = Account(NumberId());
        var first = await organization.Admin.SendAsync("POST", "/v1/accounts", body, ("Idempotency-Key", "k"));
        var again = await organization.Admin.SendAsync("POST", "/v1/accounts", body, ("Idempotency-Key", "k"));
        first.Status.ShouldBe(201);
        first.Header("Idempotency-Replayed").ShouldBeNull();
        again.Status.ShouldBe(201);
        again.Text.ShouldBe(first.Text);
        again.Header("Location").ShouldBe(first.Header("Location"));
        again.Header("ETag").ShouldBe(first.Header("ETag"));
        again.Header("Idempotency-Replayed").ShouldBe("true");
    }

    [Fact]
    public async Task Another_body_under_the_same_key_is_422()
    {
        var organization = await app.NewOrganizationAsync();
        await organization.Admin.SendAsync("POST", "/v1/accounts", Account(NumberId()), ("Idempotency-Key", "k"));
        (await organization.Admin.SendAsync("POST", "/v1/accounts", Account(NumberId()), ("Idempotency-Key", "k")))
            .ShouldBeProblem(422, "idempotency.other_body");
    }

    [Fact]
    public async Task Another_caller_or_route_has_keys_of_its_own()
    {
        var one = await app.NewOrganizationAsync();
        var other = await app.NewOrganizationAsync();
        var body = Account(NumberId());
        var first = await one.Admin.SendAsync("POST", "/v1/accounts", body, ("Idempotency-Key", "k"));
        first.Status.ShouldBe(201);
        var neighbours = await other.Admin.SendAsync("POST", "/v1/accounts", body, ("Idempotency-Key", "k"));
        // work of its own, not the answer of the other
        (neighbours.Status, neighbours.Header("Idempotency-Replayed")).ShouldBe((201, null));
        neighbours["id"].GetGuid().ShouldNotBe(first["id"].GetGuid());
        (await one.Writer.SendAsync("POST", "/v1/accounts", body, ("Idempotency-Key", "k"))).ShouldBeProblem(409, "account.number_taken");
        (await one.Admin.SendAsync("POST", $"/v1/accounts/{one.AccountId}/disconnect", null,
            ("Idempotency-Key", "k"))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_repeat_of_failed_work_does_the_work()
    {
        var one = await app.NewOrganizationAsync();
        var body = Account(NumberId());
        var taken = await one.Writer.SendAsync("POST", "/v1/accounts", body);
        (await one.Admin.SendAsync("POST", "/v1/accounts", body, ("Idempotency-Key", "k"))).ShouldBeProblem(409, "account.number_taken");
        await using (var gone = app.Admin.CreateCommand("DELETE FROM whatsapp_accounts WHERE id = $1"))
        {
            gone.Parameters.Add(new() { Value = taken["id"].GetGuid() });
            await gone.ExecuteNonQueryAsync();
        }

        var done = await one.Admin.SendAsync("POST", "/v1/accounts", body, ("Idempotency-Key", "k"));
        done.Status.ShouldBe(201, done.Text);
        done.Header("Idempotency-Replayed").ShouldBeNull();
    }

    [Fact]
    public async Task A_secret_is_never_answered_twice()
    {
        var organization = await app.NewOrganizationAsync();
        var body = new { name = "once", permissions = "read" };
        var first = await organization.Admin.SendAsync("POST", "/v1/api-keys", body, ("Idempotency-Key", "k"));
        var again = await organization.Admin.SendAsync("POST", "/v1/api-keys", body, ("Idempotency-Key", "k"));
        first.Status.ShouldBe(201);
        again.Status.ShouldBe(200);
        again["id"].GetGuid().ShouldBe(first["id"].GetGuid());
        again.Body.TryGetProperty("key", out _).ShouldBeFalse();
        again.Header("Idempotency-Replayed").ShouldBe("true");
    }

    [Fact]
    public async Task Work_that_was_committed_before_a_crash_is_answered_and_not_repeated()
    {
        var organization = await app.NewOrganizationAsync();
        var body = Account(NumberId());
        var first = await organization.Admin.SendAsync("POST", "/v1/accounts", body, ("Idempotency-Key", "crash"));
        await ExecuteAsync(
            "UPDATE bsp.idempotency_keys SET status = NULL, body = NULL, headers = NULL, leased_until = now() - interval '1 s' WHERE key = 'crash'");
        var again = await organization.Admin.SendAsync("POST", "/v1/accounts", body, ("Idempotency-Key", "crash"));
        again.Status.ShouldBe(201, again.Text);
        again["id"].GetGuid().ShouldBe(first["id"].GetGuid());
        again.Header("Idempotency-Replayed").ShouldBe("true");
    }

    [Fact]
    public async Task A_running_claim_is_409_until_its_lease_ends()
    {
        var organization = await app.NewOrganizationAsync();
        var body = Account(NumberId());
        await organization.Admin.SendAsync("POST", "/v1/accounts", body, ("Idempotency-Key", "leased"));
        await ExecuteAsync(
            "UPDATE bsp.idempotency_keys SET work_done = false, status = NULL, leased_until = now() + interval '1 h' WHERE key = 'leased'");
        (await organization.Admin.SendAsync("POST", "/v1/accounts", body, ("Idempotency-Key", "leased")))
            .ShouldBeProblem(409, "idempotency.in_flight");
        await ExecuteAsync("UPDATE bsp.idempotency_keys SET leased_until = now() - interval '1 s' WHERE key = 'leased'");
        await ExecuteAsync("DELETE FROM bsp.directory_numbers; DELETE FROM whatsapp_accounts");
        (await organization.Admin.SendAsync("POST", "/v1/accounts", body, ("Idempotency-Key", "leased"))).Status.ShouldBe(201);
    }

    [Fact]
    public async Task Refused_work_leaves_no_claim_and_old_claims_are_purged()
    {
        var organization = await app.NewOrganizationAsync();
        await organization.Admin.SendAsync("POST", "/v1/accounts", "{", ("Idempotency-Key", "refused"));
        (await CountAsync("refused")).ShouldBe(0);
        await organization.Admin.SendAsync("POST", "/v1/accounts", Account(NumberId()), ("Idempotency-Key", "old"));
        await ExecuteAsync("UPDATE bsp.idempotency_keys SET created_at = now() - interval '25 h' WHERE key = 'old'");
        var keys = Microsoft.Extensions.DependencyInjection.ServiceProviderServiceExtensions.GetRequiredService<Application.Common.IIdempotencyKeys>(app.Services);
        await keys.PurgeAsync(DateTimeOffset.UtcNow.AddHours(-24), CancellationToken.None);
        (await CountAsync("old")).ShouldBe(0);
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var command = app.Admin.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private async Task<long> CountAsync(string key)
    {
        await using var command = app.Admin.CreateCommand("SELECT count(*) FROM bsp.idempotency_keys WHERE key = $1");
        command.Parameters.Add(new() { Value = key });
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
