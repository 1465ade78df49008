using System.Text.Json;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.Api.Operations;
using Bsp.Application.Common;
using Bsp.Infrastructure.LedgerHeads;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.LedgerAudits;

/// <content>Signed heads: told to their organization, and held against the chain.</content>
public sealed partial class AuditorTests
{
    // Each organization's log has its head once, however many tell of it.
    private async Task ToldOnceAsync(TestOrganization organization, JsonElement day)
    {
        var (teller, shard) = (app.Services.GetRequiredService<HeadTeller>(), app.Services.GetRequiredService<Shards>().All[0]);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => teller.TellAsync(shard, Ct)));
        var signature = day.GetProperty("head").GetProperty("signature").GetString();
        var told = (await Patience.UntilAsync(async () =>
            (await organization.Admin.SendAsync("GET", "/v1/events?form=public&types=ledger.head_signed"))["data"].EnumerateArray()
            .Select(e => e.GetProperty("data")).Where(e => e.GetProperty("signature").GetString() == signature).ToList(),
            all => all.Count > 0, "it is told")).ShouldHaveSingleItem();
        (told.GetProperty("signature").GetString(), told.GetProperty("message").GetString(), told.GetProperty("day_root").GetString())
            .ShouldBe((day.GetProperty("head").GetProperty("signature").GetString(),
                day.GetProperty("head").GetProperty("message").GetString(), day.GetProperty("root").GetString()));
    }

    // What was signed is held against the chain: a head that was changed, moved or removed is found, and so is a chain that was.
    private async Task HeadsAreAuditedAsync(TestOrganization organization, LedgerDaySweep sweep)
    {
        async Task<string?> AuditAsync()
        {
            var started = await organization.Reader.SendAsync("POST", "/v1/ledger/audits", new { });
            var ended = await EndedAsync(organization, started["id"].GetGuid());
            ended["checks"].EnumerateArray().Last().GetProperty("name").GetString().ShouldBe("signed heads");
            return ended["first_fault"].ValueKind == JsonValueKind.Null ? null : ended["first_fault"].GetProperty("code").GetString();
        }

        (await AuditAsync()).ShouldBeNull();
        const string of = " WHERE organization_id = $1";
        await AdminAsync($"CREATE TABLE IF NOT EXISTS bsp.test_heads AS SELECT * FROM bsp.ledger_day_heads{of}", organization.Id);
        foreach (var (spoil, code) in new[]
        {
            ($"UPDATE bsp.ledger_day_heads SET message = replace(message, '64.686000', '64.686001'){of}", "signed_head.differs"),
            ($"UPDATE bsp.ledger_day_heads SET signature = set_byte(signature, 3, 255 - get_byte(signature, 3)){of}",
                "signed_head.differs"),
            ($"UPDATE bsp.ledger_day_heads SET path = array_append(path, sha256('x')){of}", "signed_head.differs"),
            ($"UPDATE bsp.ledger_day_heads SET place = place + 1{of}", "signed_head.differs"),
            ($"UPDATE bsp.ledger_day_heads SET currency = 'EUR'{of}", "signed_head.differs"),
            ("UPDATE bsp.ledger_days SET root = sha256(root) WHERE $1::uuid IS NOT NULL", "signed_head.differs"),
            ("UPDATE bsp.ledger_days SET n = n + 1 WHERE $1::uuid IS NOT NULL", "signed_head.missing"),
            ($"UPDATE bsp.ledger_days SET made_at = made_at + interval '2 hours' WHERE $1::uuid IS NOT NULL; "
                + $"DELETE FROM bsp.ledger_day_heads{of}",
                "signed_head.missing"),
        })
        {
            await AdminAsync("DROP TABLE IF EXISTS bsp.test_days; CREATE TABLE bsp.test_days AS SELECT * FROM bsp.ledger_days");
            await AdminAsync(spoil.Replace("$1", $"'{organization.Id}'", StringComparison.Ordinal));
            (await AuditAsync()).ShouldBe(code, spoil);
            await AdminAsync($"""
                BEGIN; DELETE FROM bsp.ledger_day_heads WHERE organization_id = '{organization.Id}';
                UPDATE bsp.ledger_days d SET n = t.n, root = t.root, made_at = t.made_at FROM bsp.test_days t WHERE t.day = d.day;
                INSERT INTO bsp.ledger_day_heads SELECT * FROM bsp.test_heads; COMMIT
                """);
            (await AuditAsync()).ShouldBeNull(spoil);
        }

        (await sweep.SweepAsync(app.Services.GetRequiredService<Shards>().All[0], Ct)).ShouldBe(0);
        await AdminAsync("DROP TABLE bsp.test_heads; DROP TABLE bsp.test_days");
    }

    /// <summary>For scripts: what holds, what does not, and a command line that nobody understands are told apart by a number.</summary>
    [Fact]
    public async Task The_verb_audits_by_organization_and_month_and_ends_with_a_code()
    {
        var (organization, posted) = await WalletAsync();
        var options = app.Services.GetRequiredService<BspOptions>();
        Task<int> AuditAsync(params string[] arguments) => AuditCommand.RunAsync(options, NullLoggerFactory.Instance, arguments,
            app.Services.GetRequiredService<Infrastructure.LedgerAudits.Shown.ShownCosts>, Ct);

        (await AuditAsync("--org", $"{organization.Id}")).ShouldBe(0);
        (await AuditAsync("--org", $"{organization.Id}", "--from", Month, "--to", Month, "--json")).ShouldBe(0);
        (await AuditAsync("--org", $"{Guid.NewGuid()}")).ShouldBe(1, "there is no such organization");
        foreach (var arguments in new[] { new[] { "--org", "x" }, ["--org"], ["--from", "2026-1"], ["--from", "2026-02", "--to", "2026-01"],
            ["--everything"], ["--org", $"{organization.Id}", "--all"], ["--log", "--from", "2026-01"] })
        {
            (await AuditAsync(arguments)).ShouldBe(2, string.Join(' ', arguments));
        }

        await AdminAsync("UPDATE transactions SET amount = amount + 0.000001 WHERE id = $1", posted[3].Id);
        (await AuditAsync("--org", $"{organization.Id}")).ShouldBe(1);
        await AdminAsync("UPDATE transactions SET amount = amount - 0.000001 WHERE id = $1", posted[3].Id);
        (await AuditAsync("--org", $"{organization.Id}", "--json")).ShouldBe(0);
    }
}
