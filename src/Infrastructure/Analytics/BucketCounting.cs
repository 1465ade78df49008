using System.Globalization;
using Bsp.Infrastructure.ClickHouse;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// The statements that count (organization, day) buckets, in stretches of about a million rows: days of one month together, of a day
/// with more the organizations in parts. What a statement cannot hold it puts on the disk. Whoever calls them is alone
/// (<see cref="DailyStats.AloneAsync"/>).
/// </summary>
internal sealed class BucketCounting(ClickHouseClient client)
{
    private const int StretchRowsMax = 1_000_000;
    private const int PartsMax = 64;

    // Beyond it groups and sorted rows lie on the disk: one organization may have any number of rows on one day.
    private const string OnDisk =
        " SETTINGS max_bytes_before_external_group_by = 250000000, max_bytes_before_external_sort = 250000000";

    // Marks of one insert may be seen before its rows, and an insert may take as long as its client waits: by then each bucket is counted
    // once more.
    internal const int SettleSeconds = 150;

    private static readonly string Daily = ClickHouseSchema.Text("Bsp.Infrastructure.ClickHouse.daily_rebuild.sql");
    private static readonly string Quarters = ClickHouseSchema.Text("Bsp.Infrastructure.ClickHouse.quarter_rebuild.sql");

    private static readonly string Days = ClickHouseSchema.Text("Bsp.Infrastructure.ClickHouse.day_stats.sql");
    private static readonly string People = ClickHouseSchema.Text("Bsp.Infrastructure.ClickHouse.people.sql");
    private static readonly string Totals = ClickHouseSchema.Text("Bsp.Infrastructure.ClickHouse.quarter_totals.sql");

    /// <summary>The tables that are made from rows.</summary>
    public static readonly string[] Tables =
        ["daily_stats_data", "quarter_stats_data", "quarter_totals_data", "day_stats_data", "people_data"];

    private const string Round = "SELECT organization_id, date FROM daily_round WHERE date >= {first:Date} AND date <= {last:Date}";

    private const string Organizations =
        "organization_id IN (SELECT organization_id FROM daily_round WHERE date >= {first:Date} AND date <= {last:Date})";

    private const string Times =
        "timestamp >= toDateTime64(toString({first:Date}), 3, 'UTC') AND timestamp < toDateTime64(toString({last:Date} + 1), 3, 'UTC')";

    // Whole organizations, because the rows of one key come from one statement.
    private const string Part = "cityHash64(organization_id) % {parts:UInt32} = {part:UInt32}";

    private const string Around =
        "timestamp >= toDateTime64(toString({first:Date} - 7), 3, 'UTC') AND timestamp < toDateTime64(toString({last:Date} + 1), 3, 'UTC')";

    /// <summary>Counts the buckets that received rows since they were counted.</summary>
    /// <param name="whole">Looks at all marks, not at those of two days.</param>
    /// <param name="places">By shard: up to here everything has been inserted before this is called.</param>
    public async Task CountMarkedAsync(bool whole, IReadOnlyList<(string Shard, long Position)> places, CancellationToken ct)
    {
        var began = (await client.QueryAsync("SELECT toString(now64(3, 'UTC')) AS now", row => (string)row["now"], ct))[0];
        await client.ExecuteAsync("TRUNCATE TABLE daily_round", ct);
        await client.ExecuteAsync("""
            INSERT INTO daily_round (organization_id, date, seen)
            SELECT m.organization_id, m.date, m.newest FROM (
                SELECT organization_id, date, max(at) AS newest FROM daily_marks WHERE at >= if({whole:UInt8} = 1, toDateTime64(0, 3,
                    'UTC'), now64(3, 'UTC') - INTERVAL 2 DAY)
                GROUP BY organization_id, date) AS m
            LEFT JOIN (SELECT organization_id, date, max(seen) AS known, max(counted_at) AS last FROM daily_counted GROUP BY
                organization_id, date) AS c
            ON m.organization_id = c.organization_id AND m.date = c.date
            WHERE m.newest > c.known OR c.last < m.newest + INTERVAL 1 SECOND
               OR (m.newest + INTERVAL {settle:UInt32} SECOND <= now64(3, 'UTC') AND c.last < m.newest + INTERVAL {settle:UInt32} SECOND)
            """, ct, ("whole", whole ? 1 : 0), ("settle", SettleSeconds));
        await CountAsync("message_analytics", "", marked: true, ct);
        await client.ExecuteAsync(
            "INSERT INTO daily_counted (organization_id, date, seen, counted_at) SELECT organization_id, date, seen, "
                + "toDateTime64({began:String}, 3, 'UTC') FROM daily_round",
            ct, ("began", began));
        foreach (var (shard, position) in places)
        {
            await client.ExecuteAsync(
                "INSERT INTO reports_counted (shard, position, at) SELECT {shard:String}, {position:UInt64}, "
                    + "toDateTime64({began:String}, 3, 'UTC')",
                ct, ("shard", shard), ("position", position), ("began", began));
        }
    }

