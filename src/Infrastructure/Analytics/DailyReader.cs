using System.Globalization;
using Bsp.Application.Analytics;
using MediatR;
using static Bsp.Infrastructure.Analytics.ReportSql;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// Daily figures and what they add up to. People do not add up: where several rows come together, the states of their days are merged.
/// </summary>
public sealed class DailyReader(ReportReader reports) : IRequestHandler<GetDailyStats, Report<DailyStatsRow>>
{
    public Task<Report<DailyStatsRow>> Handle(GetDailyStats query, CancellationToken ct) =>
        reports.ReportAsync<DailyStatsRow>(query.Scope, async (_, ask) =>
        {
            var (each, by) = (query.GroupBy == "account", query.GroupBy);
            var rows = await ask.RowsAsync($$"""
                SELECT {{Group(by, "date")}} AS day, {{(each ? "toString(account_id)" : "''")}} AS account, count() AS parts,
                    sum(d.total_messages) AS total, sum(d.sent_messages) AS was_sent, sum(d.delivered_messages) AS came,
                    sum(d.read_messages) AS was_read, sum(d.failed_messages) AS lost, toString(sum(d.total_cost)) AS cost,
                    any(d.unique_contacts) AS contacts, sum(d.new_contacts) AS fresh, sum(d.ai_processed_messages) AS ai,
                    sum(d.auto_replied_messages) AS replied, sum(d.delivery_time_ms_sum) AS delivery_ms, sum(d.delivery_time_n) AS
                        delivery_n,
                    sum(d.read_time_ms_sum) AS read_ms, sum(d.read_time_n) AS read_n
                FROM (SELECT * EXCEPT contacts_state FROM daily_stats_data FINAL
                      WHERE organization_id = {organization:UUID} AND date >= {from:Date} AND date <= {to:Date}{{Account(query.Scope)}})
                          AS d
                GROUP BY day, account ORDER BY day, account
                """, r => (Parts: Long(r, "parts"), Row: new DailyStatsRow(Text(r, "day"),
                    Text(r, "account") is { Length: > 0 } id ? Guid.Parse(id) : null, Long(r, "total"), Long(r, "was_sent"),
                        Long(r, "came"),
                    Long(r, "was_read"), Long(r, "lost"), Money(r, "cost"), Long(r, "contacts"), Long(r, "fresh"), Long(r, "ai"),
                    Long(r, "replied"), Mean(Long(r, "delivery_ms"), Long(r, "delivery_n")), Mean(Long(r, "read_ms"), Long(r, "read_n")))));
            if (each || rows.TrueForAll(r => r.Parts <= 1))
            {
                return [.. rows.Select(r => r.Row)];
            }

            var people = await PeopleAsync(query, ask);
            return [.. rows.Select(r => r.Parts <= 1 ? r.Row : r.Row with { UniqueContacts = people.GetValueOrDefault(r.Row.Date) })];
        }, ct);

    // Of a single day the number is there; of more days the states are merged, one a day.
    private static async Task<Dictionary<string, long>> PeopleAsync(GetDailyStats query, ReportReader.ReportQuestions ask)
    {
        var account = query.Scope.AccountId is null ? $"toUUID('{Guid.Empty}')" : "{account:UUID}";
        var days = $$"""
            FROM people_data FINAL WHERE organization_id = {organization:UUID} AND account_id = {{account}}
                AND date >= {from:Date} AND date <= {to:Date}
            """;
        return (await ask.RowsAsync(query.GroupBy == "day"
            ? $"SELECT toString(date) AS day, people AS contacts {days} ORDER BY date"
            : $"""
              SELECT {Group(query.GroupBy, "date")} AS day, uniqCombined64Merge(17)(contacts_state) AS contacts {days}
              GROUP BY day ORDER BY day
              """, r => (Day: Text(r, "day"), Contacts: Long(r, "contacts")))).ToDictionary(r => r.Day, r => r.Contacts);
    }

    private static string Group(string by, string column) => by switch
    {
        "total" => string.Create(CultureInfo.InvariantCulture, $"toString({{from:Date}})"),
        "week" => $"toString(toMonday({column}))",
        "month" => $"toString(toStartOfMonth({column}))",
        _ => $"toString({column})",
    };
}
