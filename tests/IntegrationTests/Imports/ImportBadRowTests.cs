using System.Text;
using Bsp.Application.Contacts;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.Contacts;

namespace Bsp.IntegrationTests.Imports;

/// <summary>A row's fault is that row's reject, whoever finds it: the rest of its file goes in.</summary>
public sealed class ImportBadRowTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static readonly (string Cells, string? Column)[] Bad =
    [
        ("\"[null,\"\"x\"\"]\",", "tags"), ("\"[1]\",", "tags"), ("\"[[]]\",", "tags"), ("\"[\"\"\\ud83d\"\"]\",", "tags"),
            ("\"[\"\"\\u0000\"\"]\",", "tags"), ($"{new string('t', 65)},", "tags"),
        (",\"{\"\"a\"\":1e200000}\"", "custom_fields"), (",\"{\"\"a\"\":1e131071}\"", "custom_fields"),
        (",\"{\"\"a\"\":1e-16383}\"", "custom_fields"), (",\"{\"\"a\"\":\"\"\\ud83d\"\"}\"", "custom_fields"),
        (",\"{\"\"a\"\":\"\"\\u0000\"\"}\"", "custom_fields"), (",\"{\"\"\\ud800\"\":1}\"", "custom_fields"),
        (",\"{\"\"a\"\":1,\"\"a\"\":2}\"", "custom_fields"), (",\"{\"\"a\"\":{\"\"b\"\":1}}\"", "custom_fields"),
        (",{", "custom_fields"), (",[]", "custom_fields"), (",null", "custom_fields"),
        (",\"" + string.Concat(Enumerable.Repeat("{\"\"a\"\":", 200)) + "1" + new string('}', 200) + "\"", "custom_fields"),
        (",\"{\"\"a\"\":\"\"" + new string('x', 9_000) + "\"\"}\"", "custom_fields"), ($",{new string('9', 400)}", "custom_fields"),
        ("\0,", "tags"), (",a\0b", "custom_fields"),
    ];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_odd_row_is_a_reject_with_line_and_column_and_its_neighbours_go_in()
    {
        var organization = await database.NewOrganizationAsync();
        var csv = new StringBuilder("phone_number,tags,custom_fields\n+4915100000000,first,\n");
        for (var i = 0; i < Bad.Length; i++)
        {
            csv.Append($"+4915100001{i:D3},{Bad[i].Cells}\n+4915100002{i:D3},ok,\"{{\"\"n\"\":{i}}}\"\n");
        }

        var import = await database.ImportAsync(organization, csv.ToString());
        (import.Status, import.Created, import.Rejected).ShouldBe(("completed", Bad.Length + 1, Bad.Length));
        var rejected = await database.RejectedAsync(organization, import.Id);
        rejected.Select(r => (r.Line, r.Column)).ShouldBe(Bad.Select((b, i) => (3 + (2 * i), b.Column)));
        rejected.ShouldAllBe(r => r.Reason.Length > 5 && !r.Reason.Contains("Exception", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_their_rows_reject()
    {
        var organization = await database.NewOrganizationAsync();
        byte[] csv =
            [.. "phone_number,first_name\n+4915100000001,A\n+4915100000002,"u8, 0xFF, 0xFE, 0xC3, .. "\n+4915100000003,"u8, 0xED, 0xA0,
                0x80, .. "\n+4915100000004,B\n"u8];
        var id = await database.StageAsync(organization, csv);
        await database.Worker().WorkAsync(Ct);
        (await database.ImportAsync(organization, id))
            .ShouldSatisfyAllConditions(i => i.Created.ShouldBe(2), i => i.Rejected.ShouldBe(2), i => i.Status.ShouldBe("completed"));
        (await database.RejectedAsync(organization, id)).Select(r => (r.Line, r.Column)).ShouldBe([(3, "first_name"), (4, "first_name")]);
    }

    [Fact]
    public async Task Rows_that_the_database_refuses_are_found_among_thousands()
    {
        var organization = await database.NewOrganizationAsync();
        await database.Log.ScalarAsync<int>("""
            CREATE OR REPLACE FUNCTION public.refuse_some() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.first_name = 'Refused' THEN RAISE EXCEPTION 'no such name' USING ERRCODE = '23514'; END IF; RETURN NEW; END $$;
            CREATE TRIGGER refuse_some BEFORE INSERT ON contacts FOR EACH ROW EXECUTE FUNCTION public.refuse_some(); SELECT 1;
            """);
        var csv = new StringBuilder("phone_number,first_name\n");
        for (var n = 0; n < 7_000; n++)
        {
            csv.Append($"+49151{n:D8},{(n is 0 or 17 or 4_999 or 5_000 or 6_999 ? "Refused" : "Ann")}\n");
        }

        var import = await database.ImportAsync(organization, csv.ToString());
        await database.Log.ScalarAsync<int>("DROP TRIGGER refuse_some ON contacts; SELECT 1");
        (import.Status, import.Total, import.Created, import.Rejected).ShouldBe(("completed", 7_000, 6_995, 5));
        (await database.RejectedAsync(organization, import.Id)).Select(r => (r.Line, r.Reason))
            .ShouldBe(new[] { 2, 19, 5_001, 5_002, 7_001 }.Select(line => (line, "cannot be stored: no such name")));
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM bsp.import_rows_staged WHERE import_id = $1", import.Id)).ShouldBe(0);
    }

    [Fact]
    public async Task File_after_file_a_contact_keeps_its_bounds()
    {
        var organization = await database.NewOrganizationAsync();
        static string Fields(int from, int count) =>
            "\"{" + string.Join(',', Enumerable.Range(from, count).Select(n => $"\"\"k{n}\"\":\"\"v\"\"")) + "}\"";
        static string Tags(int from, int count) => string.Join(';', Enumerable.Range(from, count).Select(n => $"t{n}"));
        (await database.ImportAsync(organization,
            $"phone_number,custom_fields,tags\n+4915100000001,{Fields(0, 40)},{Tags(0, 40)}\n+4915100000002,,\n")).Created.ShouldBe(2);
        var second =
            await database.ImportAsync(organization,
                $"phone_number,custom_fields,tags\n+4915100000001,{Fields(40, 20)},\n+4915100000002,{Fields(0, 1)},\n+4915100000001,,{Tags(40, 20)}\n+4915100000003,,\n");
        (second.Status, second.Created, second.Rejected).ShouldBe(("completed", 1, 2));
        (await database.RejectedAsync(organization, second.Id)).ShouldAllBe(r => r.Reason.Contains("more than 50"));
        var within =
            await database.ImportAsync(organization,
                $"phone_number,custom_fields,tags\n{string.Concat(Enumerable.Range(0, 20).Select(n => $"+4915100000009,{Fields(n * 10, 10)},{Tags(n * 10, 10)}\n"))}");
        (within.Status, within.Created).ShouldBe(("completed", 1));
        var contact = (await database.FindAsync(organization, phone: "+4915100000009")).Single();
        ContactFieldsValidator.CustomFieldFault(contact.CustomFields).ShouldBeNull();
        contact.Tags.Count.ShouldBeLessThanOrEqualTo(ContactFieldsValidator.TagsMax);
    }

    [Fact]
    public async Task Blank_lines_are_no_rows_and_short_ones_get_a_hint()
    {
        var organization = await database.NewOrganizationAsync();
        var import =
            await database.ImportAsync(organization,
                "\n\nphone_number,first_name,email\n\n+4915100000001,Ann,\n  \n,,\n , ,\n\"\",\"\",\"\"\n+4915100000002\n+4915100000003;Bob;\n+4915100000004,Eve,e@example.com,x\n,,\n\n");
        (import.Total, import.Created, import.Rejected).ShouldBe((4, 1, 3));
        (await database.RejectedAsync(organization, import.Id)).Select(r => (r.Line, r.Reason)).ShouldBe(
        [
            (10, "has 1 columns, the header 3: an empty cell still needs its separator"),
            (11, "has 1 columns, the header 3: the line is separated by something else than the header"),
            (12, "has 4 columns, the header 3: a cell with the separator in it needs quotes around it"),
        ]);
    }

    [Theory]
    [InlineData("phone_number;first_name\n+4915100000001;Ann\n", "semicolon")]
    [InlineData("phone_number\tfirst_name\n+4915100000001\tAnn\n", "tab")]
    public async Task A_file_with_another_separator_says_how_to_name_it(string csv, string name)
    {
        var organization = await database.NewOrganizationAsync();
        (await Should.ThrowAsync<Domain.Common.Refusal>(database.StageAsync(organization, csv)))
            .ShouldSatisfyAllConditions(r => r.Code.ShouldBe("import.header_missing_identity"), r =>
                r.Message.ShouldContain($"?delimiter={name}"));
    }
}

/// <summary>Files over HTTP: packed, in other character sets, and under an Idempotency-Key.</summary>
public sealed class ImportFormTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Theory]
    [InlineData("text/csv; charset=windows-1252", "windows-1252", false)]
    [InlineData("text/csv; charset=iso-8859-1", "iso-8859-1", false)]
    [InlineData("text/csv; charset=utf-16", "utf-16", true)]
    [InlineData("text/csv; charset=utf-16", "utf-16", false)]
    [InlineData("text/csv; charset=utf-16", "utf-16BE", true)]
    [InlineData("text/csv; charset=\"utf-8\"", "utf-8", true)]
    [InlineData("text/csv; charset=utf8", "utf-8", false)]
    [InlineData("application/csv", "utf-8", false)]
    public async Task A_file_is_read_in_the_character_set_that_it_names(string type, string charset, bool marked)
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        var organization = await app.NewOrganizationAsync();
        var encoding = Encoding.GetEncoding(charset);
        byte[] csv = [.. marked ? encoding.GetPreamble() : [], .. encoding.GetBytes("phone_number,first_name\n+4915100000001,Jürgen Öß\n")];
        foreach (var (body, packed) in new[] { (csv, false), (Http.BodyFormTests.Gzip(csv), true) })
        {
            string[] headers =
                [$"Authorization: Bearer {organization.AdminKey}", $"Content-Type: {type}", .. packed ? new[] { "Content-Encoding: gzip" }
                    : []];
            var started = await RawHttp.SendAsync(app.Address, "POST", "/v1/contacts/import", headers, body);
            started.Status.ShouldBe(202, started.Text);
            var ended = await EndToEnd.Patience.UntilAsync(() => organization.Admin.SendAsync("GET", started["url"].GetString()!), i =>
                i["status"].GetString() is "completed" or "failed", "the import ends");
            (ended["status"].GetString(), ended["rejected"].GetInt32()).ShouldBe(("completed", 0), ended.Text);
        }

        (await organization.Admin.SendAsync("GET", "/v1/contacts"))["data"][0].GetProperty("first_name").GetString().ShouldBe("Jürgen Öß");
    }

    [Theory]
    [InlineData("text/csv; charset=klingon", null, 415, "request.content_type")]
    [InlineData("text/csv", "br", 415, "request.content_encoding")]
    [InlineData("text/csv", "gzip", 400, "request.malformed")]
    public async Task A_form_that_is_not_taken_is_a_problem(string type, string? encoding, int status, string code)
    {
        var organization = await app.NewOrganizationAsync();
        string[] headers =
            [$"Authorization: Bearer {organization.AdminKey}", $"Content-Type: {type}", .. encoding is null ? []
                : new[] { $"Content-Encoding: {encoding}" }];
        (await RawHttp.SendAsync(app.Address, "POST", "/v1/contacts/import", headers, "phone_number\n+4915100000001\n"u8.ToArray()))
            .ShouldBeProblem(status, code);
    }

    [Fact]
    public async Task Another_file_under_a_used_key_is_422_also_when_it_is_as_long_or_comes_in_chunks()
    {
        var organization = await app.NewOrganizationAsync();
        async Task<Answer> SendAsync(string csv, bool chunked)
        {
            var bytes = Encoding.UTF8.GetBytes(csv);
            string[] headers =
                [$"Authorization: Bearer {organization.AdminKey}", "Content-Type: text/csv", "Idempotency-Key: file", .. chunked
                    ? new[] { "Transfer-Encoding: chunked" } : []];
            byte[] body = chunked ? [.. Encoding.ASCII.GetBytes($"{bytes.Length:x}\r\n"), .. bytes, .. "\r\n0\r\n\r\n"u8] : bytes;
            return await RawHttp.SendAsync(app.Address, "POST", "/v1/contacts/import", headers, body, chunked ? -1 : null);
        }

        const string one = "phone_number\n+4915100000001\n", other = "phone_number\n+4915100000002\n";
        var first = await SendAsync(one, chunked: false);
        first.Status.ShouldBe(202, first.Text);
        foreach (var chunked in new[] { false, true })
        {
            var again = await SendAsync(one, chunked);
            again.Status.ShouldBe(202, again.Text);
            again["id"].GetGuid().ShouldBe(first["id"].GetGuid());
            again.Header("Idempotency-Replayed").ShouldBe("true");
            again.Header("Bsp-Body-Sha256").ShouldBeNull();
            (await SendAsync(other, chunked)).ShouldBeProblem(422, "idempotency.other_body");
        }

        // The work is committed, its answer was lost: the same.
        await using (var lost =
            app.Admin.CreateCommand(
                "UPDATE bsp.idempotency_keys SET status = NULL, body = NULL, headers = NULL, leased_until = now() - interval '1 s' WHERE key = 'file'"))
        {
            await lost.ExecuteNonQueryAsync();
        }

        (await SendAsync(other, chunked: false)).ShouldBeProblem(422, "idempotency.other_body");
        var repeated = await SendAsync(one, chunked: true);
        repeated.Status.ShouldBe(202, repeated.Text);
        repeated["id"].GetGuid().ShouldBe(first["id"].GetGuid());
        await EndToEnd.Patience.UntilAsync(() => organization.Admin.SendAsync("GET", first["url"].GetString()!), i =>
            i["status"].GetString() == "completed", "the import ends");
        (await organization.Admin.SendAsync("GET", "/v1/contacts"))["data"].GetArrayLength().ShouldBe(1);
    }
}
