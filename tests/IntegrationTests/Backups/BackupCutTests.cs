using System.Security.Cryptography;
using Bsp.Application.Common;
using Bsp.Infrastructure.Backups;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.IntegrationTests.Backups;

/// <summary>A directory and a shard in databases of their own: one cut, all or nothing, and no webhook between the two.</summary>
public sealed class BackupCutTests(StoresFixture stores)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Several_databases_come_back_as_they_were_and_what_waited_or_just_came_is_carried_out_again()
    {
        using var folder = new TemporaryFolder();
        var (options, directory, shard) = await TwoAsync();
        await ExecuteAsync(directory, """
            INSERT INTO bsp.webhook_journal (received_at, headers, signature, body_sha256, body)
            SELECT now() - make_interval(hours => n * 5), '{}', 'platform', n::text, convert_to('{"n": "' || n || E'\\t\\n"}', 'UTF8')
              FROM generate_series(0, 2) n;
            INSERT INTO bsp.webhook_inbox (journal_id, received_at) SELECT id, received_at FROM bsp.webhook_journal WHERE body_sha256 = '1';
            INSERT INTO bsp.webhook_set_aside (lane, journal_id, received_at, signature, body_sha256, field, part, body, reason, attempts)
            SELECT gen_random_uuid(), id, received_at, 'platform', '2', 'messages', 'messages[0]', decode('0a09', 'hex'), 'failed', 1
              FROM bsp.webhook_journal WHERE body_sha256 = '2'
            """);
        var (stopped, lines) = (folder.Of("stopped"), new List<string>());
        using (var stop = new CancellationTokenSource())
        {
            await Should.ThrowAsync<OperationCanceledException>(() => new Backup(options, TimeProvider.System, _ => stop.Cancel())
                .WriteAsync(stopped, withObjects: false, stop.Token));
        }

        Directory.GetFileSystemEntries(folder.Path).ShouldBeEmpty();
        Directory.CreateDirectory(folder.Of("whole.unfinished"));
        await File.WriteAllTextAsync(folder.Of("whole.unfinished/half.dump"), "a killed one left it", Ct);
        var made = await new Backup(options, TimeProvider.System, lines.Add).WriteAsync(folder.Of("whole"), withObjects: false, Ct);
        Directory.GetFileSystemEntries(folder.Path).ShouldBe([folder.Of("whole")]);
        made.Databases.Select(d => d.Title).ShouldBe(["directory", "A-Z"]);
        made.Databases[0].At.ShouldBeGreaterThan(made.Databases[1].At);
        lines.Count(line => line.EndsWith("read again", StringComparison.Ordinal)).ShouldBe(2);

        var (empty, newDirectory, newShard) = await TwoAsync(migrated: false);
        using (var stop = new CancellationTokenSource())
        {
            void Stop(string line)
            {
                if (line.StartsWith("A-Z:", StringComparison.Ordinal))
                {
                    stop.Cancel();
                }
            }

            await Should.ThrowAsync<OperationCanceledException>(() =>
                new Restore(empty, TimeProvider.System, NullLoggerFactory.Instance, Stop)
                    .ReadAsync(folder.Of("whole"), emptyCopies: false, stop.Token));
        }

        (await TextAsync(newDirectory, "SELECT coalesce(to_regclass('bsp.directory_organizations')::text, 'nothing')")).ShouldBe("nothing");
        lines.Clear();
        await new Restore(empty, TimeProvider.System, NullLoggerFactory.Instance, lines.Add)
            .ReadAsync(folder.Of("whole"), emptyCopies: false, Ct);
        lines.ShouldContain("A-Z: restored before");
        (await TextAsync(newDirectory, """
            SELECT string_agg(j.body_sha256, ',' ORDER BY j.body_sha256) FROM bsp.webhook_inbox i
              JOIN bsp.webhook_journal j ON j.id = i.journal_id
            """)).ShouldBe("0,1", "the one that waited, and the one that had just come");
        (await TextAsync(newDirectory, "SELECT string_agg(encode(body, 'hex'), ',') FROM bsp.webhook_set_aside")).ShouldBe("0a09");
        (await TextAsync(newDirectory, "SELECT count(*) FROM bsp.sending_switch WHERE held")).ShouldBe("1");
        foreach (var (before, after) in new[] { (directory, newDirectory), (shard, newShard) })
        {
            const string settings = """
                SELECT string_agg(c, ',' ORDER BY c) FROM pg_db_role_setting d CROSS JOIN LATERAL unnest(d.setconfig) AS c
                 WHERE d.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
                """;
            (await TextAsync(after, settings)).ShouldBe(await TextAsync(before, settings));
            (await TextAsync(after, "SELECT count(*) FROM bsp.schema_migrations"))
                .ShouldBe(await TextAsync(before, "SELECT count(*) FROM bsp.schema_migrations"));
        }
    }

    private async Task<(BspOptions Options, string Directory, string Shard)> TwoAsync(bool migrated = true)
    {
        var names = new[] { $"directory_{Guid.NewGuid():N}", $"shard_{Guid.NewGuid():N}" };
        var made = new List<string>();
        foreach (var name in names)
        {
            made.Add(new NpgsqlConnectionStringBuilder(migrated ? await stores.NewDatabaseAsync(name)
                : await stores.Stores.CreateDatabaseAsync(name, Ct)) { PersistSecurityInfo = true, Pooling = false }.ConnectionString);
        }

        return (new()
        {
            DirectoryOwner = made[0], DirectoryApp = App(made[0]), Shards = [new("A-Z", made[1], App(made[1]))], PlatformKeySha256 = [],
            MasterKey = SHA256.HashData("only for backups"u8), Meta = new() { BaseUrl = new("http://localhost") },
        }, made[0], made[1]);
    }

    private static string App(string owner) => new NpgsqlConnectionStringBuilder(owner)
    {
        Username = "bsp_app", Password = LogDatabase.AppPassword,
    }.ConnectionString;

    private static async Task ExecuteAsync(string database, string sql)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Ct);
    }

    private static async Task<string> TextAsync(string database, string sql)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await using var command = source.CreateCommand(sql);
        return $"{await command.ExecuteScalarAsync(Ct)}";
    }
}
