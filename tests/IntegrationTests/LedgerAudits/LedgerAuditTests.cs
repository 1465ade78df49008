using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.LedgerAudits;
using Bsp.IntegrationTests.EventStore;

namespace Bsp.IntegrationTests.LedgerAudits;

/// <summary>Whatever is changed of a ledger behind the application's back is found, and the first bad entry named. Every case has a small
/// ledger of its own in one database.</summary>
public sealed class LedgerAuditTests(LogDatabase database) : IClassFixture<LogDatabase>, IAsyncLifetime
{
    private readonly SpoiledLedger ledger = new(database);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => ledger.DisposeAsync();

    [Fact]
    public async Task What_nobody_touched_passes_whole_in_parts_and_taken_up_after_a_month()
    {
        var organization = await ledger.NewAsync();
        await ledger.NewAsync("EUR", organization);
        var places = new List<AuditPlace>();

        var report = await ledger.AuditAsync(organization, monthDone: place =>
        {
            places.Add(place);
            return Task.CompletedTask;
        });

        report.FirstFault.ShouldBeNull();
        report.Entries.ShouldBe((await ledger.EntriesAsync(organization, "2026-10")).Count * 2
            + (await ledger.EntriesAsync(organization, "2026-09")).Count * 2 + (await ledger.EntriesAsync(organization, "2026-11"))
            .Count * 2);
        report.Months.ShouldBe(6);
        report.Checks.ShouldAllBe(check => check.Result == "passed" || check.Result == "absent" || check.Result == "behind");
        places.Select(p => $"{p.Currency} {p.Month}").ShouldBe(["EUR 2026-09", "EUR 2026-10", "USD 2026-09", "USD 2026-10"]);
        (await ledger.AuditAsync(organization, from: "2026-10", to: "2026-10"))
            .ShouldSatisfyAllConditions(r => r.FirstFault.ShouldBeNull(), r => r.Months.ShouldBe(2));
        (await ledger.AuditAsync(organization, from: "2026-11")).ShouldSatisfyAllConditions(r => r.FirstFault.ShouldBeNull(), r =>
            r.Months.ShouldBe(2));
        var resumed =
            await ledger.AuditAsync(organization, place: JsonSerializer.Deserialize<AuditPlace>(JsonSerializer.Serialize(places[2])));
        (resumed.FirstFault, resumed.Entries, resumed.Months).ShouldBe((null, report.Entries, 6));
        (await ledger.AuditAsync(await database.NewOrganizationAsync())).ShouldSatisfyAllConditions(r => r.FirstFault.ShouldBeNull(),
            r => r.Entries.ShouldBe(0));
    }

    [Fact]
    public async Task Whatever_field_of_whatever_entry_is_changed_that_entry_is_named()
    {
        var organization = await ledger.NewAsync();
        foreach (var (month, sequence) in new[] { ("2026-09", 1L), ("2026-09", 5L), ("2026-10", 3L), ("2026-10", 28L), ("2026-11", 9L),
            ("2026-11", 26L) })
        {
            var stream = Uuid.Ledger(organization, "USD", month);
            var kept =
                (await database.AdminQueryAsync(
                "SELECT data::text FROM mt_events WHERE tenant_id = $1 AND stream_id = $2 AND version = $3", r => r.GetString(0),
                organization.ToString(), stream, sequence))[0];
            foreach (var (what, spoiled) in Spoilings(kept))
            {
                await ledger.SpoilAsync(
                    "UPDATE mt_events SET data = $4::text::jsonb WHERE tenant_id = $1 AND stream_id = $2 AND version = $3",
                    organization.ToString(), stream, sequence, spoiled);

                var fault = (await ledger.AuditAsync(organization)).FirstFault;

                (fault?.Code, fault?.Month, fault?.Sequence).ShouldBe(("entry.altered", month, sequence), $"{what} of {month} {sequence}");
            }

            await ledger.SpoilAsync(
                "UPDATE mt_events SET data = $4::text::jsonb WHERE tenant_id = $1 AND stream_id = $2 AND version = $3",
                organization.ToString(), stream, sequence, kept);
        }

        (await ledger.AuditAsync(organization)).FirstFault.ShouldBeNull();
    }

