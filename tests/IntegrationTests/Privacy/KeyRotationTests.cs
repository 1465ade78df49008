using System.Diagnostics;
using System.Security.Cryptography;
using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Privacy;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Bsp.IntegrationTests.Privacy;

/// <summary>An application whose master key is being rotated by the program's own verb, as a process that can be killed.</summary>
public sealed class RotatedApp(StoresFixture stores) : AppFixture(stores)
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("bsp-keys-");

    public static byte[] OldKey => SHA256.HashData("only for tests"u8);

    public static byte[] NewKey => SHA256.HashData("the next one"u8);

    public string KeyFile => Path.Combine(directory.FullName, "master-keys");

    /// <summary>Starts <c>Bsp.Api.dll rotate-keys</c> with the keys of <see cref="KeyFile"/>.</summary>
    public Process Rotate()
    {
        var dotnet = Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet" ? Environment.ProcessPath! : "dotnet";
        var start = new ProcessStartInfo(dotnet,
            [Path.Combine(AppContext.BaseDirectory, "Bsp.Api.dll"), "rotate-keys"]) { RedirectStandardOutput = true,
            RedirectStandardError = true, WorkingDirectory = directory.FullName };
        start.Environment["ConnectionStrings__Directory"] = AdminConnection;
        start.Environment["ConnectionStrings__DirectoryApp"] =
            new NpgsqlConnectionStringBuilder(AdminConnection) { Username = "bsp_app",
                Password = LogDatabase.AppPassword }.ConnectionString;
        start.Environment["Bsp__PlatformKey"] = PlatformKey;
        start.Environment["Bsp__MasterKeyFile"] = KeyFile;
        return Process.Start(start)!;
    }

    public NpgsqlDataSource NewConnection() => NpgsqlDataSource.Create(AdminConnection);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        directory.Delete(recursive: true);
    }
}

public sealed class KeyRotationTests(RotatedApp app) : IClassFixture<RotatedApp>
{
    private const int Contacts = 6_000;

