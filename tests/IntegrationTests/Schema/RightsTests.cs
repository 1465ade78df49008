using Bsp.Domain.Common;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EventStore;
using Npgsql;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.Schema;

/// <summary>
/// What the role that serves requests may do, from the catalog: a new table or function is judged without being named here.
/// </summary>
public sealed class RightsTests(StoresFixture stores) : IAsyncLifetime
{
    // Evidence: r read, a add, w(columns) change these columns. Nothing of it may be removed. A table that proves something belongs here,
    // and its schema file takes the rest away.
    private static readonly Dictionary<string, string> Evidence = new()
    {
        ["public.mt_events"] = "ra",
        ["public.mt_streams"] = "ra w(timestamp,version)",
        ["public.transactions"] = "ra",
        ["bsp.ledger_heads"] = "ra w(balance,hash,held,last_at,low,month,position,reserved,size,tree)",
        ["bsp.charges"] = "ra w(amount,category,currency,entry_id,evidence,of_kind,of_reference,refunded,state,type,updated_at)",
        ["bsp.ledger_holds"] = "ra w(remaining,state,updated_at)",
        ["bsp.ledger_nodes"] = "ra",
        ["bsp.audit_trail"] = "r a(act,actor,address,at,changed,id,organization_id,target_id,target_type)",
        ["bsp.audit_heads"] = "r",
        ["bsp.evidence_acts"] = "r",
        ["bsp.erased_contacts"] = "r",
        ["bsp.contact_keys"] = "ra w(master_key_id,wrapped_key)",
        ["bsp.webhook_journal"] = "ra",
        ["bsp.log_keys"] = "ra",
        ["bsp.log_key_vouchers"] = "ra",
        ["bsp.log_days"] = "ra",
        ["bsp.log_seals"] = "ra",
        ["bsp.log_leaves"] = "ra",
        ["bsp.retired_contents"] = "r",
        ["bsp.ledger_days"] = "ra",
        ["bsp.ledger_day_heads"] = "ra",
        ["bsp.suppression_keys"] = "ra w(master_key_id,wrapped_key)",
        ["bsp.search_keys"] = "ra w(master_key_id,wrapped_key)",
        ["bsp.suppressions"] = "ra w(lifted_at,lifted_by)",
        ["bsp.import_rows_staged"] = " a(fault,fields,import_id,line,row)",
        ["bsp.import_rows"] = "rd",
    };

    // Made of the log and emptied when they are made anew.
    private static readonly string[] Emptied =
    [
        "bsp.campaign_progress_next", "bsp.contact_counters_next", "bsp.account_counters_next", // a rebuild's copies
        "bsp.response_clocks_next", "bsp.response_times_next",
        // they change names at its end
        "bsp.message_search", "bsp.message_search_next", "bsp.conversation_search", "bsp.conversation_search_next",
    ];

    private readonly LogDatabase database = new(stores);

    public ValueTask InitializeAsync() => database.InitializeAsync();

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task Evidence_is_read_and_added_to_and_of_every_other_table_no_more_is_allowed_than_working_with_its_rows()
    {
        var tables = await database.AdminQueryAsync("""
            SELECT format('%s.%s', n.nspname, c.relname), c.relispartition,
                   concat(CASE WHEN has_table_privilege('bsp_app', c.oid, 'SELECT') THEN 'r' END, CASE WHEN has_table_privilege('bsp_app', c.oid, 'INSERT') THEN 'a' END,
                          CASE WHEN has_table_privilege('bsp_app', c.oid, 'UPDATE') THEN 'w' END, CASE WHEN has_table_privilege('bsp_app', c.oid, 'DELETE') THEN 'd' END,
                          CASE WHEN has_table_privilege('bsp_app', c.oid, 'TRUNCATE') THEN 'D' END, CASE WHEN has_table_privilege('bsp_app', c.oid, 'REFERENCES, TRIGGER') THEN 'x' END),
                   (SELECT ' a(' || string_agg(a.attname, ',' ORDER BY a.attname) || ')' FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                      AND has_column_privilege('bsp_app', c.oid, a.attnum, 'INSERT') AND NOT has_table_privilege('bsp_app', c.oid, 'INSERT')),
                   (SELECT ' w(' || string_agg(a.attname, ',' ORDER BY a.attname) || ')' FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                      AND has_column_privilege('bsp_app', c.oid, a.attnum, 'UPDATE') AND NOT has_table_privilege('bsp_app', c.oid, 'UPDATE')),
                   pg_get_userbyid(c.relowner)
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1
            """, r => (Name: r.GetString(0), Part: r.GetBoolean(1), Rights: r.GetString(2) + (r.IsDBNull(3) ? "" : r.GetString(3)) + (r.IsDBNull(4) ? "" : r.GetString(4)), Owner: r.GetString(5)));

        tables.Count.ShouldBeGreaterThan(50);
        Evidence.Keys.Except(tables.Select(t => t.Name)).ShouldBeEmpty();
        foreach (var (name, part, rights, owner) in tables)
        {
            owner.ShouldNotBe("bsp_app", name);
            if (part || name == "bsp.schema_migrations")
            {
                rights.ShouldBe("", $"{name}: nobody works on it directly");
            }
            else if (Evidence.TryGetValue(name, out var allowed))
            {
                rights.ShouldBe(allowed, name);
            }
            else
            {
                var empties = name.StartsWith("documents.", StringComparison.Ordinal) || Emptied.Contains(name);
                rights.Except(empties ? "rawdD" : "rawd").ShouldBeEmpty($"{name}: {rights}");
            }
        }
    }

