using Bsp.IntegrationTests.Common;
using Npgsql;

namespace Bsp.IntegrationTests.Contacts;

/// <summary>Two organizations with many contacts each.</summary>
public sealed class SearchedContacts(StoresFixture stores) : IAsyncLifetime
{
    public const int Others = 20_000;

    public ContactsDatabase Database { get; } = new(stores);

    public Guid Organization { get; private set; }

    public async ValueTask InitializeAsync()
    {
        await Database.InitializeAsync();
        Organization = await Database.NewOrganizationAsync();
        var neighbour = await Database.NewOrganizationAsync();
        foreach (var owner in new[] { Organization, neighbour })
        {
            await Database.Log.AdminQueryAsync("""
                INSERT INTO contacts (id, organization_id, phone_number, first_name, last_name, tags, email, custom_fields)
                SELECT gen_random_uuid(), $1, '+49151' || lpad(n::text, 8, '0'), 'First' || n, md5(n::text), CASE WHEN n % 1000 = 0 THEN '["rare"]'::jsonb ELSE '["common"]'::jsonb END, 'P' || n || '@example.com', jsonb_build_object('n', n)
                FROM generate_series(1, $2) AS n RETURNING 1
                """, _ => 0, owner, Others);
        }

        await Database.Log.AdminQueryAsync("VACUUM ANALYZE contacts", _ => 0);
    }

    public ValueTask DisposeAsync() => Database.DisposeAsync();
}

/// <summary>LIKE and @&gt; are not leak-proof: under row-level security alone each of these would read the whole table.</summary>
public sealed class SearchPlanTests(SearchedContacts searched) : IClassFixture<SearchedContacts>
{
    private const int Others = SearchedContacts.Others;
    private readonly ContactsDatabase database = searched.Database;
    private readonly Guid organization = searched.Organization;

