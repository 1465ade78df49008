using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Benchmarks;

/// <summary>
/// A file of contacts from the first byte sent until the import says completed, beside a bare COPY of the same good rows, all their
/// columns, into the same table: its defaults, checks, all its indexes and
/// its foreign keys, read from the catalog; as its owner, so without row-level security, and in one transaction. Then what is asked of so
/// many contacts.
/// <c>BENCH_CONTACTS</c> changes the number of rows; every hundredth is bad.
/// </summary>
internal static class ContactsBench
{
    private const int RowsStandard = 1_000_000;
    private const int Cities = 500;
    private const int Asked = 20;
    private static readonly string[] FirstNames = ["Asha", "Bilal", "Chen", "Dora", "Emeka", "Fatima", "محمد", "Jürgen", "Олег", "さくら"];
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        var rows = int.TryParse(Environment.GetEnvironmentVariable("BENCH_CONTACTS"), out var given) && given > 0 ? given : RowsStandard;
        Report.Say("starting stores, simulator and API");
        await using var installation = await Installation.StartAsync(ct);
        var (organization, key) = await NewOrganizationAsync(installation, ct);
        using var api = new HttpClient { BaseAddress = new Uri(installation.ApiUrl), Timeout = Patience };
        api.DefaultRequestHeaders.Authorization = new("Bearer", key);

        Report.Say($"COPY of {rows:N0} rows into a bare table with the same indexes");
        var bare = await CopyAsync(installation, Guid.Parse(organization), rows, ct);
        Report.Say($"importing {rows:N0} rows");
        var (import, processor) = await ImportAsync(installation, api, rows, ct);
        report.Add(new($"import of {rows:N0} rows, 1 % bad: POST until completed (mark 0.60)", rows / import.TotalSeconds, "rows/s",
            rows / bare.TotalSeconds, "bare COPY, same rows, table, indexes, foreign keys"));
        report.Add(new("import: processor time of the API", processor.TotalSeconds * 1_000_000 / rows, "µs a row"));
        report.Add(new("RSS of the API, most, while importing (mark 300 at most)", installation.Api().MemoryPeakMb, "MB"));

