using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;
using Bsp.Infrastructure.Statements;
using Bsp.IntegrationTests.EventStore;

namespace Bsp.IntegrationTests.LedgerAudits;

/// <summary>A moment cuts through a day of a hundred thousand entries: of all parts but one the kept sums are taken.</summary>
public sealed class StatementPartsTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 17, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whatever_moment_is_asked_for_the_lines_are_those_of_the_entries_up_to_it()
    {
        var organization = await database.NewOrganizationAsync();
        await database.AdminQueryAsync("SELECT bsp.ledger_make_partitions($1, 1)", r => r.GetInt32(0),
            DateOnly.FromDateTime(Noon.UtcDateTime));
        // Three entries each around the ends of three parts, on two days; one in four to Brazil.
        await database.AdminQueryAsync("""
            INSERT INTO transactions (id, organization_id, type, amount, balance_after, currency, category, reference_id, metadata,
              created_at, sequence, previous_hash, hash)
            SELECT (left(bsp.uuid7_floor(e.at)::text, 24) || lpad(to_hex(e.n), 12, '0'))::uuid, $1, 'debit', 0.000001 * e.n, 1, 'USD',
                   'message', 'message/' || e.n,
                   jsonb_build_object('market', CASE e.n % 4 WHEN 0 THEN 'Brazil' ELSE 'India' END, 'category', 'utility'),
                   e.at, 32768 * ((e.n + 2) / 3) - 1 + ((e.n - 1) % 3), sha256('a'), sha256('b')
              FROM (SELECT n, $2::timestamptz + make_interval(secs => n * 3600) AS at FROM generate_series(1, 18) n) e RETURNING 1
            """, r => r.GetInt32(0), organization, Noon.UtcDateTime);
        await database.AdminQueryAsync(DayEntries.Fill + " RETURNING 1", r => r.GetInt32(0), organization);
        await using var tx = await database.Shard.BeginAsync(organization, Ct);
        for (var hour = 1; hour <= 19; hour++)
        {
            foreach (var asOf in new[] { Noon.AddHours(hour), Noon.AddHours(hour).AddMilliseconds(-1) })
            {
                var lines = await StatementSums.UpToAsync(tx, organization, "USD", new(2026, 11, 1), asOf, Ct);
                var expected = await database.AdminQueryAsync("""
                    SELECT t.metadata ->> 'market', count(*), -sum(t.amount), max(t.created_at) FROM transactions t
                     WHERE t.organization_id = $1 AND t.created_at <= $2 GROUP BY 1 ORDER BY 1
                    """, r => (r.GetString(0), r.GetInt64(1), r.GetDecimal(2), r.GetFieldValue<DateTimeOffset>(3)), organization,
                    asOf.UtcDateTime);
                lines.OrderBy(l => l.Market, StringComparer.Ordinal).Select(l => (l.Market, l.Count, l.Amount, l.LastRecorded))
                    .ShouldBe(expected, $"as of {asOf:O}");
            }
        }
    }
}