    // $1 tenant as text, $2 organization, $3 October's stream.
    public static TheoryData<string, string, long, string> Tamperings => new()
    {
        { "entry.missing", "2026-10", 7,
            "DELETE FROM mt_events WHERE tenant_id = $1 AND stream_id = $3 AND version = 7 AND $2::uuid IS NOT NULL" },
        { "entry.missing", "2026-10", 9,
            "DELETE FROM mt_events WHERE tenant_id = $1 AND stream_id = $3 AND version > 8 AND $2::uuid IS NOT NULL" },
        { "entry.altered", "2026-10", 7,
            "UPDATE mt_events SET id = gen_random_uuid() WHERE tenant_id = $1 "
                + "AND stream_id = $3 AND version = 7 AND $2::uuid IS NOT NULL" },
        { "entry.swapped", "2026-10", 7,
            "UPDATE mt_events SET type = 'ledger_credited' WHERE tenant_id = $1 AND stream_id = $3 AND version = 7 AND $2::uuid IS "
            + "NOT NULL" },
        { "entry.swapped", "2026-10", 7,
            "UPDATE mt_events e SET data = o.data, id = o.id, type = o.type FROM (SELECT * FROM mt_events WHERE tenant_id = $1 AND "
            + "stream_id = $3 AND version IN (7, 8)) o WHERE e.tenant_id = $1 AND e.stream_id = $3 AND e.version IN (7, 8) AND "
            + "o.version = 15 - e.version AND $2::uuid IS NOT NULL" },
        { "entry.missing", "2026-10", 8,
            "WITH gone AS (DELETE FROM mt_events WHERE tenant_id = $1 AND stream_id = $3 AND version > 7), cut AS (UPDATE mt_streams "
            + "SET version = 7 WHERE tenant_id = $1 AND id = $3) DELETE FROM bsp.statement_days WHERE organization_id = $2 AND false "
            + "OR organization_id = $2 AND day > '2026-10-02'" },
        { "month.missing", "2026-10", 0,
            "WITH s AS (DELETE FROM mt_streams WHERE tenant_id = $1 AND id = $3) DELETE FROM mt_events WHERE tenant_id = $1 AND "
            + "stream_id = $3 AND $2::uuid IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET amount = amount + 0.000001 WHERE organization_id = $2 AND sequence = 4 AND created_at < "
            + "'2026-11-01' AND created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET balance_after = balance_after - 1 WHERE organization_id = $2 AND sequence = 4 AND created_at < "
            + "'2026-11-01' AND created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET type = 'credit' WHERE organization_id = $2 AND sequence = 4 AND created_at < '2026-11-01' AND "
            + "created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET currency = 'EUR' WHERE organization_id = $2 AND sequence = 4 AND created_at < '2026-11-01' AND "
            + "created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET category = 'topup' WHERE organization_id = $2 AND sequence = 4 AND created_at < '2026-11-01' AND "
            + "created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET reference_id = reference_id || 'x' WHERE organization_id = $2 AND sequence = 4 AND created_at < "
            + "'2026-11-01' AND created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET description = '' WHERE organization_id = $2 AND sequence = 4 AND created_at < '2026-11-01' AND "
            + "created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET metadata = jsonb_set(metadata, '{market}', '\"Chad\"') WHERE organization_id = $2 AND sequence = "
            + "4 AND created_at < '2026-11-01' AND created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET metadata = metadata - 'market' WHERE organization_id = $2 AND sequence = 4 AND created_at < "
            + "'2026-11-01' AND created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET created_at = created_at + interval '1 microsecond' WHERE organization_id = $2 AND sequence = 4 "
            + "AND created_at < '2026-11-01' AND created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET sequence = 400 WHERE organization_id = $2 AND sequence = 4 AND created_at < '2026-11-01' AND "
            + "created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET hash = sha256(hash) WHERE organization_id = $2 AND sequence = 4 AND created_at < '2026-11-01' "
            + "AND created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.differs", "2026-10", 4,
            "UPDATE transactions SET previous_hash = sha256(hash) WHERE organization_id = $2 AND sequence = 4 AND created_at < "
            + "'2026-11-01' AND created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.missing", "2026-10", 4,
            "DELETE FROM transactions WHERE organization_id = $2 AND sequence = 4 AND created_at < '2026-11-01' AND created_at > "
            + "'2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.missing", "2026-10", 4,
            "UPDATE transactions SET organization_id = gen_random_uuid() WHERE organization_id = $2 AND sequence = 4 AND created_at < "
            + "'2026-11-01' AND created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "table.extra", "2026-11", 0,
            "INSERT INTO transactions SELECT ('ffff' || substr(gen_random_uuid()::text, 5))::uuid, organization_id, type, amount, "
            + "balance_after, currency, category, reference_id, description, metadata, created_at, 99, hash, hash FROM transactions "
            + "WHERE false AND ($1, $3::uuid) IS NOT NULL AND organization_id = $2 UNION ALL SELECT bsp.uuid7_floor('2026-11-20'), "
            + "$2, 'credit', 1, 1, 'USD', 'topup', 'x', NULL, '{}', '2026-11-20', 99, sha256('a'), sha256('b')" },
        { "head.differs", "2026-11", 0,
            "UPDATE bsp.ledger_heads SET balance = balance + 1 WHERE organization_id = $2 AND ($1, $3::uuid) IS NOT NULL" },
        { "head.differs", "2026-11", 0,
            "UPDATE bsp.ledger_heads SET held = held + 1 WHERE organization_id = $2 AND ($1, $3::uuid) IS NOT NULL" },
        { "head.differs", "2026-11", 0,
            "UPDATE bsp.ledger_heads SET hash = sha256(hash) WHERE organization_id = $2 AND ($1, $3::uuid) IS NOT NULL" },
        { "head.differs", "2026-11", 0,
            "UPDATE bsp.ledger_heads SET tree = set_byte(tree, 3, 255 - get_byte(tree, 3)) WHERE organization_id = $2 AND ($1, "
            + "$3::uuid) IS NOT NULL" },
        { "head.differs", "2026-11", 0,
            "UPDATE bsp.ledger_heads SET size = size - 1 WHERE organization_id = $2 AND ($1, $3::uuid) IS NOT NULL" },
        { "head.differs", "2026-11", 0,
            "UPDATE bsp.ledger_heads SET last_at = last_at + interval '1 second' WHERE organization_id = $2 AND ($1, $3::uuid) IS NOT "
            + "NULL" },
        { "head.differs", "2026-11", 0,
            "UPDATE bsp.ledger_heads SET position = position + 1 WHERE organization_id = $2 AND ($1, $3::uuid) IS NOT NULL" },
        { "head.differs", "2026-11", 0, "DELETE FROM bsp.ledger_heads WHERE organization_id = $2 AND ($1, $3::uuid) IS NOT NULL" },
        { "hold.differs", "2026-11", 0,
            "UPDATE bsp.ledger_holds SET remaining = remaining - 0.01 WHERE organization_id = $2 AND state = 'open' AND ($1, "
            + "$3::uuid) IS NOT NULL" },
        { "hold.differs", "2026-11", 0,
            "DELETE FROM bsp.ledger_holds WHERE organization_id = $2 AND state <> 'open' AND ($1, $3::uuid) IS NOT NULL" },
        { "charge.missing", "2026-10", 4,
            "DELETE FROM bsp.charges c USING transactions t WHERE c.organization_id = $2 AND t.id = c.entry_id AND t.sequence = 4 AND "
            + "t.created_at > '2026-10-01' AND t.created_at < '2026-11-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "charge.differs", "2026-10", 4,
            "UPDATE bsp.charges c SET amount = c.amount + 1 FROM transactions t WHERE c.organization_id = $2 AND t.id = c.entry_id "
            + "AND t.sequence = 4 AND t.created_at > '2026-10-01' AND t.created_at < '2026-11-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "charge.differs", "", 0,
            "UPDATE bsp.charges c SET refunded = 0.000001 FROM transactions t WHERE c.organization_id = $2 AND t.id = c.entry_id AND "
            + "t.sequence = 4 AND t.created_at > '2026-10-01' AND t.created_at < '2026-11-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "charge.differs", "2026-10", 4,
            "UPDATE bsp.charges c SET reference = gen_random_uuid() FROM transactions t WHERE c.organization_id = $2 AND t.id = c.entry_id "
            + "AND t.sequence = 4 AND t.created_at > '2026-10-01' AND t.created_at < '2026-11-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "charge.differs", "2026-10", 25,
            "UPDATE bsp.charges c SET reference = gen_random_uuid() FROM transactions t WHERE c.organization_id = $2 AND t.id = c.entry_id "
            + "AND t.sequence = 25 AND t.created_at > '2026-10-01' AND t.created_at < '2026-11-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "charge.differs", "2026-10", 5,
            "UPDATE bsp.charges c SET kind = 'message_9' FROM transactions t WHERE c.organization_id = $2 AND t.id = c.entry_id AND "
            + "t.sequence = 5 AND t.created_at > '2026-10-01' AND t.created_at < '2026-11-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "reserve.differs", "", 0,
            "UPDATE bsp.ledger_heads SET reserved = reserved + 1 WHERE organization_id = $2 AND ($1, $3::uuid) IS NOT NULL" },
        { "hold.differs", "2026-11", 0,
            "UPDATE bsp.ledger_holds SET reference = reference || 'x' WHERE organization_id = $2 AND state = 'settled' AND ($1, "
            + "$3::uuid) IS NOT NULL" },
        { "hold.differs", "2026-11", 0,
            "UPDATE bsp.ledger_holds SET expires_at = expires_at + interval '1 second' WHERE organization_id = $2 AND state = 'open' AND "
            + "($1, $3::uuid) IS NOT NULL" },
        { "entry.added", "2026-10", 28,
            "UPDATE mt_streams SET version = version - 1 WHERE tenant_id = $1 AND id = $3 AND $2::uuid IS NOT NULL" },
        { "entry.missing", "2026-10", 29,
            "UPDATE mt_streams SET version = version + 1 WHERE tenant_id = $1 AND id = $3 AND $2::uuid IS NOT NULL" },
        { "entry.missing", "2026-10", 7,
            "UPDATE mt_events SET tenant_id = gen_random_uuid()::text WHERE tenant_id = $1 AND stream_id = $3 AND version = 7 AND "
            + "$2::uuid IS NOT NULL" },
        { "table.missing", "2026-10", 4,
            "UPDATE transactions SET id = (left(id::text, 24) || 'ffffffffffff')::uuid WHERE organization_id = $2 AND sequence = 4 AND "
            + "created_at < '2026-11-01' AND created_at > '2026-10-01' AND ($1, $3::uuid) IS NOT NULL" },
        { "charge.extra", "", 0,
            "INSERT INTO bsp.charges (organization_id, reference, kind, currency, state, type, category, amount, entry_id) SELECT $2, "
            + "gen_random_uuid(), 'message', 'USD', 'posted', 'debit', 'message', 1, gen_random_uuid() WHERE ($1, $3::uuid) IS NOT NULL" },
        { "statement.differs", "2026-10", 0,
            "UPDATE bsp.statement_days SET amount = amount - 1 WHERE organization_id = $2 AND kind = 'usage' AND market = 'India' AND "
            + "day > '2026-10-01' AND day < '2026-11-01' AND ($1, $3::uuid) IS NOT NULL" },
    };

