using System.Globalization;
using System.Text;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Contacts as files: in by any header, out safe for spreadsheets, and back in as they were.</summary>
public sealed class ContactFileTests(TenantApp app) : IClassFixture<TenantApp>
{
    [Fact]
    public async Task What_was_exported_is_read_back_equal()
    {
        using var source = await app.NewTenantAsync();
        using var target = await app.NewTenantAsync();
        foreach (var contact in new object[]
        {
            new { phone_number = "+919876510001", first_name = "=HYPERLINK(\"http://evil.example\")", last_name = "+1+1",
                tags = new[] { "a;b", "@x", "c|d" }, custom_fields = new { age = 30, vip = true, city = "Köln", formula = "=1+1" },
                consent_status = "OPTED_IN" },
            new { phone_number = "+919876510002", first_name = "محمد", last_name = "عبد, \"الله\"", email = "m@example.com",
                consent_status = "OPTED_OUT" },
            new { wa_user_id = "IN.77", first_name = "'quoted", last_name = "-dash", tags = new[] { "😀", "'t" } },
            new { phone_number = "+919876510003", first_name = "@SUM(A1)" },
        })
        {
            await AppFixture.CreatedAsync(source.Api, "/v1/contacts", contact);
        }

        var file = await source.Api.SendAsync("GET", "/v1/contacts/export");
        (file.Status, file.ContentType).ShouldBe((200, "text/csv"));
        foreach (var line in file.Text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            "=+-@".ShouldNotContain(line.TrimStart('"')[0]);
            line.ShouldNotContain(",=");
            line.ShouldNotContain(",+");
            line.ShouldNotContain(",@");
        }

        var import = await target.ImportAsync(file.Text);
        (import["created"].GetInt32(), import["rejected"].GetInt32()).ShouldBe((4, 0), import.Text);
        (await RowsAsync(target)).ShouldBe(await RowsAsync(source));
        (await target.Api.SendAsync("GET", "/v1/contacts/export")).Text.Split("\r\n").Order(StringComparer.Ordinal)
            .ShouldBe(file.Text.Split("\r\n").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_part_is_exported_by_list_or_filter_and_never_the_neighbours()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync("phone_number,first_name,tags\n+919876520001,A,vip\n+919876520002,B,\n+919876520003,C,vip\n");
        var (vip, list) =
            (Uri.EscapeDataString("""{"field":"tags","op":"has","value":"vip"}"""),
                (await AppFixture.CreatedAsync(tenant.Api, "/v1/lists",
                    new { name = "V", filters = new { field = "first_name", op = "eq", value = "A" } })).GetProperty("id").GetGuid());
        (await LinesAsync(tenant, $"?filter={vip}")).ShouldBe(2);
        (await LinesAsync(tenant, $"?list_id={list}")).ShouldBe(1);
        (await LinesAsync(tenant, $"?list_id={list}&filter={vip}")).ShouldBe(1);
        (await LinesAsync(tenant, "")).ShouldBe(3);
        (await tenant.Api.SendAsync("GET", "/v1/contacts/export?filter=%7B")).ShouldBeProblem(400, "request.filter");
        (await tenant.Api.SendAsync("GET",
            $"/v1/contacts/export?filter={Uri.EscapeDataString("""{"field":"id); DROP TABLE contacts; --","op":"eq","value":1}""")}"))
            .ShouldBeProblem(400, "request.invalid");
        (await app.Tenant.Api.SendAsync("GET", $"/v1/contacts/export?list_id={list}")).ShouldBeProblem(404, "list.unknown");
    }

    [Fact]
    public async Task A_file_with_another_systems_header_goes_in_and_its_progress_is_told_as_it_goes()
    {
        using var tenant = await app.NewTenantAsync();
        var csv = new StringBuilder("Telefon;Vorname;Ort;Farbe\n");
        for (var n = 0; n < 12_000; n++)
        {
            csv.Append(CultureInfo.InvariantCulture, $"{(n % 100 == 7 ? "bad" : $"+9198{n:D8}")};Name{n};Köln;rot\n");
        }

        var map = Uri.EscapeDataString("""{"telefon":"phone_number","Vorname":"first_name","Ort":"custom.city"}""");
        (await tenant.Api.SendAsync("POST", $"/v1/contacts/import?delimiter=semicolon&map={map}", csv.ToString(),
            ("Content-Type", "text/csv"))).ShouldBeProblem(400, "import.header_unknown_column");
        (await tenant.Api.SendAsync("POST", $"/v1/contacts/import?delimiter=semicolon&map=%5B", csv.ToString(),
            ("Content-Type", "text/csv"))).ShouldBeProblem(400, "request.map");
        var started =
            await tenant.Api.SendAsync("POST", $"/v1/contacts/import?delimiter=semicolon&unknown=custom&map={map}", csv.ToString(),
                ("Content-Type", "text/csv"));
        started.Status.ShouldBe(202, started.Text);

        var stream = await tenant.Api.SendAsync("GET", $"{started["url"].GetString()}/stream"); // ends by itself
        (stream.Status, stream.ContentType).ShouldBe((200, "text/event-stream"));
        var events = stream.Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).ToList();
        events[^1].ShouldContain("\"status\":\"completed\"");
        events[^1].ShouldContain("id: completed.12000");
        (await tenant.Api.SendAsync("GET", $"{started["url"].GetString()}/stream", null, ("Last-Event-ID", "completed.12000"))).Text.Trim()
            .ShouldBeEmpty();
        (await app.Tenant.Api.SendAsync("GET", $"{started["url"].GetString()}/stream")).ShouldBeProblem(404, "import.unknown");
        var import = await tenant.Api.SendAsync("GET", started["url"].GetString()!);
        (import["created"].GetInt32(), import["rejected"].GetInt32()).ShouldBe((11_880, 120));
        var found = (await tenant.Api.SendAsync("GET",
            "/v1/contacts?custom.city=K%C3%B6ln&custom.Farbe=rot&phone=%2B9198000119&limit=5"))["data"];
        found.GetArrayLength().ShouldBe(5);
    }

    private static async Task<int> LinesAsync(Tenant tenant, string query) =>
        (await tenant.Api.SendAsync("GET", $"/v1/contacts/export{query}")).Text.Split("\r\n",
            StringSplitOptions.RemoveEmptyEntries).Length - 1;

    private static async Task<List<string>> RowsAsync(Tenant tenant)
    {
        var rows = new List<string>();
        foreach (var c in await tenant.AllAsync("/v1/contacts"))
        {
            string Text(string name) => c.GetProperty(name).GetRawText();
            rows.Add(string.Join(' ', Text("phone_number"), Text("wa_user_id"), Text("first_name"), Text("last_name"), Text("email"),
                Text("consent_status"), Text("custom_fields"),
                string.Join(',', c.GetProperty("tags").EnumerateArray().Select(t => t.GetString()).Order(StringComparer.Ordinal))));
        }

        rows.Sort(StringComparer.Ordinal);
        return rows;
    }
}

/// <summary>A process that dies while it takes a file in goes on with it, row by row where it stood; and with an erasure.</summary>
public sealed class ImportKillTests(ApiProcess api) : IClassFixture<ApiProcess>
{
    [Fact]
    public async Task Killed_twice_in_mid_import_it_finishes_and_every_row_counts_once()
    {
        const int rows = 60_000;
        using var tenant = await Tenant.NewAsync(api.Address, api.Meta, messagesPerSecondMax: 100);
        var csv = new StringBuilder("phone_number,first_name,email,custom.city\n");
        for (var n = 0; n < rows; n++)
        {
            csv.Append(CultureInfo.InvariantCulture,
                $"{(n % 100 == 7 ? "bad" : $"+9197{n:D8}")},Name{n},person{n}@example.com,Town{n % 50}\n");
        }

        var started = await tenant.Api.SendAsync("POST", "/v1/contacts/import", csv.ToString(), ("Content-Type", "text/csv"));
        started.Status.ShouldBe(202, started.Text);
        foreach (var done in new[] { 5_000, 25_000 })
        {
            var seen = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", started["url"].GetString()!), i =>
                i["done"].GetInt32() >= done, $"{done} rows are in");
            seen["status"].GetString().ShouldBe("running"); // in the middle indeed
            await api.KillAsync();
            // the dead one's lease is over
            await api.Views.ScalarAsync("WITH l AS (UPDATE bsp.imports SET leased_until = now() RETURNING 1) SELECT count(*) FROM l");
            await api.StartAsync();
        }

        var import =
            await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", started["url"].GetString()!), i =>
                i["status"].GetString() is "completed" or "failed", "the import ends");
        (import["status"].GetString(), import["done"].GetInt32(), import["created"].GetInt32(), import["rejected"].GetInt32(),
            import["updated"].GetInt32(), import["duplicates"].GetInt32())
            .ShouldBe(("completed", rows, rows - (rows / 100), rows / 100, 0, 0));
        (await api.Views.ScalarAsync("SELECT count(*) FROM contacts WHERE organization_id = $1", tenant.Id))
            .ShouldBe($"{rows - (rows / 100)}");
        (await api.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = 'contacts_imported'")).ShouldBe("1");
        await Patience.UntilAsync(() => api.Views.ScalarAsync("SELECT count(*) FROM bsp.import_rows_staged"),
            n => n == "0", "nothing is left over");
        var rejected = await tenant.Api.SendAsync("GET", import["rejected_url"].GetString()!);
        rejected.Text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(1 + (rows / 100));

        // And an erasure that was ordered just before the kill.
        var person = (await tenant.Api.SendAsync("GET", "/v1/contacts?phone_number=%2B919700000001"))["data"][0].GetProperty("id")
            .GetGuid();
        (await tenant.Api.SendAsync("POST", $"/v1/contacts/{person}/erase")).Status.ShouldBeOneOf(200, 202);
        await api.KillAsync();
        await api.Views.ScalarAsync("WITH l AS (UPDATE bsp.contact_erasures SET leased_until = now() RETURNING 1) SELECT count(*) FROM l");
        await api.StartAsync();
        await Patience.UntilAsync(() => tenant.Api.SendAsync("POST", $"/v1/contacts/{person}/erase"), e =>
            e.Status == 200, "the erasure is completed");
        (await api.Views.TracesAsync("919700000001", "person1@example.com")).ShouldBeEmpty();
    }
}