    [Fact]
    public async Task No_function_of_the_owner_is_open_to_everybody_and_none_can_be_led_to_a_temporary_table()
    {
        var functions = await database.AdminQueryAsync("""
            SELECT p.oid::regprocedure::text, p.prosecdef, has_function_privilege('public', p.oid, 'EXECUTE'),
                   coalesce((SELECT substr(c, 13) FROM unnest(p.proconfig) c WHERE c LIKE 'search\_path=%'), ''), pg_get_userbyid(p.proowner)
              FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
            """, r => (Name: r.GetString(0), Definer: r.GetBoolean(1), Public: r.GetBoolean(2), Path: r.GetString(3), Owner: r.GetString(4)));

        functions.Count(f => f.Definer).ShouldBeGreaterThan(30);
        functions.Where(f => f.Owner == "bsp_app").ShouldBeEmpty();
        functions.Where(f => f.Public && (f.Definer || f.Owner == "bsp_owner")).Select(f => f.Name)
            .ShouldBeEmpty("REVOKE ALL ON FUNCTION … FROM PUBLIC");
        functions.Where(f => f.Definer && !f.Path.Trim('"').EndsWith("pg_temp", StringComparison.Ordinal))
            .Select(f => $"{f.Name}: {f.Path}").ShouldBeEmpty("SET search_path = …, pg_temp");
    }

    [Fact]
    public async Task It_makes_nothing_and_gives_no_number_of_the_log_anew()
    {
        (await database.ScalarAsync<bool>(
            "SELECT has_schema_privilege('bsp_app', 'public', 'CREATE') OR has_schema_privilege('bsp_app', 'bsp', 'CREATE') OR has_schema_privilege('bsp_app', 'documents', 'CREATE')")).ShouldBeFalse();
        (await database.AdminQueryAsync("""
            SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE CASE WHEN c.relkind = 'S' THEN has_sequence_privilege('bsp_app', c.oid, 'UPDATE') END
            """, r => r.GetString(0))).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("UPDATE mt_events SET data = '{}'")]
    [InlineData("UPDATE mt_events SET is_archived = true")]
    [InlineData("DELETE FROM mt_events")]
    [InlineData("TRUNCATE mt_events")]
    [InlineData("UPDATE mt_streams SET is_archived = true")]
    [InlineData("DELETE FROM mt_streams")]
    [InlineData("DELETE FROM bsp.contact_keys")]
    [InlineData("UPDATE bsp.audit_trail SET actor = 'x'")]
    [InlineData("DELETE FROM bsp.audit_trail")]
    [InlineData("UPDATE bsp.webhook_journal SET body = ''")]
    [InlineData("DELETE FROM bsp.webhook_journal_default")]
    [InlineData("INSERT INTO bsp.evidence_acts (organization_id, act, number) VALUES (gen_random_uuid(), 'x', 1)")]
    public async Task It_is_refused_what_would_change_evidence_in_its_own_organization_too(string statement)
    {
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await using var store = database.NewStore();
        await store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "x"))], TestContext.Current.CancellationToken);

        (await AsAppAsync(organization, statement)).ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
    }

    [Fact]
    public async Task The_owners_functions_archive_and_destroy_for_the_transactions_organization_only_and_say_so()
    {
        var (organization, stream, contact) = (await database.NewOrganizationAsync(), Uuid.New(), Uuid.New());
        await using var store = database.NewStore();
        await store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "x"))], TestContext.Current.CancellationToken);
        await database.AdminQueryAsync(
            "INSERT INTO bsp.contact_keys (key_id, organization_id, contact_id, wrapped_key, master_key_id) VALUES (gen_random_uuid(), $1, $2, '', 'x')", _ => 0, organization, contact);
        var neighbour = Uuid.New();
        string[] deeds =
            [$"SELECT bsp.archive_streams('{organization}', ARRAY['{stream}']::uuid[], ARRAY[1])",
                $"SELECT bsp.restore_streams('{organization}', ARRAY['{stream}']::uuid[])",
            $"SELECT bsp.destroy_keys('{organization}', ARRAY['{contact}']::uuid[])"];
        foreach (var deed in deeds)
        {
            (await AsAppAsync(neighbour, deed)).ShouldBe(PostgresErrorCodes.InsufficientPrivilege, deed);
        }

        foreach (var deed in deeds)
        {
            (await AsAppAsync(organization, deed)).ShouldBe("");
        }

        (await database.AdminQueryAsync(
            "SELECT act || ' ' || number || ' ' || subject || ' ' || database_user FROM bsp.evidence_acts WHERE organization_id = $1 ORDER BY id", r => r.GetString(0), organization))
            .ShouldBe([$"streams.archived 1 {stream} bsp_app", $"streams.restored 1 {stream} bsp_app",
                $"keys.destroyed 1 {contact} bsp_app"]);
    }

    // The error's code; empty: it was done.
    private async Task<string> AsAppAsync(Guid organization, string statement)
    {
        await using var connection = await database.Shard.App.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand($"SELECT set_config('bsp.tenants', '{organization}', true)", connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        command.CommandText = statement;
        try
        {
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            await transaction.CommitAsync(TestContext.Current.CancellationToken);
            return "";
        }
        catch (PostgresException refused)
        {
            return refused.SqlState;
        }
    }
}
