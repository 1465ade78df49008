using Bsp.IntegrationTests.Common;
using Npgsql;

namespace Bsp.IntegrationTests.Organizations;

/// <summary>A directory and two shards, each a database of its own.</summary>
public sealed class ShardedApp(StoresFixture stores) : AppFixture(stores)
{
    private readonly string[] shards = new string[2];

    // Three databases on one server, which has 200 connections.
    protected override IEnumerable<(string Name, string? Value)> Settings =>
    [
        ("Bsp:Shards:A-M", shards[0]), ("Bsp:Shards:N-Z", shards[1]), ("Bsp:EventStore:LoadConnectionsMax", "6"),
        ("Bsp:Pools:Webhooks", "6"), ("Bsp:Pools:Sending", "6"), ("Bsp:Pools:People", "10"), ("Bsp:Pools:Background", "8"),
        ("Bsp:Pools:Bulk", "4"),
    ];

    public override async ValueTask InitializeAsync()
    {
        for (var i = 0; i < shards.Length; i++)
        {
            shards[i] = new NpgsqlConnectionStringBuilder(await Stores.Stores.CreateDatabaseAsync($"shard_{Guid.NewGuid():N}",
                CancellationToken.None)) { PersistSecurityInfo = true }.ConnectionString;
        }

        await base.InitializeAsync();
    }

    public async Task<long> CountAsync(int shard, string sql)
    {
        await using var source = NpgsqlDataSource.Create(shards[shard]);
        await using var command = source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}

public sealed class ShardTests(ShardedApp app) : IClassFixture<ShardedApp>
{
    [Fact]
    public async Task An_organization_lives_where_its_slug_says_and_nowhere_else()
    {
        var created =
            await app.Platform.SendAsync("POST", "/v1/organizations", new { name = "Zeta", slug = $"zeta-{Guid.NewGuid():N}" },
                ("Idempotency-Key", "zeta"));
        created.Status.ShouldBe(201, created.Text);
        var again = await app.Platform.SendAsync("POST", "/v1/organizations", new { name = "Zeta", slug = created["slug"].GetString() },
            ("Idempotency-Key", "zeta"));
        again.Text.ShouldBe(created.Text);
        var id = created["id"].GetGuid();
        (await app.CountAsync(0, $"SELECT count(*) FROM organizations WHERE id = '{id}'")).ShouldBe(0);
        (await app.CountAsync(1, $"SELECT count(*) FROM organizations WHERE id = '{id}'")).ShouldBe(1);

        var acting = app.Client(AppFixture.PlatformKey, id);
        var key = await AppFixture.CreatedAsync(acting, "/v1/api-keys", new { name = "k", permissions = "admin" });
        var admin = app.Client(key.GetProperty("key").GetString());
        var account = await AppFixture.NewAccountAsync(admin);
        (await admin.SendAsync("GET", $"/v1/accounts/{account}")).Status.ShouldBe(200);
        (await app.CountAsync(1, $"SELECT count(*) FROM whatsapp_accounts WHERE id = '{account}'")).ShouldBe(1);
        (await app.Platform.SendAsync("POST", $"/v1/organizations/{id}/suspend"))["status"].GetString().ShouldBe("suspended");
        (await admin.SendAsync("DELETE", $"/v1/api-keys/{key.GetProperty("id").GetGuid()}")).Status.ShouldBe(204);
        (await admin.SendAsync("GET", "/v1/me")).Status.ShouldBe(401);
    }