    [Theory]
    [InlineData("'%first12345%', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL", "contacts_words")]
    [InlineData("NULL, '+4915100012', '+4915100013', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
        "contacts_organization_id_phone_number_key")]
    [InlineData("NULL, '+49151', '+49152', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '+4915100012000'",
        "contacts_organization_id_phone_number_key")]
    [InlineData("NULL, NULL, NULL, 'rare', NULL, NULL, NULL, NULL, NULL, NULL, NULL", "contacts_tags")]
    [InlineData("NULL, NULL, NULL, NULL, 'OPTED_OUT', NULL, NULL, NULL, NULL, NULL, NULL", "contacts_consent")]
    [InlineData("NULL, NULL, NULL, NULL, NULL, 'p77@example.com', '%p77@%', NULL, NULL, NULL, NULL", "contacts_words")]
    [InlineData("NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{\"n\":\"77\"}', '{\"n\":77}', NULL, NULL", "contacts_custom")]
    [InlineData("'%first1%', '+4915100012', '+4915100013', 'rare', 'PENDING', NULL, NULL, NULL, NULL, NULL, NULL", "contacts_")]
    public async Task A_search_uses_its_index(string arguments, string index)
    {
        var plan = new List<string>();
        await using var connection = await database.Log.Admin.OpenConnectionAsync(TestContext.Current.CancellationToken);
        connection.Notice += (_, e) => plan.Add(e.Notice.MessageText);
        foreach (var setting in new[]
        {
            "LOAD 'auto_explain'", "SET auto_explain.log_min_duration = 0", "SET auto_explain.log_nested_statements = on",
                "SET client_min_messages = log",
            $"SET bsp.tenants = '{organization}'", $"SELECT count(*) FROM bsp.search_contacts({arguments}, 51)",
        })
        {
            await using var command = new NpgsqlCommand(setting, connection);
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        string.Join('\n', plan).ShouldContain(index);
        string.Join('\n', plan).ShouldNotContain("Seq Scan on contacts");
        await using var reset = new NpgsqlCommand("DISCARD ALL", connection);
        await reset.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task What_all_have_is_found_without_a_list_of_all_of_them()
    {
        foreach (var arguments in new[] { "'%first%', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
            "'%o%', NULL, NULL, 'common', NULL, NULL, NULL, NULL, NULL, NULL, NULL" })
        {
            (await BlocksAsync(arguments)).ShouldBeLessThan(200, arguments); // 51 of 20,000
        }
    }

    [Theory]
    [InlineData("", "common")] // nearly all
    [InlineData("", "rare")] // one of a thousand
    [InlineData("a0", null)] // a few of a hundred, in the names' hashes
    [InlineData("c4d", null)]
    [InlineData("ab", null)]
    [InlineData("first1234", null)]
    [InlineData("nobody", null)]
    public async Task Page_by_page_a_search_shows_each_that_has_it_once_and_in_order(string q, string? tag)
    {
        var expected = await database.Log.AdminQueryAsync("""
            SELECT id FROM contacts WHERE organization_id = $1 AND bsp.contact_words(first_name, last_name, email) LIKE '%' || $2 || '%' AND ($3::text IS NULL OR tags @> jsonb_build_array($3)) ORDER BY id
            """, r => r.GetGuid(0), organization, q, (object?)tag ?? DBNull.Value);
        var (found, cursor) = (new List<Guid>(), (string?)null);
        do
        {
            var page = await new Bsp.Infrastructure.Contacts.ListContactsHandler(database.Shards, database.Cache)
                .Handle(new(organization, q.Length == 0 ? null : q, null, tag, null, 150, cursor), TestContext.Current.CancellationToken);
            found.AddRange(page.Data.Select(c => c.Id));
            cursor = page.NextCursor;
        }
        while (cursor is not null && found.Count < 5_000);
        found.ShouldBe(expected.Take(found.Count));
        (cursor is not null || found.Count == expected.Count).ShouldBeTrue($"{found.Count} of {expected.Count}");
    }

    // Of PostgreSQL's pages, read or found in memory.
    private async Task<long> BlocksAsync(string arguments)
    {
        await using var connection = await database.Log.Admin.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var tenant = new NpgsqlCommand($"SELECT set_config('bsp.tenants', '{organization}', true)", connection);
        await tenant.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        for (var round = 0; ; round++)
        {
            await using var command =
                new NpgsqlCommand($"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM bsp.search_contacts({arguments}, 51)",
                    connection);
            var plan = System.Text.Json.JsonDocument.Parse(
                (string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!).RootElement[0].GetProperty("Plan");
            if (round == 1) // the first reads the catalog, too
            {
                return plan.GetProperty("Shared Hit Blocks").GetInt64() + plan.GetProperty("Shared Read Blocks").GetInt64();
            }
        }
    }

    [Fact]
    public async Task A_search_shows_its_own_organization_only()
    {
        var found = await database.FindAsync(organization, tag: "rare");
        found.Count.ShouldBe(Others / 1000);
        found.ShouldAllBe(c => c.OrganizationId == organization);
    }

    [Fact]
    public async Task Numbers_come_in_their_own_order_page_by_page_also_when_the_last_one_seen_is_deleted_meanwhile()
    {
        var (numbers, cursor) = (new List<string>(), (string?)null);
        do
        {
            var page = await new Bsp.Infrastructure.Contacts.ListContactsHandler(database.Shards, database.Cache)
                .Handle(new(organization, null, "4915100012", null, null, 150, cursor), TestContext.Current.CancellationToken);
            numbers.AddRange(page.Data.Select(c => c.PhoneNumber!));
            cursor = page.NextCursor;
            if (cursor == "+4915100012149")
            {
                await database.Log.AdminQueryAsync("DELETE FROM contacts WHERE organization_id = $1 AND phone_number = $2 RETURNING 1",
                    _ => 0, organization, cursor);
            }
        }
        while (cursor is not null);
        numbers.ShouldBe(Enumerable.Range(12_000, 1_000).Select(n => $"+49151{n:D8}"));
    }

    [Fact]
    public async Task An_address_is_found_whatever_the_case_and_not_by_a_part_of_it()
    {
        (await ByEmailAsync("P77@Example.com")).ShouldHaveSingleItem().FirstName.ShouldBe("First77");
        (await ByEmailAsync("77@example.com")).ShouldBeEmpty();
        (await ByEmailAsync("p77@example.co")).ShouldBeEmpty();
        (await ByEmailAsync("p%@example.com")).ShouldBeEmpty();
        (await ByEmailAsync("p77")).ShouldBeEmpty();
    }

    private async Task<IReadOnlyList<Bsp.Application.Contacts.ContactView>> ByEmailAsync(string email) =>
        (await new Bsp.Infrastructure.Contacts.ListContactsHandler(database.Shards, database.Cache)
            .Handle(new(organization, null, null, null, null, 10, null) { Email = email }, TestContext.Current.CancellationToken)).Data;

    [Fact]
    public async Task A_search_without_an_organization_is_refused()
    {
        await using var command =
            database.Shards.All[0].App.CreateCommand(
                "SELECT count(*) FROM bsp.search_contacts(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1)");
        (await Should.ThrowAsync<PostgresException>(command.ExecuteScalarAsync(TestContext.Current.CancellationToken))).SqlState.ShouldBe(
            PostgresErrorCodes.InsufficientPrivilege);
    }
}
