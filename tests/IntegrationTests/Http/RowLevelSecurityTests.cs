using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.EventStore;
using Npgsql;

namespace Bsp.IntegrationTests.Http;

/// <summary>
/// Promise 5 behind the code: whatever statement the application's role runs, a table with an organization's rows shows it those of the
/// named organization and no others. From the catalog: a new table is tested without being named here.
/// </summary>
public sealed class RowLevelSecurityTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    // Searched before the organization is known, or across all of them; none holds what one organization would hide from another beyond
    // that it exists.
    private static readonly Dictionary<string, string> Without = new()
    {
        ["bsp.directory_organizations"] = "the organization is what is looked up: shard and status by id",
        ["bsp.directory_emails"] = "signing in finds the organization by the e-mail; unique everywhere",
        ["bsp.directory_keys"] = "a call finds the organization by the key's hash",
        ["bsp.directory_sessions"] = "a call finds the organization by the token's hash",
        ["bsp.directory_second_factors"] = "signing in looks at them by the person before it acts for an organization; sealed",
        ["bsp.directory_challenges"] = "the second half of signing in finds the person by the challenge's hash",
        ["bsp.directory_tokens"] = "accepting and resetting find the organization by the token's hash",
        ["bsp.directory_numbers"] = "a webhook finds the organization by the number",
        ["bsp.import_rows_staged"] =
        "COPY is not allowed into a table with row-level security: the application may only add rows, under its transaction's organization, and reads them through a view",
        ["public.mt_event_projection_floors"] = "of Marten's own daemon, which this product does not run: names of projections and numbers",
        ["bsp.webhook_journal"] = "raw webhooks, before anybody knows whose they are; partitions alike",
        ["bsp.webhook_set_aside"] = "parts of raw webhooks that were not carried out; the platform's",
    };

    [Fact]
    public async Task Every_table_with_an_organization_has_row_level_security_or_stands_on_the_list_with_its_reason()
    {
        var tables = await TablesAsync();
        tables.Count.ShouldBeGreaterThan(25);
        Without.Keys.Except(tables.Select(t => t.Name)).ShouldBeEmpty();
        foreach (var table in tables.Where(t => !Without.ContainsKey(t.Name)))
        {
            table.Secured.ShouldBeTrue(
                $"{table.Name} has no row-level security: SELECT bsp.secure_by_tenant('{table.Name}') in its schema file.");
        }
    }

    [Fact]
    public async Task Where_row_level_security_gives_way_to_COPY_the_application_reads_nothing()
    {
        await using var command =
            app.Admin.CreateCommand(
                "SELECT has_any_column_privilege('bsp_app', 'bsp.import_rows_staged', 'SELECT') OR has_table_privilege('bsp_app', 'bsp.import_rows_staged', 'UPDATE, DELETE') OR has_column_privilege('bsp_app', 'bsp.import_rows_staged', 'organization_id', 'INSERT')");
        (await command.ExecuteScalarAsync()).ShouldBe(false);
    }

    [Fact]
    public async Task Without_a_WHERE_the_application_reads_changes_and_removes_nothing_of_the_neighbour()
    {
        using var own = await app.NewTenantAsync();
        using var neighbour = await app.NewTenantAsync();
        foreach (var tenant in new[] { own, neighbour })
        {
            await tenant.ImportAsync(["+919871500001"]);
            await AppFixture.CreatedAsync(tenant.Api, "/v1/users", new { email = People.NewEmail(), role = "agent" });
            await AppFixture.CreatedAsync(tenant.Api, "/v1/lists", new { name = "All" });
            await tenant.CompletedAsync(await tenant.LaunchAsync());
        }

        await app.Views.SettledRowsAsync();
        await using var source =
            NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(app.AdminConnectionString) { Username = "bsp_app",
                Password = LogDatabase.AppPassword }.ConnectionString);
        await using var connection = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        var seen = 0;
        foreach (var table in (await TablesAsync()).Where(t => t.Secured))
        {
            (await CountAsync(connection, null, $"SELECT count(*) FROM {table.Name}")).ShouldBe(0, $"{table.Name}, nobody named");
            var mine = await CountAsync(connection, own.Id, $"SELECT count(*) FROM {table.Name}");
            var others = $"SELECT count(*) FROM {table.Name} WHERE {table.Column}::text IS DISTINCT FROM '{own.Id}'";
            (await CountAsync(connection, own.Id, others)).ShouldBe(0, $"{table.Name} shows others");
            (await CountAsync(connection, own.Id, $"SELECT count(*) FROM {table.Name} WHERE {table.Column}::text = '{neighbour.Id}'"))
                .ShouldBe(0, table.Name);
            (await ChangedOrRefusedAsync(connection, own.Id,
                $"UPDATE {table.Name} SET {table.Column} = {table.Column} WHERE {table.Column}::text = '{neighbour.Id}'"))
                .ShouldBe(0, table.Name);
            (await ChangedOrRefusedAsync(connection, own.Id, $"DELETE FROM {table.Name} WHERE {table.Column}::text = '{neighbour.Id}'"))
                .ShouldBe(0, table.Name);
            if (mine > 0)
            {
                // Nor can it give a row of its own away, or put one there: a policy's USING also checks what is written.
                (await Should.ThrowAsync<PostgresException>(() =>
                    ChangedAsync(connection, own.Id, $"UPDATE {table.Name} SET {table.Column} = '{neighbour.Id}'"))).SqlState.ShouldBe(
                    PostgresErrorCodes.InsufficientPrivilege, table.Name);
                seen++;
            }
        }

        seen.ShouldBeGreaterThan(15);
    }

    private async Task<List<(string Name, string Column, bool Secured)>> TablesAsync()
    {
        await using var command = app.Admin.CreateCommand("""
            SELECT format('%s.%s', n.nspname, c.relname), CASE WHEN c.relname = 'organizations' THEN 'id' ELSE a.attname END,
                   c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polpermissive AND p.polwithcheck IS NULL)
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname IN ('organization_id', 'tenant_id') AND NOT a.attisdropped
             WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND (a.attname IS NOT NULL OR c.relname = 'organizations') ORDER BY 1
            """);
        await using var reader = await command.ExecuteReaderAsync();
        var tables = new List<(string, string, bool)>();
        while (await reader.ReadAsync())
        {
            tables.Add((reader.GetString(0), reader.GetString(1), reader.GetBoolean(2)));
        }

        return tables;
    }

    private static Task<long> CountAsync(NpgsqlConnection connection, Guid? organization, string sql) =>
        InAsync(connection, organization, sql, async command => (long)(await command.ExecuteScalarAsync())!);

    private static Task<int> ChangedAsync(NpgsqlConnection connection, Guid organization, string sql) =>
        InAsync(connection, organization, sql, command => command.ExecuteNonQueryAsync());

    // Evidence may not be changed at all, whosever it is (Schema/RightsTests).
    private static async Task<int> ChangedOrRefusedAsync(NpgsqlConnection connection, Guid organization, string sql)
    {
        try
        {
            return await ChangedAsync(connection, organization, sql);
        }
        catch (PostgresException refused)
            when (refused.SqlState == PostgresErrorCodes.InsufficientPrivilege
                && refused.MessageText.StartsWith("permission denied for table", StringComparison.Ordinal))
        {
            return 0;
        }
    }

    private static async Task<T> InAsync<T>(NpgsqlConnection connection, Guid? organization, string sql, Func<NpgsqlCommand, Task<T>> run)
    {
        await using var transaction = await connection.BeginTransactionAsync();
        await using var scope =
            new NpgsqlCommand("SELECT set_config('bsp.tenants', $1, true)",
                connection) { Parameters = { new() { Value = organization?.ToString() ?? "" } } };
        await scope.ExecuteNonQueryAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await run(command);
    }
}