    [Fact]
    public async Task Organizations_of_all_shards_are_listed_in_order_and_plans_are_copied_to_each()
    {
        await app.Platform.SendAsync("POST", "/v1/organizations", new { name = "A", slug = $"a-{Guid.NewGuid():N}" });
        await app.Platform.SendAsync("POST", "/v1/organizations", new { name = "Z", slug = $"z-{Guid.NewGuid():N}" });
        var names = (await app.Platform.SendAsync("GET", "/v1/organizations?limit=200"))["data"].EnumerateArray()
            .Select(o => o.GetProperty("name").GetString()).ToList();
        names.IndexOf("A").ShouldBeLessThan(names.IndexOf("Z"));

        var plan = await app.Platform.SendAsync("POST", "/v1/plans",
            new { name = "P", code = $"p-{Guid.NewGuid():N}", monthly_price = "1", per_message_price = "1" });
        await app.Platform.SendAsync("PATCH", plan.Header("Location")!, """{"included_messages":7}""");
        (await app.CountAsync(0,
            $"SELECT count(*) FROM billing_plans WHERE id = '{plan["id"].GetGuid()}' AND included_messages = 7 AND row_version = 2"))
            .ShouldBe(1);
        (await app.CountAsync(1,
            $"SELECT count(*) FROM billing_plans WHERE id = '{plan["id"].GetGuid()}' AND included_messages = 7 AND row_version = 2"))
            .ShouldBe(1);
    }

    [Fact]
    public async Task People_are_found_by_e_mail_in_the_directory_and_live_on_their_organizations_shard()
    {
        var (a, z) = (await OrganizationAsync("a"), await OrganizationAsync("z"));
        var email = People.NewEmail();
        var answers =
            await Task.WhenAll(new[] { a, z, a, z }.Select(o => app.Client(AppFixture.PlatformKey, o)
                .SendAsync("POST", "/v1/users", new { email, role = "admin", password = People.Password })));
        answers.Count(r => r.Status == 201).ShouldBe(1);
        answers.Where(r => r.Status != 201).ShouldAllBe(r => r.Code == "user.email_taken");
        var id = answers.Single(r => r.Status == 201)["id"].GetGuid();
        (await app.CountAsync(0, $"SELECT count(*) FROM users WHERE id = '{id}'") + await app.CountAsync(1,
            $"SELECT count(*) FROM users WHERE id = '{id}'")).ShouldBe(1);
        var admin = app.Client(await app.SignInAsync(email, People.Password));
        (await admin.SendAsync("GET", "/v1/me"))["user"].GetProperty("id").GetGuid().ShouldBe(id);

        var invited = People.NewEmail();
        var token = (await app.Client(AppFixture.PlatformKey, z)
            .SendAsync("POST", "/v1/auth/invitations", new { email = invited, role = "agent" }))["token"].GetString();
        var accepted =
            await Task.WhenAll(Enumerable.Range(0, 10)
                .Select(_ => app.Anonymous.SendAsync("POST", "/v1/auth/invitations/accept", new { token, password = People.Password })));
        accepted.Count(r => r.Status == 201).ShouldBe(1, accepted[0].Text);
        accepted.Where(r => r.Status != 201).ShouldAllBe(r => r.Code == "invitation.unknown");
        (await app.CountAsync(1, $"SELECT count(*) FROM users WHERE email = '{invited}'")).ShouldBe(1);

        var reset = (await app.Platform.SendAsync("POST", "/v1/auth/reset/request", new { email = invited }))["token"].GetString();
        (await app.Anonymous.SendAsync("POST", "/v1/auth/reset",
            new { token = reset, password = "a brand new password" })).Status.ShouldBe(204);
        var agent = app.Client(await app.SignInAsync(invited, "a brand new password"));
        (await app.Client(AppFixture.PlatformKey, z)
            .SendAsync("DELETE",
                $"/v1/users/{(await agent.SendAsync("GET", "/v1/me"))["user"].GetProperty("id").GetGuid()}")).Status.ShouldBe(204);
        (await agent.SendAsync("GET", "/v1/me")).Status.ShouldBe(401);
        (await app.Client(AppFixture.PlatformKey, z).SendAsync("GET", "/v1/audit-trail?type=user.deleted"))["data"].GetArrayLength()
            .ShouldBe(1);
        (await app.CountAsync(1, "SELECT count(*) FROM bsp.audit_trail WHERE act = 'user.deleted'")).ShouldBe(1);
    }

    private async Task<Guid> OrganizationAsync(string letter) =>
        (await AppFixture.CreatedAsync(app.Platform, "/v1/organizations", new { name = letter, slug = $"{letter}-{Guid.NewGuid():N}" }))
        .GetProperty("id").GetGuid();
}
