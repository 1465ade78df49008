using System.Text;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.IntegrationTests.Contacts;

namespace Bsp.IntegrationTests.Imports;

public sealed class ImportTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Good_rows_go_in_and_bad_ones_are_reported_with_their_line()
    {
        var organization = await database.NewOrganizationAsync();
        var import = await database.ImportAsync(organization, "phone_number,first_name,last_name,email,consent_status,tags,custom.city\r\n"
            + "+4915100000001,Ann,\"Smith, née \"\"X\"\"\",ann@example.com,OPTED_IN,vip;new,Köln\r\n"
            + "nope,Bob,,,,,\r\n"
            + "+4915100000002,\"two\nlines\",,,,,\r\n"
            + "+4915100000003,مريم,,not-an-address,,,\r\n"
            + "+4915100000004,Dora\r\n"
            + "+4915100000005,Eve \"E\" X,,,,,\r\n"
            + "+4915100000006,Fay,,,,,\r\n");
        (import.Status, import.Total, import.Done, import.Created, import.Updated, import.Rejected).ShouldBe(("completed", 7, 7, 2, 0, 5));
        (await database.RejectedAsync(organization, import.Id)).Select(r => (r.Line, r.Column, r.Reason)).ShouldBe(
        [
            (3, "phone_number", "is no phone number with country code"),
            (4, "first_name", "has more than 200 characters or control characters"),
            (6, "email", "is no e-mail address"),
            (7, null, "has 2 columns, the header 7: an empty cell still needs its separator"),
            (8, null, "has a quote inside a field; quotes go around the whole field and are doubled inside"),
        ]);
        var ann = (await database.FindAsync(organization, phone: "+4915100000001")).Single();
        (ann.LastName, ann.ConsentStatus, ann.CustomFields.GetRawText()).ShouldBe(("Smith, née \"X\"", "OPTED_IN", """{"city": "Köln"}"""));
        ann.Tags.ShouldBe(["vip", "new"], ignoreOrder: true);
        ann.ConsentUpdatedAt.ShouldNotBeNull();
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM bsp.import_rows_staged WHERE import_id = $1", import.Id)).ShouldBe(0);
    }

    [Fact]
    public async Task An_import_updates_by_the_written_rules()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001", f =>
            f with { FirstName = "Ann", Email = "a@b.de", Tags = ["old"], CustomFields = ContactsDatabase.Json("""{"a":1,"b":2}""") },
            new("OPTED_OUT", "keyword", "STOP"));
        var bob = await database.CreateAsync(organization, "+4915100000002", consent: new("OPTED_IN", "form", null));
        var import =
            await database.ImportAsync(organization,
                "phone_number,first_name,email,consent_status,tags,custom.b\n+4915100000001,Anna,,OPTED_IN,new|old,9\n+4915100000002,,,OPTED_OUT,,\n");
        (import.Created, import.Updated).ShouldBe((0, 2));
        var after = await database.GetAsync(organization, ann);
        (after.FirstName, after.Email, after.ConsentStatus).ShouldBe(("Anna", "a@b.de", "OPTED_OUT"));
        after.Tags.ShouldBe(["old", "new"], ignoreOrder: true);
        after.CustomFields.GetRawText().ShouldBe("""{"a": 1, "b": "9"}""");
        (await database.GetAsync(organization, bob)).ConsentStatus.ShouldBe("OPTED_OUT");
    }

    [Fact]
    public async Task Duplicates_within_the_file_are_merged_and_counted_even_across_pages()
    {
        var organization = await database.NewOrganizationAsync();
        var csv = new StringBuilder("phone_number,first_name\n");
        for (var n = 0; n < 12_000; n++)
        {
            csv.Append($"+49151{n % 6000:D8},Name{n}\n");
        }

        var import = await database.ImportAsync(organization, csv.ToString());
        (import.Total, import.Created, import.Updated, import.Duplicates, import.Rejected).ShouldBe((12_000, 6000, 0, 6000, 0));
        (await database.FindAsync(organization, phone: "+4915100000007")).Single().FirstName.ShouldBe("Name6007");
    }

    [Fact]
    public async Task One_event_tells_of_the_whole_file()
    {
        var organization = await database.NewOrganizationAsync();
        var import = await database.ImportAsync(organization, "phone_number\n+4915100000001\nx\n");
        var stream = await database.Store.LoadAsync(organization, import.Id, Ct);
        stream.Events.Single().Body.ShouldBeOfType<ContactsImported>().ShouldSatisfyAllConditions(
            e => (e.Source, e.Proof, e.Total, e.Created, e.Rejected).ShouldBe(("form", "page 7", 2, 1, 1)), e =>
                e.FileSha256.ShouldBe(import.FileSha256));
        import.FileSha256.ShouldBe(
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("phone_number\n+4915100000001\nx\n"u8)));
    }

    [Theory]
    [InlineData("", "import.empty")]
    [InlineData("\n\n", "import.empty")]
    [InlineData("name,age\nAnn,5\n", "import.header_missing_identity")]
    [InlineData("+4915100000001,Ann\n", "import.header_missing_identity")]
    [InlineData("phone_number,colour\n+4915100000001,red\n", "import.header_unknown_column")]
    [InlineData("phone_number,PHONE_NUMBER\n1,2\n", "import.header_duplicate_column")]
    [InlineData("phone_number,first_name\n+4915100000001,\"Ann\n+4915100000002,Bob\n", "import.unclosed_quote")]
    [InlineData("\"phone_number\n", "import.unclosed_quote")]
    public async Task A_file_that_cannot_be_read_leaves_nothing(string csv, string code)
    {
        var organization = await database.NewOrganizationAsync();
        (await Should.ThrowAsync<Refusal>(database.StageAsync(organization, csv))).Code.ShouldBe(code);
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM bsp.imports WHERE organization_id = $1", organization)).ShouldBe(0);
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM bsp.import_rows_staged WHERE organization_id = $1", organization))
            .ShouldBe(0);
    }

    [Fact]
    public async Task An_endless_row_is_refused_without_filling_the_memory()
    {
        var organization = await database.NewOrganizationAsync();
        var csv = "phone_number,first_name\n+4915100000001,\"" + new string('x', 3_000_000);
        (await Should.ThrowAsync<Refusal>(database.StageAsync(organization, csv))).Code.ShouldBeOneOf("import.row_too_long",
            "import.unclosed_quote");
    }

    [Fact]
    public async Task Other_encodings_are_read_or_rejected_row_by_row()
    {
        var organization = await database.NewOrganizationAsync();
        byte[] latin = [.. "phone_number,first_name\n+4915100000001,M"u8, 0xFC, .. "ller\n+4915100000002,Ann\n"u8];
        var id = await database.StageAsync(organization, latin);
        await database.Worker().WorkAsync(Ct);
        (await database.ImportAsync(organization, id)).ShouldSatisfyAllConditions(i => i.Created.ShouldBe(1), i => i.Rejected.ShouldBe(1));
        (await database.RejectedAsync(organization, id)).Single()
            .ShouldSatisfyAllConditions(r => r.Line.ShouldBe(2), r => r.Reason.ShouldBe("is not valid UTF-8"));

        var wide = await database.StageAsync(organization,
            [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes("phone_number;first_name\n+4915100000003;Jürgen\n")], ';');
        await database.Worker().WorkAsync(Ct);
        (await database.ImportAsync(organization, wide)).Created.ShouldBe(1);
        var bom = await database.StageAsync(organization, [.. Encoding.UTF8.GetPreamble(), .. "phone_number\n+4915100000004\n+4915\0\n"u8]);
        await database.Worker().WorkAsync(Ct);
        (await database.ImportAsync(organization, bom)).ShouldSatisfyAllConditions(i => i.Created.ShouldBe(1), i => i.Rejected.ShouldBe(1));
    }

    [Fact]
    public async Task A_killed_worker_is_followed_by_one_that_goes_on_where_it_stopped()
    {
        var organization = await database.NewOrganizationAsync();
        var csv = "phone_number,first_name\n" + string.Concat(Enumerable.Range(0, 11_000).Select(n => $"+49151{n:D8},Name\n"));
        var id = await database.StageAsync(organization, csv);

        // The first worker has carried one page and dies: its lease stands, its page is committed.
        var dead = Guid.NewGuid();
        await database.Log.AdminQueryAsync("SELECT 1 FROM bsp.lease_import($1, 3600)", _ => 0, dead);
        await using (var transaction = await Bsp.Infrastructure.Sharding.Tenancy.BeginAsync(database.Shards.All[0], organization, Ct))
        {
            var rows = await Bsp.Infrastructure.Imports.ImportPage.ReadAsync(database.Shards.All[0], organization, id,
                Bsp.Application.Imports.ImportColumns.Of(["phone_number", "first_name"]), 0, Ct);
            var page = await Bsp.Infrastructure.Imports.ImportPage.CarryAsync(transaction, organization, id, rows!, Ct);
            await transaction.ExecuteAsync("UPDATE bsp.imports SET last_row = $2, done = $3, created = $4 WHERE id = $1", Ct, id,
                page.LastRow, page.Rows, page.Created);
            await transaction.CommitAsync(Ct);
        }

        (await database.Worker().WorkAsync(Ct)).ShouldBeFalse(); // leased
        await database.Log.AdminQueryAsync("UPDATE bsp.imports SET leased_until = now() - interval '1 second' WHERE id = $1 RETURNING 1",
            _ => 0, id);
        (await database.Worker().WorkAsync(Ct)).ShouldBeTrue();
        (await database.ImportAsync(organization, id))
            .ShouldSatisfyAllConditions(i => i.Status.ShouldBe("completed"), i => i.Done.ShouldBe(11_000), i =>
                i.Created.ShouldBe(11_000), i => i.Duplicates.ShouldBe(0));
        (await database.Store.LoadAsync(organization, id, Ct)).Version.ShouldBe(1);
    }

    [Fact]
    public async Task What_a_page_reads_does_not_grow_with_the_organization_even_before_the_planner_knows_it()
    {
        const int there = 20_000, rows = 1_000;
        var organization = await database.NewOrganizationAsync();
        await database.Log.AdminQueryAsync(
            "INSERT INTO contacts (id, organization_id, phone_number, wa_user_id) SELECT gen_random_uuid(), $1, '+49152' || lpad(n::text, 8, '0'), 'DE.' || n FROM generate_series(1, $2) AS n RETURNING 1", _ => 0, organization, there);
        var id = await database.StageAsync(organization,
            "phone_number,wa_user_id\n" + string.Concat(Enumerable.Range(there - (rows / 2), rows).Select(n => $"+49152{n:D8},DE.{n}\n")));
        var shard = database.Shards.All[0];
        long read;
        await using (var transaction = await Bsp.Infrastructure.Sharding.Tenancy.BeginAsync(shard, organization, Ct))
        {
            var page = await Bsp.Infrastructure.Imports.ImportPage.ReadAsync(shard, organization, id,
                Bsp.Application.Imports.ImportColumns.Of(["phone_number", "wa_user_id"]), 0, Ct);
            var outcome = await Bsp.Infrastructure.Imports.ImportPage.CarryAsync(transaction, organization, id, page!, Ct);
            (outcome.Created, outcome.Updated, outcome.Duplicates).ShouldBe(((rows / 2) - 1, (rows / 2) + 1, 0));
            outcome.Phones.Count.ShouldBe((rows / 2) + 1);
            read = (await transaction.QueryAsync(
                "SELECT pg_stat_get_xact_tuples_returned(o) + pg_stat_get_xact_tuples_fetched(o) + (SELECT sum(pg_stat_get_xact_tuples_fetched(x.indexrelid) + pg_stat_get_xact_tuples_returned(x.indexrelid)) FROM pg_index x WHERE x.indrelid = o)::bigint FROM (SELECT 'contacts'::regclass::oid AS o) t", r => r.GetInt64(0), Ct))[0];
        }

        read.ShouldBeInRange(rows / 2, there / 2);
        while (await database.Worker().WorkAsync(Ct))
        {
        }

        (await database.ImportAsync(organization, id))
            .ShouldSatisfyAllConditions(i => i.Created.ShouldBe((rows / 2) - 1), i => i.Updated.ShouldBe((rows / 2) + 1));
    }

    [Fact]
    public async Task Bad_rows_are_kept_for_their_time_and_then_only_their_number_is_known()
    {
        var organization = await database.NewOrganizationAsync();
        var (old, young, failed) =
            (await database.ImportAsync(organization, Bad(5_000)), await database.ImportAsync(organization, Bad(1)),
                await database.StageAsync(organization, Bad(3)));
        await database.Log.AdminQueryAsync("UPDATE bsp.imports SET status = 'failed' WHERE id = $1 RETURNING 1", _ => 0, failed);
        await database.Log.AdminQueryAsync(
            "UPDATE bsp.imports SET updated_at = now() - interval '31 days' WHERE id = ANY ($1) RETURNING 1", _ =>
                0, new[] { old.Id, failed });
        var sweep = new Bsp.Infrastructure.Imports.ImportSweep(TimeProvider.System);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => sweep.SweepAsync(database.Shards.All[0], Ct)));
        await sweep.SweepAsync(database.Shards.All[0], Ct); // whatever one left to another
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM bsp.import_rejects WHERE import_id = $1", old.Id)).ShouldBe(0);
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM bsp.import_rows_staged WHERE import_id = $1", failed)).ShouldBe(0);
        (await Should.ThrowAsync<Refusal>(database.RejectedAsync(organization, old.Id))).Code.ShouldBe("import_rejects.unknown");
        (await database.ImportAsync(organization, old.Id))
            .ShouldSatisfyAllConditions(i => i.Rejected.ShouldBe(5_000), i => i.RejectedUrl.ShouldBeNull());
        (await database.ImportAsync(organization, young.Id)).RejectedUrl.ShouldBe($"/v1/imports/{young.Id}/rejected");
        (await database.RejectedAsync(organization, young.Id)).Count.ShouldBe(1);

        static string Bad(int rows) => "phone_number\n" + string.Concat(Enumerable.Repeat("nobody\n", rows));
    }

    [Fact]
    public async Task The_same_file_twice_at_once_makes_each_contact_once()
    {
        var organization = await database.NewOrganizationAsync();
        var csv = "phone_number,wa_user_id,first_name\n" + string.Concat(Enumerable.Range(0, 8000)
            .Select(n => $"+49151{n:D8},{(n % 3 == 0 ? $"DE.{n}" : "")},Name\n"));
        var ids = new[] { await database.StageAsync(organization, csv), await database.StageAsync(organization, csv) };
        await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
        {
            var worker = database.Worker();
            while (await worker.WorkAsync(Ct))
            {
            }
        })));
        var views = new[] { await database.ImportAsync(organization, ids[0]), await database.ImportAsync(organization, ids[1]) };
        views.ShouldAllBe(v => v.Status == "completed" && v.Done == 8000 && v.Rejected == 0);
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE organization_id = $1", organization)).ShouldBe(8000);
    }

    [Fact]
    public async Task A_user_id_of_somebody_else_is_rejected()
    {
        var organization = await database.NewOrganizationAsync();
        await database.CreateAsync(organization, "+4915100000001", f => f with { WaUserId = "DE.1" });
        var import =
            await database.ImportAsync(organization,
                "phone_number,wa_user_id,first_name\n+4915100000002,DE.1,Bob\n,DE.1,Ann\n,DE.2,Carl\n+4915100000003,DE.3,Dan\n,DE.3,Daniel\n");
        (import.Created, import.Updated, import.Duplicates, import.Rejected).ShouldBe((2, 1, 1, 1));
        (await database.RejectedAsync(organization, import.Id)).Single().Reason.ShouldBe("belongs to another contact");
        (await database.FindAsync(organization, q: "Daniel")).Single().PhoneNumber.ShouldBe("+4915100000003");
    }

    [Fact]
    public async Task Staged_rows_of_a_neighbour_can_neither_be_read_nor_written()
    {
        var organization = await database.NewOrganizationAsync();
        await database.StageAsync(organization, "phone_number\n+4915100000001\n");
        var stranger = await database.NewOrganizationAsync();
        await using var transaction = await Bsp.Infrastructure.Sharding.Tenancy.BeginAsync(database.Shards.All[0], stranger, Ct);
        (await transaction.QueryAsync("SELECT count(*) FROM bsp.import_rows", row => row.GetInt64(0), Ct)).ShouldBe([0]);
        (await Should.ThrowAsync<Npgsql.PostgresException>(
            transaction.ExecuteAsync(
                "INSERT INTO bsp.import_rows_staged (import_id, row, line, fields, organization_id) VALUES (gen_random_uuid(), 1, 1, '{}', $1)", Ct, organization)))
            .SqlState.ShouldBe(Npgsql.PostgresErrorCodes.InsufficientPrivilege);
        while (await database.Worker().WorkAsync(Ct))
        {
        }
    }
}
