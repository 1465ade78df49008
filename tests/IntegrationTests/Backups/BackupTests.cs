using Bsp.Api.Operations;
using Bsp.Application.Common;
using Bsp.Infrastructure.Backups;
using Bsp.Infrastructure.LedgerAudits;
using Bsp.Infrastructure.LedgerAudits.Shown;
using Bsp.Infrastructure.Sending;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Charging;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.IntegrationTests.Backups;

/// <summary>The drill: a backup of an application at work, the database lost, all put back, audited, and work that goes on.</summary>
public sealed class BackupTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_lost_database_is_restored_audited_and_sends_what_waited_once_and_only_when_a_person_says_so()
    {
        using var folder = new TemporaryFolder();
        var backup = folder.Of("backup");
        using var tenant = await app.NewTenantAsync();
        await app.TopUpAsync(tenant.Id, 1);
        (await SendAsync(tenant, "+919876551000")).Status.ShouldBe(201);
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w == new Purse.Seen(0.9984m, 0, 0), "the first is charged");
        await Patience.UntilAsync(() => ReportsAsync(tenant), text => text.Contains("passed 1, analytics passed 1"), "views have it");
        await app.Services.GetRequiredService<SendingSwitch>().SetAsync(held: true, "a drill", Ct);
        var waiting = (await SendAsync(tenant, "+919876551001"))["id"].GetGuid();
        var options = app.Services.GetRequiredService<BspOptions>();
        await File.WriteAllBytesAsync(Path.Combine(app.Files, "a-file"), [1, 2, 3]);

        var made = await new Backup(options, TimeProvider.System, _ => { }).WriteAsync(backup, withObjects: true, Ct);

        Directory.GetFileSystemEntries(folder.Path).ShouldBe([backup]);
        made.Databases.ShouldHaveSingleItem().Rows["public.mt_events"].ShouldBeGreaterThan(0);
        made.Objects.ShouldNotBeNull().Files.ShouldBeGreaterThan(0);
        (await RefusalAsync(() => new Backup(options, TimeProvider.System, _ => { }).WriteAsync(backup, false, Ct)))
            .ShouldContain("is there and not empty");
        await RefusedAsync(options, backup, "is not empty", "Nothing was changed");

        await app.StopAsync();
        await LoseDatabaseAsync();
        File.Delete(Path.Combine(app.Files, "a-file"));
        await RefusedAsync(options, backup, "Redis holds", "--empty-copies");
        await RefusedAsync(options with { MasterKey = new byte[32] }, backup, "another master key");
        await DamagedAsync(options, folder, backup);
        var lines = new List<string>();
        await new Restore(options, TimeProvider.System, NullLoggerFactory.Instance, lines.Add).ReadAsync(backup, emptyCopies: true, Ct);
        (await File.ReadAllBytesAsync(Path.Combine(app.Files, "a-file"), Ct)).ShouldBe([1, 2, 3]);
        lines.ShouldContain(line => line.StartsWith("Emptied: Redis", StringComparison.Ordinal));

        await app.StartAsync();
        using var again = tenant.At(app.Address);
        var held = await app.Services.GetRequiredService<SendingSwitch>().ReadAsync(Ct);
        held.Held.ShouldBeTrue();
        held.Reason.ShouldNotBeNull().ShouldStartWith("restored from the backup of ");
        await Patience.UntilAsync(() => ReportsAsync(tenant), text => text.Contains("passed 1, analytics passed 1"), "views are made anew");
        (await AuditAsync(options, "--org", $"{tenant.Id}")).ShouldBe(0);
        (await AuditAsync(options, "--log", "--all")).ShouldBe(0);
        (await SendAsync(again, "+919876551002")).Status.ShouldBe(201); // taken in, and it waits as well
        await Patience.UntilAsync(() => QueuedAsync(tenant), keys => keys >= 1, "what waited lies in the queue again");
        (await app.SeenAsync(tenant.Id)).Balance.ShouldBe(0.9984m);
        Calls(waiting).ShouldBe(0);

        await app.Services.GetRequiredService<SendingSwitch>().SetAsync(held: false, null, Ct);
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w == new Purse.Seen(0.9952m, 0, 0), "both are sent and charged");
        Calls(waiting).ShouldBe(1);
        (await app.ChargedAsync(tenant.Id)).ShouldBe((0.0048m, 3, 0));
    }

    private static async Task<string> RefusalAsync(Func<Task> work) => (await Should.ThrowAsync<BackupFault>(work)).Message;

    private static async Task RefusedAsync(BspOptions options, string backup, params string[] says)
    {
        var said = await RefusalAsync(() => new Restore(options, TimeProvider.System, NullLoggerFactory.Instance, _ => { })
            .ReadAsync(backup, emptyCopies: false, Ct));
        says.ShouldAllBe(part => said.Contains(part), said);
    }

    // What is not whole, was changed, or is of a build to come is refused before anything is touched.
    private static async Task DamagedAsync(BspOptions options, TemporaryFolder folder, string backup)
    {
        var copy = folder.Of("copy");
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.GetFiles(backup))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        var (dump, manifest) = (Directory.GetFiles(copy, "*.dump").Single(), Path.Combine(copy, BackupManifest.FileName));
        var text = await File.ReadAllTextAsync(manifest, Ct);
        await File.WriteAllTextAsync(manifest,
            text.Replace("0001_roles_and_tenancy.sql", "9999_to_come.sql", StringComparison.Ordinal), Ct);
        await RefusedAsync(options, copy, "newer build", "9999_to_come.sql");
        await File.WriteAllTextAsync(manifest, text, Ct);
        await RefusedAsync(options, copy, "is missing", "not whole"); // its files were not copied
        var bytes = await File.ReadAllBytesAsync(dump, Ct);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(dump, bytes, Ct);
        await RefusedAsync(options, copy, Path.GetFileName(dump), "is damaged");
        File.Delete(manifest);
        await RefusedAsync(options, copy, "is no backup");
    }

    private async Task LoseDatabaseAsync()
    {
        var name = new NpgsqlConnectionStringBuilder(app.AdminConnectionString).Database;
        await using var server = NpgsqlDataSource.Create(app.Stores.Stores.Postgres);
        // Put aside, not dropped: DROP DATABASE waits for every process of the server, and other tests' are among them.
        var lost = $"lost_{Guid.NewGuid():N}";
        await Patience.SoonAsync(async () =>
        {
            await RunAsync(server, $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
            try
            {
                await RunAsync(server, $"ALTER DATABASE \"{name}\" RENAME TO {lost}");
            }
            catch (PostgresException inUse) when (inUse.SqlState == PostgresErrorCodes.ObjectInUse)
            {
                throw new InvalidOperationException("Somebody has just connected.", inUse);
            }
        });
        await RunAsync(server, $"CREATE DATABASE \"{name}\"");
        app.Admin.Clear();
    }

    private static async Task RunAsync(NpgsqlDataSource server, string sql)
    {
        await using var command = server.CreateCommand(sql);
        command.CommandTimeout = 300; // of a server that works for others
        await command.ExecuteNonQueryAsync(Ct);
    }

    private async Task<string> ReportsAsync(Tenant tenant)
    {
        var shard = await app.Services.GetRequiredService<Shards>().OfAsync(tenant.Id, Ct);
        var report = await new LedgerAudit(shard, tenant.Id, null, null, workers: 1, TimeProvider.System)
        {
            Costs = app.Services.GetRequiredService<ShownCosts>(),
        }.RunAsync(null, Ct);
        return $"{string.Join(", ", report.Checks.Select(c => $"{c.Name} {c.Result} {c.Items}"))} {report.FirstFault?.Detail}";
    }

    private Task<int> AuditAsync(BspOptions options, params string[] arguments) => AuditCommand.RunAsync(options,
        NullLoggerFactory.Instance, arguments, app.Services.GetRequiredService<ShownCosts>, Ct);

    private async Task<long> QueuedAsync(Tenant tenant)
    {
        var keys = 0L;
        await app.AdminRedisAsync(async redis => keys = ((string[]?)await redis.ExecuteAsync("KEYS", $"*{tenant.AccountId}*"))!.Length);
        return keys;
    }

    private int Calls(Guid message) => app.Meta.State.CountOfCallback($"{message}").Tried;

    private static Task<Answer> SendAsync(Tenant tenant, string to) => tenant.Api.SendAsync("POST", "/v1/messages", new
    {
        account_id = tenant.AccountId, to, type = "template",
        template = new { name = "order_on_its_way", language = new { code = "en" },
            components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } },
    });
}
