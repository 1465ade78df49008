using System.Data.Common;
using System.Globalization;
using Bsp.Application.Analytics;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// Pieces of the reports' statements. Nothing that a caller sends becomes text of a statement: words of <c>group_by</c> choose a piece,
/// values
/// are parameters, and a zone's name is made of letters (<see cref="AnalyticsScopeValidator.ZoneName"/>) and known to the server.
/// </summary>
internal static class ReportSql
{
    // Groups that the small table knows, if nothing is asked of one campaign or template; and those by time, which need quarters.
    private static readonly HashSet<string> Small = ["day", "week", "month", "hour", AnalyticsGroups.EachHour, "account", "direction"];
    private static readonly HashSet<string> ByTime = ["day", "week", "month", "hour", AnalyticsGroups.EachHour];

    private const string Own = "organization_id = {organization:UUID} AND date >= {from:Date} - 1 AND date <= {to:Date} + 1";

    private const string Numbers =
        "account_id, campaign_id, template_id, direction, message_type_exact, category, market, currency, error_code, "
        + "messages, sent, delivered, read, failed, received, replied, cost, delivery_ms_sum, delivery_n, read_ms_sum, read_n, "
            + "ai_processed, "
        + "auto_replied, sentiment_sum";

    /// <summary>
    /// The rows of a question, as a subquery's text; FINAL, because of two rows of one key the later counts. What is not asked by time
    /// takes the
    /// whole UTC days of the range from the days' table: whatever the zone, only the days at its edges are cut.
    /// </summary>
    /// <param name="by">What they are grouped by.</param>
    /// <param name="large">True: with campaign, template, category, market, currency and reason in any case.</param>
    /// <param name="more">A further condition.</param>
    public static string From(AnalyticsScope scope, string zone, string by, bool large = false, string more = "")
    {
        var within = $"toDate(quarter, '{zone}') >= {{from:Date}} AND toDate(quarter, '{zone}') <= {{to:Date}}{Filters(scope)}{more}";
        return !large && Small.Contains(by) && scope is { CampaignId: null, TemplateId: null }
            ? $"SELECT * FROM quarter_totals_data FINAL WHERE {Own} AND {within}"
            : ByTime.Contains(by) ? $"SELECT * FROM quarter_stats_data FINAL WHERE {Own} AND {within}"
            : $$"""
              SELECT {{Numbers}} FROM quarter_stats_data FINAL WHERE {{Own}} AND (date <= {from:Date} OR date >= {to:Date}) AND {{within}}
              UNION ALL SELECT {{Numbers}} FROM day_stats_data FINAL
              WHERE organization_id = {organization:UUID} AND date > {from:Date} AND date < {to:Date}{{Filters(scope)}}{{more}}
              """;
    }

    public static string Filters(AnalyticsScope scope) => Account(scope)
        + (scope.CampaignId is null ? "" : " AND campaign_id = {campaign:UUID}")
        + (scope.TemplateId is null ? "" : " AND template_id = {template:UUID}");

    public static string Account(AnalyticsScope scope) => scope.AccountId is null ? "" : " AND account_id = {account:UUID}";

    /// <summary>
    /// A question's whole statement: grouped by what costs little to compare, whose text (<c>key</c>) is made once a group.
    /// </summary>
    /// <param name="sums">Columns of a group, over rows <c>q</c>.</param>
    /// <param name="from">A subquery's text, <see cref="From"/>.</param>
    /// <param name="having">With the word, or empty.</param>
    /// <param name="and">A further column by which is grouped, of <paramref name="sums"/>; null: none.</param>
    public static string Grouped(string by, string zone, string sums, string from, string having, string? and = null) => $"""
        SELECT {Key(by)} AS key, * EXCEPT (k) FROM (
            SELECT {Group(by, zone)} AS k, {sums} FROM ({from}) AS q GROUP BY k{(and is null ? "" : $", {and}")} {having})
        ORDER BY {Order(by)}{(and is null ? "" : $", {and}")}
        """;

    /// <summary>By what rows are grouped. Hours and days are told by the zone from the instant, so none is lost or doubled.</summary>
    public static string Group(string by, string zone) => by switch
    {
        "week" => $"toMonday(q.quarter, '{zone}')",
        "month" => $"toStartOfMonth(q.quarter, '{zone}')",
        "hour" => $"toHour(q.quarter, '{zone}')",
        AnalyticsGroups.EachHour => $"toUnixTimestamp(toStartOfHour(q.quarter, '{zone}'))",
        "account" => "q.account_id",
        "campaign" => "q.campaign_id",
        "template" => "q.template_id",
        "variant" => "(q.campaign_id, q.template_id)",
        "type" => "q.message_type_exact",
        "direction" => "q.direction",
        "category" => "q.category",
        "market" => "q.market",
        _ => $"toDate(q.quarter, '{zone}')",
    };

    /// <summary>The text of a group <c>k</c>.</summary>
    public static string Key(string by) => by switch
    {
        "month" => "formatDateTime(k, '%Y-%m')",
        "variant" => "concat(toString(k.1), '/', toString(k.2))",
        _ => "toString(k)",
    };

    // Times by what they are, everything else by its text.
    private static string Order(string by) => ByTime.Contains(by) ? "k" : "key";

    public static string Day(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    public static string Text(DbDataReader row, string name) => (string)row[name];

    public static long Long(DbDataReader row, string name) => Convert.ToInt64(row[name], CultureInfo.InvariantCulture);

    public static decimal Money(DbDataReader row, string name) => decimal.Parse(Text(row, name), CultureInfo.InvariantCulture);

    public static double? Rate(long part, long of) => of == 0 ? null : Math.Round((double)part / of, 6);

    public static long Mean(long sum, long n) => n == 0 ? 0 : sum / n;
}