    [Theory]
    [MemberData(nameof(Tamperings))]
    public async Task What_was_changed_is_found_and_the_first_bad_entry_named(string code, string month, long sequence, string sql)
    {
        var organization = await ledger.NewAsync();
        var named = sequence > 0 ? (await ledger.EntriesAsync(organization, month)).ElementAtOrDefault((int)sequence - 1)?.Id : null;
        await ledger.SpoilAsync(sql, organization.ToString(), organization, Uuid.Ledger(organization, "USD", "2026-10"));

        var fault = (await ledger.AuditAsync(organization)).FirstFault.ShouldNotBeNull();

        (fault.Code, fault.Month ?? "").ShouldBe((code, month), fault.Detail);
        (fault.Sequence ?? 0).ShouldBe(sequence, fault.Detail);
        if (code is "table.differs" or "table.missing" or "charge.missing")
        {
            fault.Entry.ShouldBe(named);
        }
    }

    /// <summary>Proofs and signed roots are made of them.</summary>
    [Fact]
    public async Task A_kept_node_of_the_tree_that_was_changed_moved_removed_or_added_is_found()
    {
        var organization = await ledger.NewAsync();
        await ledger.MoreAsync(organization, 520);
        (await ledger.AuditAsync(organization)).FirstFault.ShouldBeNull();
        foreach (var (spoil, mend) in new[]
        {
            ("UPDATE bsp.ledger_nodes SET hash = sha256(hash) WHERE organization_id = $1 AND level = 8 AND index = 1",
                "UPDATE bsp.ledger_nodes SET hash = $2 WHERE organization_id = $1 AND level = 8 AND index = 1"),
            ("UPDATE bsp.ledger_nodes SET index = 7 WHERE organization_id = $1 AND level = 8 AND index = 1",
                "UPDATE bsp.ledger_nodes SET index = 1 WHERE organization_id = $1 AND level = 8 AND index = 7 AND $2::bytea IS NOT NULL"),
            ("DELETE FROM bsp.ledger_nodes WHERE organization_id = $1 AND level = 8 AND index = 1", """
                INSERT INTO bsp.ledger_nodes (organization_id, currency, month, level, index, hash) VALUES ($1, 'USD', '2026-11', 8, 1, $2)
                """),
            ("INSERT INTO bsp.ledger_nodes SELECT organization_id, currency, month, 20, 0, hash FROM bsp.ledger_nodes "
                + "WHERE organization_id = $1 AND level = 8 AND index = 1",
                "DELETE FROM bsp.ledger_nodes WHERE organization_id = $1 AND level = 20 AND $2::bytea IS NOT NULL"),
        })
        {
            var hash = await database.ScalarAsync<byte[]>(
                "SELECT hash FROM bsp.ledger_nodes WHERE organization_id = $1 AND level = 8 AND index = 1", organization);
            await ledger.SpoilAsync(spoil, organization);
            var fault = (await ledger.AuditAsync(organization)).FirstFault;
            (fault?.Code, fault?.Month).ShouldBe(("tree.differs", "2026-11"), spoil);
            await ledger.SpoilAsync(mend, organization, hash);
        }

        (await ledger.AuditAsync(organization)).FirstFault.ShouldBeNull();
    }

