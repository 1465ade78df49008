using System.Diagnostics;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.ApiKeys;

public sealed class ApiKeyTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Only_the_hash_is_stored_and_the_secret_is_shown_once()
    {
        var organization = await app.NewOrganizationAsync();
        var key = await organization.Admin.SendAsync("POST", "/v1/api-keys", new { name = "shown once", permissions = "read" });
        var secret = key["key"].GetString()!;
        secret.ShouldStartWith($"bsp_{key["key_prefix"].GetString()}_");
        (await organization.Admin.SendAsync("GET", key.Header("Location")!)).Text.ShouldNotContain(secret);
        await using var command = app.Admin.CreateCommand("SELECT key_hash FROM api_keys WHERE id = $1");
        command.Parameters.Add(new() { Value = key["id"].GetGuid() });
        (await command.ExecuteScalarAsync()).ShouldBe(Application.ApiKeys.ApiKeySecret.HashOf(secret));
    }

    [Fact]
    public async Task A_revoked_key_ends_at_once()
    {
        var organization = await app.NewOrganizationAsync();
        var key = await organization.Admin.SendAsync("POST", "/v1/api-keys", new { name = "k", permissions = "read" });
        var client = app.Client(key["key"].GetString());
        (await client.SendAsync("GET", "/v1/me")).Status.ShouldBe(200);
        (await organization.Admin.SendAsync("DELETE", key.Header("Location")!)).Status.ShouldBe(204);
        (await client.SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
        (await organization.Admin.SendAsync("DELETE", key.Header("Location")!)).Status.ShouldBe(204);
        (await organization.Admin.SendAsync("POST", key.Header("Location") + "/rotate", "{}")).ShouldBeProblem(409, "api_key.revoked");
    }

    [Fact]
    public async Task A_key_revoked_by_another_process_ends_within_a_second()
    {
        var organization = await app.NewOrganizationAsync();
        (await organization.Reader.SendAsync("GET", "/v1/me")).Status.ShouldBe(200);
        await using (var command = app.Admin.CreateCommand("UPDATE bsp.directory_keys SET revoked_at = now() WHERE key_hash = $1"))
        {
            command.Parameters.Add(new() { Value = Application.ApiKeys.ApiKeySecret.HashOf(organization.ReadKey) });
            await command.ExecuteNonQueryAsync();
        }

        var clock = Stopwatch.StartNew();
        TimeSpan sent;
        Answer answer;
        do
        {
            sent = clock.Elapsed; // what is asked a second after the end is refused, however slowly it is answered
            answer = await organization.Reader.SendAsync("GET", "/v1/me");
            (answer.Status == 401 || sent < TimeSpan.FromSeconds(1))
                .ShouldBeTrue($"sent {sent.TotalMilliseconds} ms after the end: {answer.Status}");
        }
        while (answer.Status != 401);
    }

    [Fact]
    public async Task A_rotated_key_works_beside_the_new_one_for_the_grace_hours()
    {
        var organization = await app.NewOrganizationAsync();
        var old = await organization.Admin.SendAsync("POST", "/v1/api-keys", new { name = "k", permissions = "write" });
        var rotated = await organization.Admin.SendAsync("POST", old.Header("Location") + "/rotate", new { grace_hours = 2 });
        rotated["permissions"].GetString().ShouldBe("write");
        (await app.Client(rotated["key"].GetString()).SendAsync("GET", "/v1/me")).Status.ShouldBe(200);
        (await app.Client(old["key"].GetString()).SendAsync("GET", "/v1/me")).Status.ShouldBe(200);
        (await organization.Admin.SendAsync("GET", old.Header("Location")!))["expires_at"].GetDateTimeOffset()
            .ShouldBe(DateTimeOffset.UtcNow.AddHours(2), TimeSpan.FromMinutes(1));

        var again = await organization.Admin.SendAsync("POST", rotated.Header("Location") + "/rotate", new { grace_hours = 0 });
        again.Status.ShouldBe(201);
        (await app.Client(rotated["key"].GetString()).SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
    }

    [Fact]
    public async Task The_last_use_is_written_within_seconds()
    {
        var organization = await app.NewOrganizationAsync();
        await organization.Reader.SendAsync("GET", "/v1/me");
        await EndToEnd.Patience.UntilAsync(() => organization.Admin.SendAsync("GET", "/v1/api-keys"), keys =>
            keys["data"].EnumerateArray().First(k => k.GetProperty("name").GetString() == "read")
                .GetProperty("last_used_at").ValueKind != System.Text.Json.JsonValueKind.Null, "its use is written");
    }

    [Theory]
    [InlineData("""{"name":"k","permissions":"root"}""", "permissions")]
    [InlineData("""{"name":"k","permissions":"read","expires_at":"2001-01-01T00:00:00Z"}""", "expires_at")]
    [InlineData("""{"name":"k","permissions":"read","expires_at":"tomorrow"}""", "expires_at")]
    [InlineData("""{"name":"k","permissions":"read","expires_at":"2031-01-01T00:00:00"}""", "expires_at")]
    public async Task A_malformed_key_is_refused(string body, string field)
    {
        var organization = await app.NewOrganizationAsync();
        (await organization.Admin.SendAsync("POST", "/v1/api-keys", body)).ShouldBeProblem(400, "request.invalid")["errors"]
            .TryGetProperty(field, out _).ShouldBeTrue();
    }

    [Fact]
    public async Task The_neighbours_key_is_unknown()
    {
        var one = await app.NewOrganizationAsync();
        var other = await app.NewOrganizationAsync();
        var key = (await other.Admin.SendAsync("GET", "/v1/api-keys"))["data"][0].GetProperty("id").GetGuid();
        (await one.Admin.SendAsync("GET", $"/v1/api-keys/{key}")).ShouldBeProblem(404, "api_key.unknown");
        (await one.Admin.SendAsync("DELETE", $"/v1/api-keys/{key}")).ShouldBeProblem(404, "api_key.unknown");
        (await one.Admin.SendAsync("POST", $"/v1/api-keys/{key}/rotate", "{}")).ShouldBeProblem(404, "api_key.unknown");
    }
}
