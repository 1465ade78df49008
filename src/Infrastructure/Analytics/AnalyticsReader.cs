using System.Globalization;
using Bsp.Application.Analytics;
using MediatR;
using static Bsp.Infrastructure.Analytics.ReportSql;

namespace Bsp.Infrastructure.Analytics;

/// <summary>Messages over time, heat map, costs and what the machine did, from the quarter-hour table.</summary>
public sealed class AnalyticsReader(ReportReader reports) : IRequestHandler<GetMessageCounts, Report<MessageCountsRow>>,
    IRequestHandler<GetCosts, Report<CostRow>>, IRequestHandler<GetHeatMap, Report<HeatMapRow>>, IRequestHandler<GetAiStats, Report<AiRow>>
{
    private const string Outbound = " AND direction = 'outbound'";
    private const int QuartersADay = 96;

    public Task<Report<MessageCountsRow>> Handle(GetMessageCounts query, CancellationToken ct) =>
        reports.ReportAsync<MessageCountsRow>(query.Scope, async (zone, ask) => await ask.RowsAsync(Grouped(query.GroupBy, zone,
            "sum(q.messages) AS n, sum(q.received) AS got, sum(q.sent) AS was_sent, sum(q.delivered) AS came, sum(q.read) AS was_read, "
                + $"sum(q.failed) AS lost, {Offset(query.GroupBy, zone)} AS off", From(query.Scope, zone, query.GroupBy),
            "HAVING n + got + was_sent + came + was_read + lost > 0"),
            r => new MessageCountsRow(Key(query.GroupBy, Text(r, "key"), Long(r, "off")), Long(r, "n"), Long(r, "got"),
                Long(r, "was_sent"), Long(r, "came"), Long(r, "was_read"), Long(r, "lost"))), ct);

    public Task<Report<CostRow>> Handle(GetCosts query, CancellationToken ct) =>
        reports.ReportAsync<CostRow>(query.Scope, async (zone, ask) => [.. (await ask.RowsAsync(Grouped(query.GroupBy, zone,
            "q.currency AS money, sum(q.sent) AS was_sent, toString(sum(q.cost)) AS total, sumIf(q.delivery_n, q.cost > 0) AS charged",
            From(query.Scope, zone, query.GroupBy, large: true, Outbound),
            "HAVING was_sent > 0 OR sum(q.cost) != 0 OR charged > 0", "money"),
            r => (Key: Text(r, "key"), Currency: Text(r, "money"), Sent: Long(r, "was_sent"), Cost: Money(r, "total"),
                Charged: Long(r, "charged")))).GroupBy(r => r.Key).Select(g =>
        {
            var named = g.Where(r => r.Currency.Length > 0).Select(r => new CurrencyCost(r.Currency, r.Cost)).ToList();
            return new CostRow(g.Key, g.Sum(r => r.Sent), g.Sum(r => r.Cost), named is [var only] ? only.Currency : null,
                g.Sum(r => r.Charged), named);
        })], ct);

    public Task<Report<HeatMapRow>> Handle(GetHeatMap query, CancellationToken ct) =>
        reports.ReportAsync<HeatMapRow>(query.Scope, async (zone, ask) =>
        {
            var found = (await ask.RowsAsync($"""
                SELECT toDayOfWeek(quarter, 0, '{zone}') AS d, toHour(quarter, '{zone}') AS h, sum(q.received) AS got, sum(q.sent) AS
                    was_sent,
                    sum(q.delivered) AS came, sum(q.read) AS was_read, sum(q.failed) AS lost
                FROM ({From(query.Scope, zone, "hour")}) AS q GROUP BY d, h
                """, r => (Cell: (Day: (int)Long(r, "d"), Hour: (int)Long(r, "h")), Got: Long(r, "got"), Sent: Long(r, "was_sent"),
                    Came: Long(r, "came"), Read: Long(r, "was_read"), Lost: Long(r, "lost")))).ToDictionary(r => r.Cell);
            var days = query.Scope.To.DayNumber - query.Scope.From.DayNumber + 3;
            var cells = await ask.RowsAsync($$"""
                SELECT toDayOfWeek(t, 0, '{{zone}}') AS d, toHour(t, '{{zone}}') AS h, count() / 4 AS hours FROM (
                    SELECT toDateTime(toUInt32(toUnixTimestamp(toDateTime(toString({from:Date} - 1), 'UTC')) + number * 900), 'UTC') AS t
                    FROM numbers({quarters:UInt64}))
                WHERE toDate(t, '{{zone}}') >= {from:Date} AND toDate(t, '{{zone}}') <= {to:Date} GROUP BY d, h ORDER BY d, h
                """, r => (Cell: (Day: (int)Long(r, "d"), Hour: (int)Long(r, "h")),
                    Hours: Convert.ToDouble(r["hours"], CultureInfo.InvariantCulture)), ("quarters", days * QuartersADay));
            return [.. cells.Select(c =>
            {
                var own = found.GetValueOrDefault(c.Cell);
                return new HeatMapRow(c.Cell.Day, c.Cell.Hour, c.Hours, own.Got, own.Sent, own.Came, own.Read, own.Lost,
                    PerHour(own.Got, c.Hours), PerHour(own.Sent, c.Hours), PerHour(own.Read, c.Hours));
            })];
        }, ct);

    public Task<Report<AiRow>> Handle(GetAiStats query, CancellationToken ct) =>
        reports.ReportAsync<AiRow>(query.Scope, async (zone, ask) => await ask.RowsAsync(Grouped(query.GroupBy, zone,
            "sum(q.received) AS got, sum(q.ai_processed) AS analysed, sum(q.auto_replied) AS answered, sum(q.sentiment_sum) AS mood",
            From(query.Scope, zone, query.GroupBy), "HAVING got + analysed + answered > 0"),
            r => new AiRow(Text(r, "key"), Long(r, "got"), Long(r, "analysed"), Long(r, "answered"), Long(r, "analysed") == 0 ? null
                : Math.Round(Convert.ToDouble(r["mood"], CultureInfo.InvariantCulture) / Long(r, "analysed"), 4))), ct);

    private static string Offset(string by, string zone) =>
        by == AnalyticsGroups.EachHour ? $"any(timeZoneOffset(toTimeZone(q.quarter, '{zone}')))" : "0";

    private static double? PerHour(long number, double hours) => hours == 0 ? null : Math.Round(number / hours, 4);

    // The beginning of an hour, with the offset that holds then.
    private static string Key(string by, string key, long offsetSeconds) => by != AnalyticsGroups.EachHour ? key
        : DateTimeOffset.FromUnixTimeSeconds(long.Parse(key, CultureInfo.InvariantCulture)).ToOffset(TimeSpan.FromSeconds(offsetSeconds))
            .ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);
}
