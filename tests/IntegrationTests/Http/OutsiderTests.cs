using System.Text.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Http;

/// <summary>
/// What somebody tries who wants to see the server stumble: it is a clear problem, never a 500, and nothing of anybody else.
/// </summary>
public sealed class OutsiderTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly string[] Odd =
        ["%00", "a%00b", "%FF%FE", "%ED%A0%80", "'%20OR%201=1--", "%25", "_", "%5C", "%22", "{}", "[]", "-1", "99999999999999999999",
            "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "NaN"];

    private static readonly string[] OddFilters =
    [
        "{", "[]", "null", "1", "\"x\"", """{"all":[]}""", """{"all":{}}""", """{"not":[]}""", """{"all":[{}]}""",
            """{"field":"id","op":"eq","value":"x"}""", """{"field":"organization_id","op":"ne","value":"x"}""",
        """{"field":"phone_number; DROP TABLE contacts","op":"eq","value":"x"}""",
        """{"field":"phone_number","op":"= '' OR 1=1 --","value":"x"}""", """{"field":"first_name","op":"eq","value":"\ud800"}""",
        """{"field":"first_name","op":"eq","value":"\u0000"}""", """{"field":"\ud800","value":"x"}""",
        """{"field":"custom_fields.\u0000","op":"eq","value":"x"}""", """{"field":"custom_fields.\ud800","op":"exists"}""",
        """{"\ud800":1}""", """{"field":"tags","op":"has_any","value":["\u0000"]}""", """{"field":"tags","op":"has","value":"\udfff"}""",
        """{"field":"total_messages_sent","op":"gt","value":1e400}""",
        """{"field":"custom_fields.n","op":"gt","value":1e400}""", """{"field":"created_at","op":"gt","value":"292277026597-01-01"}""",
        """{"field":"created_at","op":"within_days","value":99999999999}""",
        """{"field":"first_name","op":"starts_with","value":{"$ne":null}}""",
        """{"any":[{"field":"first_name","op":"eq","value":"x","sql":"1=1"}]}""",
    ];

    [Fact]
    public async Task Odd_texts_in_every_parameter_of_every_route_are_answered()
    {
        var organization = await app.NewOrganizationAsync();
        var document = (await app.Platform.SendAsync("GET", "/openapi/v1.json")).Body;
        var (tried, broken) = (0, new List<string>());
        foreach (var path in document.GetProperty("paths").EnumerateObject()
            .Where(p => p.Value.TryGetProperty("get", out _) && p.Name.StartsWith("/v1/", StringComparison.Ordinal)
                && !p.Name.EndsWith("/stream", StringComparison.Ordinal)))
        {
            var names = path.Value.GetProperty("get").TryGetProperty("parameters", out var parameters) ? parameters.EnumerateArray()
                .Where(p => p.GetProperty("in").GetString() == "query").Select(p => p.GetProperty("name").GetString()!).ToList() : [];
            foreach (var name in names.Concat(path.Name == "/v1/contacts" ? ["custom.x", "custom.%00", "custom.", "q", "tag", "email"] : [])
                .Distinct())
            {
                foreach (var value in Odd)
                {
                    var target =
                        $"{path.Name.Replace("{id}", organization.Id.ToString(), StringComparison.Ordinal).Replace("{contact_id}", organization.Id.ToString(), StringComparison.Ordinal).Replace("{contactId}", organization.Id.ToString(), StringComparison.Ordinal)}?{name}={value}";
                    var answer = await organization.Admin.SendAsync("GET", target);
                    tried++;
                    if (answer.Status >= 500)
                    {
                        broken.Add($"{answer.Status} {target} {answer.Text}");
                    }
                }
            }
        }

        tried.ShouldBeGreaterThan(300);
        broken.ShouldBeEmpty();
    }

    [Fact]
    public async Task Odd_filters_are_problems_wherever_a_filter_is_taken()
    {
        var organization = await app.NewOrganizationAsync();
        var list = (await AppFixture.CreatedAsync(organization.Admin, "/v1/lists", new { name = "L" })).GetProperty("id").GetGuid();
        var broken = new List<string>();
        foreach (var filter in OddFilters)
        {
            foreach (var (method, path, body) in new (string, string, object?)[]
            {
                ("GET", $"/v1/contacts/export?filter={Uri.EscapeDataString(filter)}", null),
                    ("POST", "/v1/lists", $$"""{"name":"F","filters":{{filter}} }"""),
                    ("POST", $"/v1/lists/{list}/preview", $$"""{"filters":{{filter}} }"""),
                ("POST", "/v1/campaigns",
                    $$"""{"name":"C","account_id":"{{Guid.NewGuid()}}","template_id":"{{Guid.NewGuid()}}","audience_segment":{"filter":{{filter}} } }"""),
            })
            {
                var answer = await organization.Admin.SendAsync(method, path, body);
                var none = filter is "null" && answer.Status < 300; // no filter
                if (!none && answer.Status is not (400 or 404 or 409))
                {
                    broken.Add($"{answer.Status} {method} {path} {body} {answer.Text}");
                }
            }
        }

        broken.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_cursor_that_was_changed_or_made_for_another_list_or_organization_is_refused()
    {
        var (organization, neighbour) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        foreach (var name in new[] { "A", "B", "C" })
        {
            await AppFixture.CreatedAsync(organization.Admin, "/v1/lists", new { name });
        }

        var cursor = (await organization.Admin.SendAsync("GET", "/v1/lists?limit=1"))["next_cursor"].GetString()!;
        (await organization.Admin.SendAsync("GET", $"/v1/lists?limit=1&cursor={cursor}")).Status.ShouldBe(200);
        (await neighbour.Admin.SendAsync("GET", $"/v1/lists?limit=1&cursor={cursor}")).ShouldBeProblem(400, "request.cursor");
        foreach (var other in new[] { "/v1/contacts", "/v1/campaigns", "/v1/templates", "/v1/users", "/v1/api-keys", "/v1/events" })
        {
            (await organization.Admin.SendAsync("GET", $"{other}?cursor={cursor}")).Status.ShouldBe(400, other);
        }

        for (var i = 0; i < cursor.Length; i++)
        {
            var changed = $"{cursor[..i]}{(cursor[i] == 'A' ? 'B' : 'A')}{cursor[(i + 1)..]}";
            (await organization.Admin.SendAsync("GET", $"/v1/lists?cursor={changed}")).Status.ShouldBeOneOf(400,
                changed.TrimEnd('A', 'B') == cursor.TrimEnd('A', 'B') || i == cursor.Length - 1 ? 200 : 400);
        }
    }

    [Fact]
    public async Task Lists_come_newest_first_where_that_is_asked_for_and_a_cursor_goes_on_in_its_own_order_only()
    {
        var organization = await app.NewOrganizationAsync();
        var platform = app.Client(AppFixture.PlatformKey, organization.Id);
        var template = (await AppFixture.CreatedAsync(organization.Admin, "/v1/templates", new { account_id = organization.AccountId,
            name = "listed", category = "UTILITY", language = "en", components = new { body = "Hello" } })).GetProperty("id").GetGuid();
        for (var i = 0; i < 5; i++)
        {
            await AppFixture.CreatedAsync(organization.Admin, "/v1/campaigns", new { name = $"C{i}", template_id = template,
                account_id = organization.AccountId, audience_segment = new { all = true } });
            await AppFixture.CreatedAsync(platform, "/v1/wallet/topups", new { amount = "1", currency = "USD", reference = $"pay_{i}" });
        }

        foreach (var list in new[] { "/v1/campaigns?status=DRAFT", "/v1/transactions?type=credit", "/v1/transactions?kind=topup" })
        {
            var (oldest, newest) = (await WalkedAsync(list), await WalkedAsync($"{list}&order=newest"));
            oldest.Count.ShouldBe(5, list);
            newest.ShouldBe(oldest.AsEnumerable().Reverse(), list);
            (await WalkedAsync($"{list}&order=oldest")).ShouldBe(oldest, list);
            var cursor = (await organization.Admin.SendAsync("GET", $"{list}&limit=2&order=newest"))["next_cursor"].GetString();
            (await organization.Admin.SendAsync("GET", $"{list}&limit=2&cursor={cursor}")).ShouldBeProblem(400, "request.cursor");
        }

        foreach (var list in new[] { "/v1/campaigns", "/v1/transactions", "/v1/charges" })
        {
            (await organization.Admin.SendAsync("GET", $"{list}?order=up")).ShouldBeProblem(400, "request.invalid")["errors"]
                .TryGetProperty("order", out _).ShouldBeTrue(list);
            (await organization.Admin.SendAsync("GET", $"{list}?order=newest")).Status.ShouldBe(200, list);
        }

        async Task<List<Guid>> WalkedAsync(string list)
        {
            var seen = new List<Guid>();
            for (string? cursor = ""; cursor is not null;)
            {
                var page = await organization.Admin.SendAsync("GET", $"{list}&limit=2{(cursor == "" ? "" : $"&cursor={cursor}")}");
                seen.AddRange(page["data"].EnumerateArray().Select(one => one.GetProperty("id").GetGuid()));
                cursor = page["next_cursor"].GetString();
            }

            return seen;
        }
    }

    [Fact]
    public async Task Nothing_in_an_exported_file_is_a_formula()
    {
        var organization = await app.NewOrganizationAsync();
        string[] formulas =
            ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", "\n=1+1", "＝1+1", " =1+1", "\u202E=1+1",
                "=HYPERLINK(\"http://x\",\"y\")", "'=1", "\";=1+1"];
        foreach (var (formula, n) in formulas.Select((f, n) => (f, n)))
        {
            var created =
                await organization.Admin.SendAsync("POST", "/v1/contacts",
                    new { phone_number = $"+4915100000{n:D3}", first_name = formula, last_name = formula, tags = new[] { formula.Trim() },
                        custom_fields = new Dictionary<string, string> { ["x"] = formula } });
            created.Status.ShouldBeOneOf(201, 400); // control characters are no name
        }

        var file = (await organization.Admin.SendAsync("GET", "/v1/contacts/export")).Text;
        foreach (var cell in Cells(file))
        {
            (cell.Length > 0 && "=+-@\t\r\n".Contains(cell[0], StringComparison.Ordinal)
                && !cell.StartsWith("+49151", StringComparison.Ordinal)).ShouldBeFalse(cell);
        }

        // And it can be read in again as it was.
        var before = await organization.Admin.SendAsync("GET", "/v1/contacts?limit=200");
        var import = await organization.Admin.SendAsync("POST", "/v1/contacts/import", file, ("Content-Type", "text/csv"));
        import.Status.ShouldBe(202, import.Text);
        var ended = await EndToEnd.Patience.UntilAsync(() => organization.Admin.SendAsync("GET", import["url"].GetString()!), i =>
            i["status"].GetString() is "completed" or "failed", "the import ends");
        ended["rejected"].GetInt32().ShouldBe(0, ended.Text);
        static string Names(Answer answer) =>
            string.Join('|', answer["data"].EnumerateArray()
                .Select(c => $"{c.GetProperty("first_name")} {c.GetProperty("tags")} {c.GetProperty("custom_fields")}"));
        Names(await organization.Admin.SendAsync("GET", "/v1/contacts?limit=200")).ShouldBe(Names(before));
    }

    // RFC 4180: cells between commas and line ends, quoted where these are in them.
    private static IEnumerable<string> Cells(string csv) =>
        System.Text.RegularExpressions.Regex.Matches(csv, "(?:^|,|\n)(?:\"((?:[^\"]|\"\")*)\"|([^,\r\n]*))")
        .Select(m => m.Groups[1].Success ? m.Groups[1].Value.Replace("\"\"", "\"", StringComparison.Ordinal) : m.Groups[2].Value);
}
