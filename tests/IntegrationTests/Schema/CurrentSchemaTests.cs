using System.Diagnostics;
using System.Globalization;
using System.Text;
using Bsp.IntegrationTests.Common;
using Bsp.LocalStores.Common;
using Npgsql;

namespace Bsp.IntegrationTests.Schema;

/// <summary>
/// docs/schema/current.sql is what all numbered files come to: for reading, and for seeing in a review what a new file changes.
/// </summary>
public sealed class CurrentSchemaTests(StoresFixture stores)
{
    private const string Command = "BSP_WRITE_SCHEMAS=1 ./test CurrentSchema";
    private const string DebianRoot = "/usr/lib/postgresql";
    private static readonly string Path = System.IO.Path.Combine(Checkout.Root!, "docs", "schema", "current.sql");

    [Fact]
    public async Task The_schema_in_the_documentation_is_the_one_that_the_files_make()
    {
        var database = new NpgsqlConnectionStringBuilder(await stores.NewDatabaseAsync($"schema_{Guid.NewGuid():N}"));
        var (major, partitions) = await AskAsync(database.ConnectionString);
        var writes = Environment.GetEnvironmentVariable("BSP_WRITE_SCHEMAS") == "1";
        var written = File.Exists(Path) ? await File.ReadAllTextAsync(Path, TestContext.Current.CancellationToken) : "";
        Assert.SkipUnless(writes || written.Length == 0 || written.Contains(Version(major), StringComparison.Ordinal),
            $"It was written with another major version than {major}: its programs word the same schema otherwise.");
        Assert.SkipUnless(File.Exists(Dump(major)), $"{Dump(major)} is not installed.");
        var current = Header(major) + Readable(await DumpAsync(Dump(major), database, partitions));
        if (writes)
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
            await File.WriteAllTextAsync(Path, current, TestContext.Current.CancellationToken);
            return;
        }

        (current == written)
            .ShouldBeTrue(
                $"docs/schema/current.sql is not what src/Infrastructure/Schema makes; write it anew with: {Command}\n{FirstDifference(written, current)}");
    }

    private static string Version(int major) => $"PostgreSQL {major.ToString(CultureInfo.InvariantCulture)},";

    private static string Header(int major) => $"""
        -- Generated, never edited: what the numbered files of src/Infrastructure/Schema and Marten's own tables come to. {Version(major)} by pg_dump.
        -- After a new file, and when two branches that added files meet: {Command}
        -- Partitions that the application makes day by day are left out.


        """;

    private static string Dump(int major) =>
        System.IO.Path.Combine(DebianRoot, major.ToString(CultureInfo.InvariantCulture), "bin", "pg_dump");

    private static async Task<(int Major, List<string> Partitions)> AskAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command =
            new NpgsqlCommand(
                "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relispartition AND c.relkind = 'r'", connection);
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var partitions = new List<string>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            partitions.Add(reader.GetString(0));
        }

        return (connection.PostgreSqlVersion.Major, partitions);
    }

    private static async Task<string> DumpAsync(string program, NpgsqlConnectionStringBuilder database, List<string> partitions)
    {
        var start = new ProcessStartInfo(program,
            ["--schema-only", "--no-comments", .. partitions.Select(p => $"--exclude-table={p}"), database.Database!])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.UTF8,
        };
        (start.Environment["PGHOST"], start.Environment["PGPORT"]) = (database.Host, database.Port.ToString(CultureInfo.InvariantCulture));
        (start.Environment["PGUSER"], start.Environment["PGPASSWORD"]) = (database.Username, database.Password);
        using var process = Process.Start(start)!;
        var (text, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        process.ExitCode.ShouldBe(0, await error);
        return await text;
    }

    // Without what differs from run to run and from server to server (settings, the dump's own remarks, psql's commands), and with one
    // blank line where it has several.
    private static string Readable(string dump)
    {
        var kept = new StringBuilder();
        var blank = true;
        foreach (var line in dump.Split('\n')
            .Where(line => !line.StartsWith("--", StringComparison.Ordinal) && !line.StartsWith("SET ", StringComparison.Ordinal)
            && !line.StartsWith('\\') && !line.StartsWith("SELECT pg_catalog.set_config", StringComparison.Ordinal)))
        {
            if (line.Length > 0 || !blank)
            {
                kept.Append(line).Append('\n');
            }

            blank = line.Length == 0;
        }

        return kept.ToString().TrimEnd('\n') + "\n";
    }

    private static string FirstDifference(string written, string current)
    {
        var (before, now) = (written.Split('\n'), current.Split('\n'));
        var line = Enumerable.Range(0, Math.Max(before.Length, now.Length))
            .FirstOrDefault(i => before.ElementAtOrDefault(i) != now.ElementAtOrDefault(i));
        return $"line {line + 1}: written {before.ElementAtOrDefault(line) ?? "nothing"}; made {now.ElementAtOrDefault(line) ?? "nothing"}";
    }
}