    [Fact]
    public async Task The_last_entries_or_the_last_month_cut_off_with_their_stream_and_rows_are_missed_by_the_head_row()
    {
        var organization = await ledger.NewAsync();
        var stream = Uuid.Ledger(organization, "USD", "2026-11");
        await CutAsync(organization, stream, after: 20);

        var fault = (await ledger.AuditAsync(organization)).FirstFault;

        (fault?.Code, fault?.Month, fault?.Sequence).ShouldBe(("entry.missing", "2026-11", 21L));
        await CutAsync(organization, stream, after: 0);
        await ledger.SpoilAsync("DELETE FROM mt_streams WHERE tenant_id = $1 AND id = $2", organization.ToString(), stream);
        (await ledger.AuditAsync(organization)).FirstFault.ShouldNotBeNull()
            .ShouldSatisfyAllConditions(f => f.Code.ShouldBe("month.missing"), f => f.Month.ShouldBe("2026-11"));
    }

    [Fact]
    public async Task Hashes_computed_anew_to_the_end_of_a_month_are_found_at_the_next_opening_and_the_first_month_cannot_be_cut_off()
    {
        var organization = await ledger.NewAsync();
        var september = await ledger.EntriesAsync(organization, "2026-09");
        september[4] = september[4] with { Metadata = new Dictionary<string, string>(september[4].Metadata) { ["market"] = "Chad" } };
        await ledger.SpoilAsync("UPDATE transactions SET metadata = jsonb_set(metadata, '{market}', '\"Chad\"') WHERE id = $1",
            september[4].Id);
        await ledger.RewriteAsync(organization, september, LedgerEntry.NoHash);

        var fault = (await ledger.AuditAsync(organization)).FirstFault;

        (fault?.Code, fault?.Month, fault?.Sequence).ShouldBe(("opening.differs", "2026-10", 1L));
        await CutAsync(organization, Uuid.Ledger(organization, "USD", "2026-09"), after: 0);
        await ledger.SpoilAsync("DELETE FROM mt_streams WHERE tenant_id = $1 AND id = $2", organization.ToString(),
            Uuid.Ledger(organization, "USD", "2026-09"));
        await ledger.SpoilAsync("UPDATE bsp.ledger_heads SET first_month = '2026-10' WHERE organization_id = $1", organization);
        (await ledger.AuditAsync(organization)).FirstFault.ShouldNotBeNull()
            .ShouldSatisfyAllConditions(f => f.Code.ShouldBe("month.missing"), f => f.Month.ShouldBe("2026-10"));
    }