        await ExecuteAsync(installation, "VACUUM ANALYZE contacts", ct); // as autovacuum does within minutes
        await CountsAsync(report, installation, api, rows, ct);
        await SearchesAsync(report, installation, api, organization, rows, ct);
        await ExportAsync(report, installation, api, rows, ct);
        report.Add(new("RSS of the API, most", installation.Api().MemoryPeakMb, "MB"));
    }

    private static async Task<(string Organization, string Key)> NewOrganizationAsync(Installation installation, CancellationToken ct)
    {
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey);
        var organization =
            (await platform.PostAsync("/v1/organizations", new JsonObject { ["name"] = "Bench", ["slug"] = "bench" },
                ct))["id"]!.GetValue<string>();
        using var founder = new BspClient(installation.ApiUrl, installation.PlatformKey, organization);
        return (organization,
            (await founder.PostAsync("/v1/api-keys", new JsonObject { ["name"] = "bench", ["permissions"] = "admin" },
                ct))["key"]!.GetValue<string>());
    }

    private static string Phone(int n) => string.Create(CultureInfo.InvariantCulture, $"+9198{n:D8}");

    private static bool IsBad(int n) => n % 100 == 7;

    private static string[] Tags(int n) => [n % 2 == 0 ? "even" : "odd", $"week{n % 52}", .. n % 20_000 == 11 ? new[] { "rare" } : []];

    private static async Task<TimeSpan> CopyAsync(Installation installation, Guid organization, int rows, CancellationToken ct)
    {
        await ExecuteAsync(installation, """
            CREATE TABLE bare_contacts (LIKE contacts INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING CONSTRAINTS INCLUDING STORAGE);
            DO $$ DECLARE key text; BEGIN
              FOR key IN SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'contacts'::regclass AND contype = 'f' LOOP EXECUTE 'ALTER TABLE bare_contacts ADD ' || key; END LOOP;
              IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'contacts'::regclass AND NOT tgisinternal) THEN RAISE EXCEPTION 'contacts has triggers of its own now: the baseline must have them, too'; END IF;
            END $$
            """, ct);
        await using var connection = await OpenAsync(installation, ct);
        var began = Stopwatch.GetTimestamp();
        await using (var copy =
            await connection.BeginBinaryImportAsync(
                "COPY bare_contacts (id, organization_id, phone_number, first_name, last_name, email, consent_status, consent_updated_at, tags, custom_fields, last_import_id, import_ids) FROM STDIN (FORMAT BINARY)", ct))
        {
            for (var n = 0; n < rows; n++)
            {
                if (!IsBad(n))
                {
                    await WriteAsync(copy, organization, n, ct);
                }
            }

            await copy.CompleteAsync(ct);
        }

        var elapsed = Stopwatch.GetElapsedTime(began);
        await ExecuteAsync(installation, "DROP TABLE bare_contacts", ct);
        return elapsed;
    }

    private static async Task WriteAsync(NpgsqlBinaryImporter copy, Guid organization, int n, CancellationToken ct)
    {
        await copy.StartRowAsync(ct);
        await copy.WriteAsync(Guid.CreateVersion7(), NpgsqlDbType.Uuid, ct);
        await copy.WriteAsync(organization, NpgsqlDbType.Uuid, ct);
        await copy.WriteAsync(Phone(n), NpgsqlDbType.Text, ct);
        await copy.WriteAsync(FirstNames[n % FirstNames.Length], NpgsqlDbType.Text, ct);
        await copy.WriteAsync($"Person{n}", NpgsqlDbType.Text, ct);
        await copy.WriteAsync($"person{n}@example.com", NpgsqlDbType.Text, ct);
        await copy.WriteAsync("OPTED_IN", NpgsqlDbType.Text, ct);
        await copy.WriteAsync(DateTime.UtcNow, NpgsqlDbType.TimestampTz, ct);
        await copy.WriteAsync($"[{string.Join(',', Tags(n).Select(t => $"\"{t}\""))}]", NpgsqlDbType.Jsonb, ct);
        await copy.WriteAsync($"{{\"city\":\"City{n % Cities}\",\"number\":\"{n}\"}}", NpgsqlDbType.Jsonb, ct);
        await copy.WriteAsync(organization, NpgsqlDbType.Uuid, ct);
        await copy.WriteAsync(new[] { organization }, NpgsqlDbType.Array | NpgsqlDbType.Uuid, ct);
    }

    private static async Task<(TimeSpan Elapsed, TimeSpan Processor)> ImportAsync(Installation installation, HttpClient api, int rows,
        CancellationToken ct)
    {
        var before = installation.Api().Processor;
        var began = Stopwatch.GetTimestamp();
        using var answer = await api.PostAsync("/v1/contacts/import", new CsvContent(rows), ct);
        var started = JsonNode.Parse(await answer.Content.ReadAsStringAsync(ct))!;
        var url = started["url"]?.GetValue<string>() ?? throw new Obstacle($"The import was refused: {started.ToJsonString()}");
        Report.Say($"read and staged after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s");
        var done = await Until.TrueAsync(async token =>
        {
            var import = JsonNode.Parse(await api.GetStringAsync(url, token))!;
            return import["status"]!.GetValue<string>() switch
            {
                "completed" => import["rejected"]!.GetValue<int>() == Enumerable.Range(0, rows).Count(IsBad) ? true
                    : throw new Obstacle($"The import counted wrongly: {import.ToJsonString()}"),
                "failed" => throw new Obstacle($"The import failed: {import.ToJsonString()}"),
                _ => false,
            };
        }, Patience, ct);
        var took = done ? (Stopwatch.GetElapsedTime(began), installation.Api().Processor - before)
            : throw new Obstacle($"The import did not end in {Patience.TotalMinutes:0} minutes.");
        await RejectedAsync(api, $"{url}/rejected", rows, ct);
        return took;
    }

    // Every bad row with its line, and no other.
    private static async Task RejectedAsync(HttpClient api, string url, int rows, CancellationToken ct)
    {
        using var reader = new StreamReader(await api.GetStreamAsync(url, ct));
        await reader.ReadLineAsync(ct);
        foreach (var n in Enumerable.Range(0, rows).Where(IsBad))
        {
            var line = await reader.ReadLineAsync(ct);
            if (line?.StartsWith($"{n + 2},phone_number,is no phone number with country code,bad,", StringComparison.Ordinal) != true)
            {
                throw new Obstacle($"The bad rows lack line {n + 2}: {line}");
            }
        }

        if (await reader.ReadLineAsync(ct) is { } more)
        {
            throw new Obstacle($"The bad rows have one too many: {more}");
        }
    }

    private static async Task CountsAsync(Report report, Installation installation, HttpClient api, int rows, CancellationToken ct)
    {
        var list = JsonNode.Parse(
            await (await api.PostAsync("/v1/lists", Json("""{"name":"L"}"""),
                ct)).Content.ReadAsStringAsync(ct))!["id"]!.GetValue<string>();
        var bare = (await TimesAsync(5, async _ => await installation.NumberAsync("SELECT count(*) FROM contacts", ct))).Median();
        foreach (var (what, filter) in new[]
        {
            ("tag of one in two", """{"field":"tags","op":"has","value":"even"}"""),
            ("tag of one in 20,000", """{"field":"tags","op":"has","value":"rare"}"""),
            ("custom field", """{"field":"custom_fields.city","op":"eq","value":"City77"}"""),
            ("consent, activity and part of a name",
                """{"all":[{"field":"consent_status","op":"eq","value":"OPTED_IN"},{"not":{"field":"last_interaction","op":"within_days","value":30}},{"field":"last_name","op":"contains","value":"son12"}]}"""),
            ("five conditions",
                """{"any":[{"all":[{"field":"tags","op":"has_any","value":["week1","week2"]},{"field":"created_at","op":"within_days","value":7}]},{"all":[{"field":"custom_fields.city","op":"in","value":["City1","City2"]},{"field":"email","op":"starts_with","value":"person9"},{"field":"total_messages_sent","op":"lt","value":5}]}]}"""),
        })
        {
            var body = $"{{\"filters\":{filter}}}";
            var times = await TimesAsync(5, async _ =>
            {
                using var answer = await api.PostAsync($"/v1/lists/{list}/preview", Json(body), ct);
                answer.EnsureSuccessStatusCode();
            });
            report.Add(new($"filter over {rows:N0}, count and sample: {what} (mark 500)", times.Median(), "ms p50", bare,
                "SELECT count(*), no filter"));
        }
    }

    private static async Task SearchesAsync(Report report, Installation installation, HttpClient api, string organization, int rows,
        CancellationToken ct)
    {
        var ids = new List<string>();
        await using (var connection = await OpenAsync(installation, ct))
        {
            await using var some =
                new NpgsqlCommand($"SELECT id FROM contacts WHERE organization_id = '{organization}' LIMIT {Asked}", connection);
            await using var reader = await some.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                ids.Add(reader.GetGuid(0).ToString());
            }
        }

        var one = (await TimesAsync(Asked, async i =>
            (await api.GetAsync($"/v1/contacts/{ids[i % ids.Count]}", ct)).EnsureSuccessStatusCode())).Median();
        int At(int i) => (int)((long)rows * (i + 1) / (Asked + 2) / 100 * 100) + 3;
        foreach (var (what, query) in new (string, Func<int, string>)[]
        {
            ("part of a name", i => $"q=person{At(i)}"),
            ("right-to-left name", _ => $"q={Uri.EscapeDataString("محمد")}"),
            ("beginning of a number, 8 digits", i => $"phone=%2B{Phone(At(i))[1..9]}"),
            ("beginning of a number, 11 digits", i => $"phone=%2B{Phone(At(i))[1..12]}"),
            ("tag of one in two", _ => "tag=even"),
            ("tag of one in 20,000", _ => "tag=rare"),
            ("custom field of one in 500", i => $"custom.city=City{i * 7}"),
            ("custom field of one", i => $"custom.number={At(i)}"),
            ("e-mail", i => $"email=Person{At(i)}@example.com"),
            ("name, number, tag and consent together", i => $"q=person&phone=%2B{Phone(At(i))[1..10]}&tag=week{i}&consent=OPTED_IN"),
            ("consent nobody has", _ => "consent=OPTED_OUT"),
        })
        {
            var times = await TimesAsync(Asked, async i => (await api.GetAsync($"/v1/contacts?{query(i)}", ct)).EnsureSuccessStatusCode());
            report.Add(new($"search among {rows:N0}: {what} (mark 50)", times.Percentile(0.95), "ms p95", one, "GET of one contact, p50"));
        }
    }

    private static async Task ExportAsync(Report report, Installation installation, HttpClient api, int rows, CancellationToken ct)
    {
        Report.Say("exporting");
        var began = Stopwatch.GetTimestamp();
        var lines = 0;
        using (var reader = new StreamReader(await api.GetStreamAsync("/v1/contacts/export", ct)))
        {
            while (await reader.ReadLineAsync(ct) is not null)
            {
                lines++;
            }
        }

        var own = Stopwatch.GetElapsedTime(began);
        began = Stopwatch.GetTimestamp();
        await using var connection = await OpenAsync(installation, ct);
        using (var bare =
            await connection.BeginTextExportAsync(
                "COPY (SELECT phone_number, wa_user_id, first_name, last_name, email, consent_status, tags, custom_fields FROM contacts ORDER BY id) TO STDOUT (FORMAT CSV)", ct))
        {
            while (await bare.ReadLineAsync(ct) is not null)
            {
            }
        }

        report.Add(new("export of all as CSV", (lines - 1) / own.TotalSeconds, "rows/s",
            (lines - 1) / Stopwatch.GetElapsedTime(began).TotalSeconds, "bare COPY TO STDOUT"));
        if (lines - 1 != rows - Enumerable.Range(0, rows).Count(IsBad))
        {
            throw new Obstacle($"The export has {lines - 1:N0} rows.");
        }
    }

    private static async Task<List<double>> TimesAsync(int count, Func<int, Task> work)
    {
        var times = new List<double>();
        for (var i = -2; i < count; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await work(Math.Max(i, 0));
            if (i >= 0)
            {
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        }

        return times;
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private static async Task<NpgsqlConnection> OpenAsync(Installation installation, CancellationToken ct)
    {
        var connection = new NpgsqlConnection(installation.Database + ";Command Timeout=0");
        await connection.OpenAsync(ct);
        return connection;
    }

    private static async Task ExecuteAsync(Installation installation, string sql, CancellationToken ct)
    {
        await using var connection = await OpenAsync(installation, ct);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>The file, made as it is sent.</summary>
    private sealed class CsvContent : HttpContent
    {
        private readonly int rows;

        public CsvContent(int rows)
        {
            this.rows = rows;
            Headers.ContentType = new MediaTypeHeaderValue("text/csv");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await using var writer = new StreamWriter(stream, new UTF8Encoding(false), 64 * 1024, leaveOpen: true);
            await writer.WriteAsync("phone_number,first_name,last_name,email,consent_status,tags,custom.city,custom.number\n");
            for (var n = 0; n < rows; n++)
            {
                await writer.WriteAsync(string.Create(CultureInfo.InvariantCulture,
                    $"{(IsBad(n) ? "bad" : Phone(n))},{FirstNames[n % FirstNames.Length]},Person{n},person{n}@example.com,OPTED_IN,{string.Join(';', Tags(n))},City{n % Cities},{n}\n"));
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