    [Fact]
    public async Task Killed_in_the_middle_and_run_again_nothing_is_left_under_the_old_key_and_all_opens_under_the_new()
    {
        var (oldKeys, newKeys) = (Keys(RotatedApp.OldKey), Keys(RotatedApp.NewKey));
        await File.WriteAllTextAsync(app.KeyFile,
            $"# the current one first\n{Convert.ToBase64String(RotatedApp.NewKey)}\n\n# the one before\n{Convert.ToBase64String(RotatedApp.OldKey)}\n");
        var organization = await app.NewOrganizationAsync();
        await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}",
            new { meta_access_token = "EAA-organization", webhook_verify_token = "verify-me", meta_app_secret = "app-secret" });
        await SqlAsync(
            "INSERT INTO webhooks (id, organization_id, name, url, secret) VALUES (gen_random_uuid(), $1, 'w', 'https://example.com', $2) RETURNING 1", organization.Id, oldKeys.Seal("webhook-secret"));
        await SqlAsync(
            "INSERT INTO bsp.contact_erasures (contact_id, organization_id, contact_ids, identities, completed_at, leased_until) VALUES (gen_random_uuid(), $1, '{}', $2, NULL, now() + interval '1 hour') RETURNING 1", organization.Id, oldKeys.Seal("""{"Phones":[],"UserIds":[],"Emails":[]}"""));
        var people = Enumerable.Range(0, Contacts).Select(_ => Uuid.New()).Order().ToList();
        var personal = app.Services.GetRequiredService<IPersonalData>();
        var data = new List<Sealed>();
        foreach (var page in people.Chunk(2_000))
        {
            data.AddRange(await personal.SealAsync(organization.Id, [.. page.Select(id => (id, $"Ana {id}"))],
                TestContext.Current.CancellationToken));
        }

        // A lock on a contact in the middle holds the first run there, so that it is certainly killed in the middle.
        await using (var other = app.NewConnection())
        await using (var connection = await other.OpenConnectionAsync(TestContext.Current.CancellationToken))
        await using (var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken))
        {
            await using var hold =
                new NpgsqlCommand("SELECT 1 FROM bsp.contact_keys WHERE contact_id = $1 FOR UPDATE",
                    connection) { Parameters = { new() { Value = people[Contacts / 2] } } };
            await hold.ExecuteScalarAsync(TestContext.Current.CancellationToken);
            using var first = app.Rotate();
            await Patience.UntilAsync(() => CountAsync(newKeys.CurrentId), done =>
                done > 0 || first.HasExited, "some keys are wrapped anew");
            first.HasExited.ShouldBeFalse();
            first.Kill();
            await first.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        (await CountAsync(newKeys.CurrentId)).ShouldBeInRange(1, Contacts - 1);
        using var second = app.Rotate();
        var said = await second.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await second.WaitForExitAsync(TestContext.Current.CancellationToken);
        second.ExitCode.ShouldBe(0, said + await second.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        said.ShouldContain("Nothing is left under another key");

        (await CountAsync(newKeys.CurrentId)).ShouldBe(Contacts);
        (await MentionsAsync($"v1.{oldKeys.CurrentId}.")).ShouldBe("");
        (await MentionsAsync($"v1.{newKeys.CurrentId}.")).ShouldBe("organizations whatsapp_accounts webhooks contact_erasures");
        newKeys.Open(await SqlAsync("SELECT meta_access_token FROM organizations WHERE id = $1", organization.Id))
            .ShouldBe("EAA-organization");
        newKeys.Open(await SqlAsync("SELECT webhook_verify_token FROM organizations WHERE id = $1", organization.Id)).ShouldBe("verify-me");
        newKeys.Open(await SqlAsync("SELECT meta_app_secret FROM organizations WHERE id = $1", organization.Id)).ShouldBe("app-secret");
        newKeys.Open(await SqlAsync("SELECT secret FROM webhooks WHERE organization_id = $1", organization.Id)).ShouldBe("webhook-secret");
        newKeys.Open(await SqlAsync("SELECT credentials ->> 'access_token' FROM whatsapp_accounts WHERE id = $1", organization.AccountId))
            .ShouldBe("EAA-test");
        using var after = new PersonalData(app.Services.GetRequiredService<Infrastructure.Sharding.Shards>(), newKeys);
        (await after.OpenAsync(organization.Id, data, TestContext.Current.CancellationToken)).ShouldBe(people.Select(id => $"Ana {id}"));
    }

    [Fact]
    public async Task A_secret_under_a_key_that_nobody_has_is_counted_and_named()
    {
        var organization = await app.NewOrganizationAsync();
        var lost = Keys(SHA256.HashData("lost"u8));
        await SqlAsync("UPDATE organizations SET meta_app_secret = $2 WHERE id = $1 RETURNING 1", organization.Id, lost.Seal("gone"));
        var said = new List<string>();
        var report =
            await new KeyRotation(app.Services.GetRequiredService<Infrastructure.Sharding.Shards>(),
                Keys(RotatedApp.OldKey, RotatedApp.NewKey), said.Add).RunAsync(TestContext.Current.CancellationToken);
        report.Left.ShouldBe(new Dictionary<string, long> { [lost.CurrentId] = 1 });
        await SqlAsync("UPDATE organizations SET meta_app_secret = NULL WHERE id = $1 RETURNING 1", organization.Id);
    }

    private static MasterKeys Keys(byte[] current, params byte[][] older) => new(new BspOptions
    {
        DirectoryApp = "", Shards = [], PlatformKeySha256 = [], MasterKey = current, OldMasterKeys = older,
            Meta = new() { BaseUrl = new("http://127.0.0.1") },
    });

    private async Task<long> CountAsync(string masterKeyId) =>
        long.Parse(await SqlAsync("SELECT count(*) FROM bsp.contact_keys WHERE master_key_id = $1", masterKeyId));

    // Tables of which any row holds the text, whatever the column: a place where secrets are sealed and the rotation does not know of would
    // show here.
    private Task<string> MentionsAsync(string text) => SqlAsync("""
        SELECT coalesce(string_agg(c.relname, ' ' ORDER BY c.oid), '') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND n.nspname IN ('public', 'bsp', 'documents')
           AND (xpath('/row/c/text()', query_to_xml(format('SELECT count(*) AS c FROM %I.%I t WHERE t::text LIKE %L', n.nspname, c.relname, '%' || $1 || '%'), false, true, '')))[1]::text <> '0'
        """, text);

    private async Task<string> SqlAsync(string sql, params object[] arguments)
    {
        await using var command = app.Admin.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        return $"{await command.ExecuteScalarAsync()}";
    }
}
