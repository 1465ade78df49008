using System.Globalization;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>
/// What reports read, beside the rows that it was counted from (which are compared with the log themselves). Days that are not counted
/// since they received rows, and those that receive some meanwhile, are left out.
/// </summary>
internal sealed class CountedSide(ClickHouseClient client)
{
    private const string Sums = "toString(sum(t.cost)) AS costs, sum(t.sent) AS was_sent, sum(t.delivered) AS came, "
        + "sum(t.read) AS was_read, sum(t.failed) AS lost, sum(t.received) AS got, sum(t.messages) AS n";

    private const string Own = "WHERE organization_id = {organization:UUID} AND date >= {from:Date}";

    /// <summary>Each counted table, and how its days are summed.</summary>
    private static readonly (string View, bool Received, string Sql)[] Tables =
    [
        ("daily_stats", false, $"""
            SELECT toString(date) AS day, toString(sum(t.total_cost)) AS costs, sum(t.sent_messages) AS was_sent,
                sum(t.delivered_messages) AS came, sum(t.read_messages) AS was_read, sum(t.failed_messages) AS lost, 0 AS got,
                sum(t.total_messages) AS n FROM (SELECT * EXCEPT (contacts_state) FROM daily_stats_data FINAL {Own}) AS t GROUP BY date
            """),
        .. new[] { "quarter_stats", "quarter_totals", "day_stats" }.Select(table => (table, true,
            $"SELECT toString(date) AS day, {Sums} FROM (SELECT * FROM {table}_data FINAL {Own}) AS t GROUP BY date")),
    ];

    private const string Rows = """
        SELECT toString(date) AS day, toString(sum(cost)) AS costs, sumIf(count, status = 'sent') AS was_sent,
            sumIf(count, status = 'delivered' AND direction = 'outbound') AS came, sumIf(count, status = 'read') AS was_read,
            sumIf(count, status = 'failed') AS lost, sumIf(count, direction = 'inbound') AS got, uniqExactIf(message_id, count > 0) AS n
        FROM message_analytics FINAL WHERE organization_id = {organization:UUID}
            AND timestamp >= toDateTime64(toString({from:Date}), 3, 'UTC') GROUP BY date
        """;

    private const string Uncounted = """
        SELECT toString(m.date) AS day FROM (
            SELECT date, max(at) AS newest FROM daily_marks WHERE organization_id = {organization:UUID} GROUP BY date) AS m
        LEFT JOIN (
            SELECT date, max(seen) AS known, max(counted_at) AS last FROM daily_counted WHERE organization_id = {organization:UUID}
            GROUP BY date) AS c ON m.date = c.date
        WHERE m.newest > c.known OR c.last < m.newest + INTERVAL 1 SECOND
            OR m.newest > toDateTime64({began:String}, 3, 'UTC') - INTERVAL {settle:UInt32} SECOND
        """;

    /// <summary>A table, what its rows call for, and what it holds, by day.</summary>
    public sealed record Compared(string View, DayDigests Expected, DayDigests Found);

    /// <param name="from">The first day.</param>
    /// <param name="settle">A mark may be seen so long before its rows.</param>
    public async Task<IReadOnlyList<Compared>> CompareAsync(Guid organizationId, DateOnly from, TimeSpan settle, CancellationToken ct)
    {
        var began = (await client.QueryAsync("SELECT toString(now64(3, 'UTC')) AS now", row => (string)row["now"], ct))[0];
        (string Name, object Value)[] scope = [("organization", organizationId), ("from", ReportSql.Day(from))];
        var rows = await DaysAsync(Rows, scope, ct);
        var tables = new List<(string View, bool Received, List<Counted> Days)>();
        foreach (var (view, received, sql) in Tables)
        {
            tables.Add((view, received, await DaysAsync(sql, scope, ct)));
        }

        // Last: whatever received rows while we read has a mark by then.
        var open = (await client.QueryAsync(Uncounted, row => (string)row["day"], ct,
            [.. scope, ("began", began), ("settle", (int)settle.TotalSeconds)])).ToHashSet(StringComparer.Ordinal);
        return [.. tables.Select(t => new Compared(t.View, Digests(rows, open, t.Received), Digests(t.Days, open, t.Received)))];
    }

    private sealed record Counted(string Day, long Messages, decimal Cost, long Sent, long Delivered, long Read, long Failed,
        long Received);

    private Task<List<Counted>> DaysAsync(string sql, (string Name, object Value)[] scope, CancellationToken ct) =>
        client.QueryAsync(sql, row => new Counted(ReportSql.Text(row, "day"), ReportSql.Long(row, "n"), ReportSql.Money(row, "costs"),
            ReportSql.Long(row, "was_sent"), ReportSql.Long(row, "came"), ReportSql.Long(row, "was_read"), ReportSql.Long(row, "lost"),
            ReportSql.Long(row, "got")), ct, scope);

    private static DayDigests Digests(IEnumerable<Counted> days, HashSet<string> open, bool received)
    {
        var digests = new DayDigests();
        foreach (var d in days.Where(d => !open.Contains(d.Day)))
        {
            (string, long)[] states = [("sent", d.Sent), ("delivered", d.Delivered), ("read", d.Read), ("failed", d.Failed)];
            digests[DateOnly.ParseExact(d.Day, "yyyy-MM-dd", CultureInfo.InvariantCulture)].Add(
                received ? [.. states, ("received", d.Received)] : states, d.Messages, d.Cost, 0);
        }

        return digests;
    }
}
