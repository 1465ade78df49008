using System.Data.Common;
using System.Globalization;
using Bsp.Application.Analytics;
using Bsp.Domain.Common;
using Bsp.Infrastructure.ClickHouse;
using MediatR;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// Answers the reporting questions from ClickHouse. Every query names the organization and reads rows as replaced (FINAL).
/// </summary>
public sealed class AnalyticsReader(ClickHouseClient client, ClickHouseSchema schema)
    : IRequestHandler<GetDailyStats, IReadOnlyList<DailyStatsRow>>, IRequestHandler<GetMessageCounts, IReadOnlyList<MessageCountsRow>>,
    IRequestHandler<GetFunnel, IReadOnlyList<FunnelRow>>, IRequestHandler<GetCosts, IReadOnlyList<CostRow>>
{
    private const int RowsMax = 10_000;

    private const string Where =
        "FROM message_analytics FINAL WHERE organization_id = {organization:UUID} AND timestamp >= toDateTime64({from:String}, 3, 'UTC') AND timestamp < toDateTime64({until:String}, 3, 'UTC')";

    public Task<IReadOnlyList<DailyStatsRow>> Handle(GetDailyStats query, CancellationToken ct)
    {
        var each = query.GroupBy == "account";
        return RowsAsync(query.Scope, $$"""
            SELECT toString(date) AS day, {{(each ? "toString(account_id)" : "''")}} AS account, sum(total_messages) AS total, sum(sent_messages) AS sent, sum(delivered_messages) AS delivered, sum(read_messages) AS was_read, sum(failed_messages) AS failed,
                toString(sum(total_cost)) AS cost, {{(each ? "sum(unique_contacts)" : "uniqCombined64Merge(17)(contacts_state)")}} AS contacts, sum(new_contacts) AS fresh, sum(ai_processed_messages) AS ai, sum(auto_replied_messages) AS replied,
                intDiv(sum(delivery_time_ms_sum), greatest(sum(delivery_time_n), 1)) AS delivery_ms, intDiv(sum(read_time_ms_sum), greatest(sum(read_time_n), 1)) AS read_ms
            FROM daily_stats_data FINAL WHERE organization_id = {organization:UUID} AND date >= {from:Date} AND date < {until:Date} {{Account(query.Scope)}}
            GROUP BY day, account ORDER BY day, account
            """, r => new DailyStatsRow(Text(r, "day"), Text(r, "account") is { Length: > 0 } id ? Guid.Parse(id) : null, Long(r, "total"), Long(r, "sent"), Long(r, "delivered"), Long(r, "was_read"), Long(r, "failed"),
                decimal.Parse(Text(r, "cost"), CultureInfo.InvariantCulture), Long(r, "contacts"), Long(r, "fresh"), Long(r, "ai"),
                Long(r, "replied"), Long(r, "delivery_ms"), Long(r, "read_ms")), ct);
    }

    public Task<IReadOnlyList<MessageCountsRow>> Handle(GetMessageCounts query, CancellationToken ct) => RowsAsync(query.Scope, $"""
        SELECT {Group(query.GroupBy)} AS key, uniqExactIf(message_id, count > 0) AS messages, sumIf(count, direction = 'inbound') AS received, {Outbound}
        {Where} {Filters(query.Scope)} GROUP BY key ORDER BY key
        """, r => new MessageCountsRow(Text(r, "key"), Long(r, "messages"), Long(r, "received"), Long(r, "sent"), Long(r, "delivered"), Long(r, "was_read"), Long(r, "failed")), ct);

    public Task<IReadOnlyList<FunnelRow>> Handle(GetFunnel query, CancellationToken ct) => RowsAsync(query.Scope, $"""
        SELECT {Group(query.GroupBy)} AS key, {Outbound},
            toUInt64(ifNotFinite(avgIf(delivery_time_ms, status = 'delivered'), 0)) AS delivery_ms, toUInt64(ifNotFinite(avgIf(read_time_ms, status = 'read'), 0)) AS read_ms
        {Where} AND direction = 'outbound' {Filters(query.Scope)} GROUP BY key ORDER BY key
        """, r => new FunnelRow(Text(r, "key"), Long(r, "sent"), Long(r, "delivered"), Long(r, "was_read"), Long(r, "failed"),
            Rate(Long(r, "delivered"), Long(r, "sent")), Rate(Long(r, "was_read"), Long(r, "delivered")), Long(r, "delivery_ms"),
            Long(r, "read_ms")), ct);

    public Task<IReadOnlyList<CostRow>> Handle(GetCosts query, CancellationToken ct) => RowsAsync(query.Scope, $"""
        SELECT {Group(query.GroupBy)} AS key, sumIf(count, status = 'sent') AS sent, toString(sum(cost)) AS total
        {Where} AND direction = 'outbound' {Filters(query.Scope)} GROUP BY key ORDER BY key
        """, r => new CostRow(Text(r, "key"), Long(r, "sent"), decimal.Parse(Text(r, "total"), CultureInfo.InvariantCulture)), ct);

    private const string Outbound =
        "sumIf(count, status = 'sent') AS sent, sumIf(count, status = 'delivered' AND direction = 'outbound') AS delivered, sumIf(count, status = 'read') AS was_read, sumIf(count, status = 'failed') AS failed";

    private static string Group(string by) => by switch
    {
        "hour" => "toString(hour)",
        "account" => "toString(account_id)",
        "campaign" => "toString(campaign_id)",
        "type" => "toString(message_type_exact)",
        "direction" => "toString(direction)",
        _ => "toString(date)",
    };

    private static string Filters(AnalyticsScope scope) =>
        Account(scope) + (scope.CampaignId is null ? "" : " AND campaign_id = {campaign:UUID}");

    private static string Account(AnalyticsScope scope) => scope.AccountId is null ? "" : " AND account_id = {account:UUID}";

    private async Task<IReadOnlyList<T>> RowsAsync<T>(AnalyticsScope scope, string sql, Func<DbDataReader, T> map, CancellationToken ct)
    {
        await schema.EnsureAsync(ct);
        var rows = await client.QueryAsync($"{sql} LIMIT {RowsMax + 1}", map, ct,
            ("organization", scope.OrganizationId), ("from", Day(scope.From)), ("until", Day(scope.To.AddDays(1))),
            ("account", scope.AccountId ?? Guid.Empty), ("campaign", scope.CampaignId ?? Guid.Empty));
        return rows.Count <= RowsMax ? rows
            : throw new Refusal("analytics.too_many_rows", $"More than {RowsMax} rows: ask for fewer days, or group by something coarser.");
    }

    private static string Day(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Text(DbDataReader row, string name) => (string)row[name];

    private static long Long(DbDataReader row, string name) => Convert.ToInt64(row[name], CultureInfo.InvariantCulture);

    private static double? Rate(long part, long of) => of == 0 ? null : Math.Round((double)part / of, 6);
}