    /// <summary>Counts all rows of another table into tables of their own, which are emptied first.</summary>
    /// <param name="suffix">Of the tables' names.</param>
    public async Task CountAllAsync(string rows, string suffix, CancellationToken ct)
    {
        foreach (var table in Tables)
        {
            await client.ExecuteAsync($"CREATE TABLE IF NOT EXISTS {table}{suffix} AS {table}", ct);
            await client.ExecuteAsync($"TRUNCATE TABLE {table}{suffix}", ct);
        }

        await CountAsync(rows, suffix, marked: false, ct);
    }

    // Month by month, so that a late row of last year costs its month and not the year.
    private async Task CountAsync(string rows, string suffix, bool marked, CancellationToken ct)
    {
        var months = await client.QueryAsync(
            $"SELECT DISTINCT toString(toStartOfMonth(date)) AS month FROM {(marked ? "daily_round" : rows)} ORDER BY month",
            row => Day((string)row["month"]), ct);
        foreach (var month in months)
        {
            var days = await DaysAsync(rows, month, marked, ct);
            foreach (var stretch in Stretches(days))
            {
                for (var part = 0; part < stretch.Parts; part++)
                {
                    await CountAsync(rows, suffix, stretch, part, marked, ct);
                }
            }
        }
    }

    private Task<List<(DateOnly Day, long Rows)>> DaysAsync(string rows, DateOnly month, bool marked, CancellationToken ct)
    {
        const string own = "timestamp >= toDateTime64(toString({month:Date}), 3, 'UTC') "
            + "AND timestamp < toDateTime64(toString({month:Date} + INTERVAL 1 MONTH), 3, 'UTC')";
        const string round = "SELECT organization_id, date FROM daily_round WHERE date >= {month:Date} "
            + "AND date < {month:Date} + INTERVAL 1 MONTH";
        return client.QueryAsync(!marked
            ? $"SELECT toString(date) AS day, count() AS n FROM {rows} WHERE {own} GROUP BY date ORDER BY date"
            : $"""
              SELECT toString(r.date) AS day, any(n.n) AS n FROM ({round}) AS r LEFT JOIN (
                  SELECT date, count() AS n FROM {rows} WHERE {own} AND (organization_id, date) IN ({round}) GROUP BY date) AS n
              ON r.date = n.date GROUP BY r.date ORDER BY r.date
              """, row => (Day((string)row["day"]), Convert.ToInt64(row["n"], CultureInfo.InvariantCulture)), ct,
            ("month", Text(month)));
    }

    private async Task CountAsync(string rows, string suffix, Stretch stretch, int part, bool marked, CancellationToken ct)
    {
        var split = stretch.Parts == 1 ? "" : $" AND {Part}";
        var bucket = (marked ? $"{Organizations} AND {Times} AND (organization_id, date) IN ({Round})" : Times) + split;
        var around = (marked ? $"{Organizations} AND {Around}" : Around) + split;
        var buckets = (marked ? $"(organization_id, date) IN ({Round})" : "date >= {first:Date} AND date <= {last:Date}") + split;
        foreach (var statement in (string[])[Daily, People, Quarters, Totals, Days])
        {
            var sql = statement.Replace("{bucket}", bucket, StringComparison.Ordinal).Replace("{around}", around, StringComparison.Ordinal)
                .Replace("(organization_id, date) IN ({buckets})", buckets, StringComparison.Ordinal)
                .Replace("{old}", marked ? buckets : "0", StringComparison.Ordinal)
                .Replace("message_analytics", rows, StringComparison.Ordinal);
            sql = Tables.Aggregate(sql, (text, table) => text.Replace(table, table + suffix, StringComparison.Ordinal));
            await client.ExecuteAsync(sql + OnDisk, ct, ("first", Text(stretch.First)), ("last", Text(stretch.Last)),
                ("parts", stretch.Parts), ("part", part));
        }
    }

    /// <summary>
    /// Days put together: of one month, and of a million rows at most; a day with more is a stretch of its own, in parts.
    /// </summary>
    internal static IEnumerable<Stretch> Stretches(IReadOnlyList<(DateOnly Day, long Rows)> days)
    {
        for (var i = 0; i < days.Count;)
        {
            var (first, rows) = (i, days[i].Rows);
            for (i++; i < days.Count && days[i].Day.Month == days[first].Day.Month && days[i].Day.Year == days[first].Day.Year
                && rows + days[i].Rows <= StretchRowsMax; i++)
            {
                rows += days[i].Rows;
            }

            yield return new(days[first].Day, days[i - 1].Day,
                (int)Math.Clamp((rows + StretchRowsMax - 1) / StretchRowsMax, 1, PartsMax));
        }
    }

    /// <summary>What is counted at once.</summary>
    /// <param name="Parts">Into how many the organizations are divided.</param>
    internal readonly record struct Stretch(DateOnly First, DateOnly Last, int Parts);

    private static DateOnly Day(string text) => DateOnly.ParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Text(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