    /// <summary>Whoever owns the database can compute everything anew up to today: then all that is inside agrees, and only a head that
    /// was kept outside shows it.</summary>
    [Fact]
    public async Task Everything_computed_anew_agrees_inside_and_differs_from_the_head_that_was_kept_outside()
    {
        var organization = await ledger.NewAsync();
        var outside = (await ledger.EntriesAsync(organization, "2026-09"))[^1].Hash;
        var previous = LedgerEntry.NoHash;
        foreach (var month in new[] { "2026-09", "2026-10", "2026-11" })
        {
            var entries = await ledger.EntriesAsync(organization, month);
            entries = [.. entries.Select(e => e.Sequence == 4 && month == "2026-09" ? e with { Description = "never happened" } : e)];
            await ledger.SpoilAsync("UPDATE transactions SET description = 'never happened' WHERE id = $1",
                (await ledger.EntriesAsync(organization, "2026-09"))[3].Id);
            var written = await ledger.RewriteAsync(organization, entries, previous);
            previous = written[^1].Hash;
            if (month == "2026-11")
            {
                var head = written.Aggregate(LedgerHead.New(organization, "USD"), (state, entry) => state.After(entry));
                await ledger.SpoilAsync("UPDATE bsp.ledger_heads SET hash = decode($2, 'hex'), tree = $3 WHERE organization_id = $1",
                    organization, head.Hash, head.Tree.Peaks.ToArray());
            }
        }

        (await ledger.AuditAsync(organization)).FirstFault.ShouldBeNull();
        (await ledger.EntriesAsync(organization, "2026-09"))[^1].Hash.ShouldNotBe(outside);
    }

