using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.LedgerHeads;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.LedgerAudits;

/// <summary>What an auditor does with a read key: audits, heads and the keys to them, proofs, exports, statements. One application for
/// all of it.</summary>
public sealed partial class AuditorTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly string Month = LedgerTime.Month(DateTimeOffset.UtcNow);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_audit_asked_for_over_HTTP_passes_and_after_a_change_names_the_entry()
    {
        var (organization, posted) = await WalletAsync();
        var started = await organization.Reader.SendAsync("POST", "/v1/ledger/audits", new { from = (string?)null, to = (string?)null });
        started.Status.ShouldBe(202, started.Text);

        var report = await EndedAsync(organization, started["id"].GetGuid());

        report["status"].GetString().ShouldBe("passed", report.Text);
        report["entries"].GetInt64().ShouldBe(posted.Count + 1); // the opening
        report["first_fault"].ValueKind.ShouldBe(JsonValueKind.Null);
        report["checks"].EnumerateArray().Select(c => c.GetProperty("result").GetString()).ShouldNotContain("failed");

        await AdminAsync("UPDATE transactions SET amount = amount + 0.000001 WHERE id = $1", posted[5].Id);
        var spoiled =
            await EndedAsync(organization, (await organization.Reader.SendAsync("POST", "/v1/ledger/audits", new { }))["id"].GetGuid());
        spoiled["status"].GetString().ShouldBe("failed");
        spoiled["first_fault"].GetProperty("entry").GetGuid().ShouldBe(posted[5].Id);
        spoiled["first_fault"].GetProperty("code").GetString().ShouldBe("table.differs");
        spoiled["first_fault"].GetProperty("detail").GetString()!.ShouldContain("amount");
        var neighbour = await app.NewOrganizationAsync();
        (await neighbour.Reader.SendAsync("GET", $"/v1/ledger/audits/{started["id"].GetGuid()}")).ShouldBeProblem(404, "audit.unknown");
        foreach (var body in new object[] { new { from = "2026-13" }, new { from = "yesterday" },
            new { from = "2026-11", to = "2026-10" }, new { from = 5 }, new { months = 1 } })
        {
            (await organization.Reader.SendAsync("POST", "/v1/ledger/audits", body)).Status.ShouldBe(400);
        }
    }

    [Fact]
    public async Task One_audit_of_an_organization_at_a_time_and_a_killed_auditors_is_taken_up_or_given_up_visibly()
    {
        var (organization, posted) = await WalletAsync();
        var (held, lost, hopeless) = (Uuid.New(), Uuid.New(), Uuid.New());
        await AdminAsync(
            "INSERT INTO bsp.ledger_audits (id, organization_id, leased_by, leased_until, attempts) VALUES ($1, $2, "
            + "gen_random_uuid(), now() + interval '1 hour', 1)", held, organization.Id);
        (await organization.Reader.SendAsync("POST", "/v1/ledger/audits", new { })).ShouldBeProblem(409, "audit.running");
        (await organization.Reader.SendAsync("GET", $"/v1/ledger/audits/{held}"))["status"].GetString().ShouldBe("running");
        await AdminAsync("UPDATE bsp.ledger_audits SET status = 'passed' WHERE id = $1", held);

        await AdminAsync(
            "INSERT INTO bsp.ledger_audits (id, organization_id, leased_by, leased_until, attempts) VALUES ($1, $2, "
            + "gen_random_uuid(), now() - interval '1 second', 1)", lost, organization.Id);
        var taken = await EndedAsync(organization, lost);
        (taken["status"].GetString(), taken["entries"].GetInt64()).ShouldBe(("passed", posted.Count + 1));

        await AdminAsync(
            "INSERT INTO bsp.ledger_audits (id, organization_id, leased_by, leased_until, attempts) VALUES ($1, $2, "
            + "gen_random_uuid(), now() - interval '1 second', 5)", hopeless, organization.Id);
        var given = await EndedAsync(organization, hopeless);
        given["status"].GetString().ShouldBe("failed");
        given["error"].GetString().ShouldNotBeNullOrEmpty();
    }

    [Fact]
    public async Task Head_export_and_keys_are_enough_for_a_third_party_and_a_proof_leads_to_the_signed_root()
    {
        var (organization, posted) = await WalletAsync(messages: 300);
        var head = await organization.Reader.SendAsync("GET", "/v1/ledger/head");
        var keys = await app.Anonymous.SendAsync("GET", "/.well-known/bsp-ledger-keys");
        var export = await organization.Reader.GetStringAsync("/v1/transactions/export?format=jsonl", Ct);
        head["size"].GetInt64().ShouldBe(posted.Count + 1);
        head["head_hash"].GetString().ShouldBe(posted[^1].Hash);
        (await CheckAsync(export, head.Text, keys.Text))
            .ShouldBe((0, $"{posted.Count + 1} entries hold, up to the head signed by {head["key_id"].GetString()}"));
        var altered = export.Replace("\"India\"", "\"Chad\"", StringComparison.Ordinal);
        (await CheckAsync(altered, head.Text, keys.Text)).Code.ShouldBe(1);

        var csv = (await organization.Reader.SendAsync("GET", "/v1/transactions/export?format=csv")).Text.TrimEnd().Split("\r\n");
        csv.Length.ShouldBe(posted.Count + 2);
        csv[2].ShouldContain("شحن");
        (await organization.Reader.SendAsync("GET", "/v1/transactions/export?format=pdf")).ShouldBeProblem(400, "request.format");
        (await organization.Reader.SendAsync("GET", "/v1/transactions/export?from=2026-1")).ShouldBeProblem(400, "request.month");

        foreach (var entry in new[] { posted[0], posted[10], posted[254], posted[255], posted[256], posted[^1] })
        {
            var proof = await organization.Reader.SendAsync("GET", $"/v1/ledger/proof/{entry.Id}");
            proof.Status.ShouldBe(200, proof.Text);
            var path = proof["path"].EnumerateArray().Select(h => Convert.FromHexString(h.GetString()!)).ToList();
            Merkle.Verify(Convert.FromHexString(entry.Hash), proof["index"].GetInt64(), proof["size"].GetInt64(), path,
                Convert.FromHexString(proof["root"].GetString()!)).ShouldBeTrue();
            proof["root"].GetString().ShouldBe(head["root"].GetString());
            proof["head"].GetProperty("root").GetString().ShouldBe(head["root"].GetString());
            proof["canonical"].GetString().ShouldBe(Encoding.UTF8.GetString(LedgerCanonical.Bytes(entry)));
        }

        var neighbour = await app.NewOrganizationAsync();
        (await neighbour.Reader.SendAsync("GET", $"/v1/ledger/proof/{posted[3].Id}")).ShouldBeProblem(404, "transaction.unknown");
        (await neighbour.Reader.SendAsync("GET", "/v1/ledger/head")).ShouldBeProblem(404, "wallet.unknown");
        (await neighbour.Reader.GetStringAsync("/v1/transactions/export", Ct)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_days_heads_stand_under_one_signed_root_that_is_linked_to_the_day_before()
    {
        var (one, _) = await WalletAsync();
        var (two, _) = await WalletAsync();
        var sweep = ActivatorUtilities.CreateInstance<LedgerDaySweep>(app.Services);
        var shard = app.Services.GetRequiredService<Shards>().All[0];
        await Patience.UntilAsync(async () =>
        {
            await AdminAsync("DELETE FROM bsp.ledger_day_heads WHERE $1", true);
            await AdminAsync("DELETE FROM bsp.ledger_days WHERE $1", true);
            await AdminAsync("DELETE FROM bsp.ledger_heads_told WHERE $1", true);
            return await sweep.SweepAsync(shard, Ct); // 0: the application's own was faster
        }, made => made >= 2, "the day's heads are signed");
        (await sweep.SweepAsync(shard, Ct)).ShouldBe(0);

        var days = new List<JsonElement>();
        foreach (var organization in new[] { one, two })
        {
            var list = await organization.Reader.SendAsync("GET", "/v1/ledger/heads");
            list.Status.ShouldBe(200, list.Text);
            days.Add(list["data"].EnumerateArray().Single());
        }

        days[0].GetProperty("root").GetString().ShouldBe(days[1].GetProperty("root").GetString());
        foreach (var day in days)
        {
            var leaf =
                System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(day.GetProperty("head").GetProperty("message")
                .GetString()!));
            Merkle.Verify(leaf, day.GetProperty("index").GetInt64(), day.GetProperty("heads").GetInt64(),
                [.. day.GetProperty("path").EnumerateArray().Select(h => Convert.FromHexString(h.GetString()!))],
                Convert.FromHexString(day.GetProperty("root").GetString()!)).ShouldBeTrue();
            (await SignedAsync(day.GetProperty("key_id").GetString()!, day.GetProperty("message").GetString()!,
                day.GetProperty("signature").GetString()!)).ShouldBeTrue();
            var head = day.GetProperty("head");
            (await SignedAsync(head.GetProperty("key_id").GetString()!, head.GetProperty("message").GetString()!,
                head.GetProperty("signature").GetString()!)).ShouldBeTrue();
            head.GetProperty("balance").GetString().ShouldBe("64.686000");
        }

        await ToldOnceAsync(one, days[0]);
        await HeadsAreAuditedAsync(one, sweep);
    }

    [Fact]
    public async Task A_statement_adds_up_in_JSON_CSV_and_on_paper_and_shows_what_came_late()
    {
        var (organization, posted) = await WalletAsync();
        await AdminAsync("UPDATE organizations SET name = $2 WHERE id = $1", organization.Id, "متجر <script>alert(1)</script> \"Acme\"");
        var statement = await organization.Reader.SendAsync("GET", $"/v1/statements/{Month}");
        statement.Status.ShouldBe(200, statement.Text);
        // 100 in, 29.99 for the plan, 25 messages of 0.0135 (a third to India), one given back, 5 returned to the payer.
        statement["opening"].GetString().ShouldBe("0.000000");
        var totals = statement["totals"];
        (totals.GetProperty("top_ups").GetString(), totals.GetProperty("subscription").GetString(), totals.GetProperty("usage")
            .GetString(), totals.GetProperty("refunds").GetString())
            .ShouldBe(("100.000000", "-29.990000", "-0.337500", "-4.986500"));
        statement["closing"].GetString().ShouldBe("64.686000");
        statement["held"].GetString().ShouldBe("0.000000");
        statement["status"].GetString().ShouldBe("open");
        var lines = statement["lines"].EnumerateArray().ToList();
        lines.Sum(l => decimal.Parse(l.GetProperty("amount").GetString()!, CultureInfo.InvariantCulture)).ShouldBe(64.686m);
        var india = lines.Single(l => l.GetProperty("kind").GetString() == "usage" && l.GetProperty("market").GetString() == "India");
        (india.GetProperty("count").GetInt64(), india.GetProperty("amount").GetString(), india.GetProperty("category").GetString(),
            india.GetProperty("late").GetBoolean(), india.GetProperty("effective_month").GetString())
            .ShouldBe((8, "-0.108000", "marketing", true, "2026-08"));
        var behind = await organization.Reader.SendAsync("GET", india.GetProperty("entries").GetString()! + "&limit=200");
        behind.Status.ShouldBe(200, behind.Text);
        behind["data"].EnumerateArray().Count(t => t.GetProperty("metadata").GetProperty("market").GetString() == "India").ShouldBe(8);
        foreach (var line in lines)
        {
            var entries = await EntriesAsync(organization, line.GetProperty("entries").GetString()!);
            entries.Count.ShouldBe((int)line.GetProperty("count").GetInt64(), line.GetProperty("entries").GetString());
            entries.Sum(Signed).ShouldBe(decimal.Parse(line.GetProperty("amount").GetString()!, CultureInfo.InvariantCulture));
        }

        statement["head"].GetProperty("head_hash").GetString().ShouldBe(posted[^1].Hash);

        var csv = await organization.Reader.SendAsync("GET", $"/v1/statements/{Month}", null, ("Accept", "text/csv"));
        csv.ContentType.ShouldBe("text/csv");
        var rows = csv.Text.TrimEnd().Split("\r\n").Skip(1).Select(r => r.Split(',')).ToList();
        rows[..^1].Sum(r => decimal.Parse(r[9], CultureInfo.InvariantCulture)).ShouldBe(64.686m);
        rows[^1][9].ShouldBe("64.686000");

        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/statements/{Month}");
        request.Headers.Add("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
        using var page = await organization.Reader.SendAsync(request, Ct);
        var html = await page.Content.ReadAsStringAsync(Ct);
        page.Content.Headers.ContentType!.MediaType.ShouldBe("text/html");
        html.ShouldNotContain("<script");
        html.ShouldContain("<bdi dir=\"auto\">متجر");
        html.ShouldContain("64.686000");
        html.ShouldContain("@media print");
        var policy = page.Headers.GetValues("Content-Security-Policy").Single();
        policy.ShouldStartWith("default-src 'none'; style-src 'sha256-");
        var style = html[(html.IndexOf("<style>", StringComparison.Ordinal) + 7)..html.IndexOf("</style>", StringComparison.Ordinal)];
        policy.ShouldContain(Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(style))));

        (await organization.Reader.SendAsync("GET", $"/v1/statements/{Month}", null, ("Accept", "image/png"))).Status.ShouldBe(406);
        foreach (var month in new[] { "2020-01", "2026-13", "x", "2026-1", "9999-12" })
        {
            (await organization.Reader.SendAsync("GET", $"/v1/statements/{month}")).ShouldBeProblem(404, "statement.unknown");
        }
    }

    // Every page of what a line links to, two at a time.
    private static async Task<List<JsonElement>> EntriesAsync(TestOrganization organization, string link)
    {
        var all = new List<JsonElement>();
        for (string? cursor = "first"; cursor is not null;)
        {
            var from = cursor == "first" ? "" : $"&cursor={cursor}";
            var page = await organization.Reader.SendAsync("GET", $"{link}&limit=2{from}");
            page.Status.ShouldBe(200, page.Text);
            all.AddRange(page["data"].EnumerateArray());
            cursor = page["next_cursor"].GetString();
        }

        return all;
    }

    private static decimal Signed(JsonElement entry)
    {
        var leaves = entry.GetProperty("type").GetString() == "debit"
            || (entry.GetProperty("type").GetString(), entry.GetProperty("category").GetString()) == ("refund", "refund");
        return decimal.Parse(entry.GetProperty("amount").GetString()!, CultureInfo.InvariantCulture) * (leaves ? -1 : 1);
    }

    [Theory]
    [InlineData("kind=gift")]
    [InlineData("account_id=x")]
    [InlineData("effective_month=2026-1")]
    public async Task A_line_that_no_statement_has_is_refused_by_name(string query)
    {
        var (organization, _) = await WalletAsync(messages: 2);
        (await organization.Reader.SendAsync("GET", $"/v1/transactions?{query}")).ShouldBeProblem(400, "request.invalid")
            ["errors"].EnumerateObject().Select(e => e.Name).ShouldBe([query.Split('=')[0]]);
    }

    [Fact]
    public async Task A_statement_as_of_a_moment_is_the_one_of_then()
    {
        var (organization, posted) = await WalletAsync();
        foreach (var at in new[] { posted[0], posted[7], posted[20], posted[^2] })
        {
            // Entries of one millisecond belong together.
            var last = posted.Last(e => e.CreatedAt <= at.CreatedAt);
            var then =
                await organization.Reader.SendAsync("GET",
                $"/v1/statements/{Month}?as_of={Uri.EscapeDataString(LedgerTime.Text(at.CreatedAt))}");
            then.Status.ShouldBe(200, then.Text);
            then["closing"].GetString().ShouldBe(Money.Text(last.BalanceAfter));
            then["held"].GetString().ShouldBe(Money.Text(last.HeldAfter));
            then["lines"].EnumerateArray().Sum(l => decimal.Parse(l.GetProperty("amount").GetString()!, CultureInfo.InvariantCulture))
                .ShouldBe(last.BalanceAfter);
            then["head"].GetProperty("head_hash").GetString().ShouldBe(last.Hash);
        }

        (await organization.Reader.SendAsync("GET", $"/v1/statements/{Month}?as_of=2020-01-01T00:00:00Z"))
            .ShouldBeProblem(404, "statement.unknown");
        (await organization.Reader.SendAsync("GET", $"/v1/statements/{Month}?as_of=yesterday")).ShouldBeProblem(400, "request.as_of");
    }

    // A top-up, a hold, messages of it (of August, a third to India), one given back, what is left of the hold, a plan's price, part of
    // the top-up returned.
    private async Task<(TestOrganization Organization, List<LedgerEntry> Posted)> WalletAsync(int messages = 25)
    {
        var organization = await app.NewOrganizationAsync();
        var ids = Enumerable.Range(0, messages).Select(_ => Uuid.New()).ToList();
        var topup = new ChargeKey(Uuid.Of("topup/pay_1"), "topup");
        var posted = new List<LedgerEntry>();
        await PostAsync(new Credit(100m, EntryCategories.Topup, topup, "pay_1", "شحن, \"10%\" 💳"),
            new PlaceHold($"campaign/{organization.Id}", 10m, DateTimeOffset.UtcNow.AddDays(1)));
        foreach (var page in ids.Select((id, n) => Message(id, n % 3 == 1 ? "India" : "Brazil", $"campaign/{organization.Id}")).Chunk(10))
        {
            await PostAsync([.. page]);
        }

        await PostAsync(new RefundOf(new(ids[1], "message"), null, new(ids[1], "message_refund"), $"message/{ids[1]}",
            Metadata: new Dictionary<string, string>(Facts("India")) { ["message_id"] = ids[1].ToString() }),
            new SettleHold($"campaign/{organization.Id}"),
            new Debit(29.99m, EntryCategories.Subscription, new(Uuid.Of("subscription/1"), "subscription"), "subscription/1"),
                new RefundOf(topup, 5m, new(Uuid.Of("refund/back_1"), "refund"), "back_1"));
        return (organization, posted);

        async Task PostAsync(params Posting[] postings)
        {
            var shards = app.Services.GetRequiredService<Shards>();
            await using var transaction = await shards.All[0].BeginAsync(organization.Id, Ct);
            var outcomes = await app.Services.GetRequiredService<LedgerWriter>()
                .PostAsync(transaction, shards.All[0], organization.Id, "USD", postings, Ct);
            await transaction.CommitAsync(Ct);
            posted.AddRange(outcomes.Select(o => o.ShouldBeOfType<Posted>().Entry));
        }
    }

    private static Debit Message(Guid id, string market, string hold) =>
        new(0.0135m, EntryCategories.Message, new(id, "message"), $"message/{id}",
        Metadata: new Dictionary<string, string>(Facts(market)) { ["message_id"] = id.ToString() }, FromHold: hold, MayOverdraw: true,
            EffectiveAt: new(2026, 8, 31, 23, 59, 59, TimeSpan.Zero));

    private static Dictionary<string, string> Facts(string market) => new() { ["market"] = market, ["pricing_category"] = "marketing",
        ["rate_card"] = "demo" };

    private async Task AdminAsync(string sql, params object[] arguments)
    {
        await using var command = app.Admin.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        await command.ExecuteNonQueryAsync(Ct);
    }

    private static Task<Answer> EndedAsync(TestOrganization organization, Guid audit) =>
        Patience.UntilAsync(() => organization.Reader.SendAsync("GET", $"/v1/ledger/audits/{audit}"), a => a.Status == 200
            && a["status"].GetString() != "running", "the audit has ended");

    private async Task<bool> SignedAsync(string keyId, string message, string signature)
    {
        var keys = (await app.Anonymous.SendAsync("GET", "/.well-known/bsp-ledger-keys"))["keys"];
        var key = keys.EnumerateArray().Single(k => k.GetProperty("kid").GetString() == keyId).GetProperty("hex").GetString()!;
        var algorithm = NSec.Cryptography.SignatureAlgorithm.Ed25519;
        return algorithm.Verify(NSec.Cryptography.PublicKey.Import(algorithm, Convert.FromHexString(key),
            NSec.Cryptography.KeyBlobFormat.RawPublicKey), Encoding.UTF8.GetBytes(message), Convert.FromHexString(signature));
    }

    private static async Task<(int Code, string Said)> CheckAsync(string export, string head, string keys)
    {
        var folder = Directory.CreateTempSubdirectory("bsp-auditor-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "export.jsonl"), export, Ct);
            await File.WriteAllTextAsync(Path.Combine(folder, "head.json"), head, Ct);
            await File.WriteAllTextAsync(Path.Combine(folder, "keys.json"), keys, Ct);
            var checker = Path.Combine(Bsp.LocalStores.Common.Checkout.Root!, "docs", "check_ledger.py");
            using var process = Process.Start(new ProcessStartInfo("python3", [checker, "export.jsonl", "head.json", "keys.json"])
            {
                WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            var said = await process.StandardOutput.ReadToEndAsync(Ct) + await process.StandardError.ReadToEndAsync(Ct);
            await process.WaitForExitAsync(Ct);
            return (process.ExitCode, said.Trim());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