    private async Task CutAsync(Guid organization, Guid stream, long after)
    {
        await ledger.SpoilAsync(
            "DELETE FROM transactions t USING mt_events e WHERE e.tenant_id = $1 AND e.stream_id = $2 AND e.version > $3 AND t.id = e.id",
            organization.ToString(), stream, after);
        await ledger.SpoilAsync("DELETE FROM mt_events WHERE tenant_id = $1 AND stream_id = $2 AND version > $3",
            organization.ToString(), stream, after);
        await ledger.SpoilAsync("UPDATE mt_streams SET version = $3 WHERE tenant_id = $1 AND id = $2", organization.ToString(), stream,
            after);
    }

    // Each field one character different, gone, and one too many.
    private static IEnumerable<(string What, string Json)> Spoilings(string kept)
    {
        foreach (var (name, value) in JsonNode.Parse(kept)!["entry"]!.AsObject())
        {
            foreach (var spoil in value is JsonObject pairs ? pairs.Select(p => $"metadata.{p.Key}").Append("metadata") : [name])
            {
                var body = JsonNode.Parse(kept)!;
                var entry = body["entry"]!.AsObject();
                if (spoil == "metadata")
                {
                    entry["metadata"]!["more"] = "x";
                }
                else if (spoil.StartsWith("metadata.", StringComparison.Ordinal))
                {
                    entry["metadata"]![spoil[9..]] = entry["metadata"]![spoil[9..]]!.GetValue<string>() + "x";
                }
                else
                {
                    entry[name] = Other(value);
                }

                yield return (spoil, body.ToJsonString());
            }

            var without = JsonNode.Parse(kept)!;
            without["entry"]!.AsObject().Remove(name);
            yield return ($"no {name}", without.ToJsonString());
        }

        var more = JsonNode.Parse(kept)!;
        more["entry"]!["note"] = "x";
        yield return ("one more field", more.ToJsonString());
        var beside = JsonNode.Parse(kept)!;
        beside["note"] = "x";
        yield return ("something beside the entry", beside.ToJsonString());
    }

    private static JsonNode Other(JsonNode? value) => value switch
    {
        null => "x",
        JsonValue text when text.TryGetValue<string>(out var was) => was.Length == 0 ? "x" : was[..^1] + (was[^1] == '7' ? '8' : '7'),
        _ => value.GetValue<long>() + 1,
    };
}
