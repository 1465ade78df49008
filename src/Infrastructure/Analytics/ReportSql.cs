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

    /// <summary>The text by which rows are grouped. Hours and days are told by the zone from the instant, so none is lost or
    /// doubled.</summary>
    public static string Group(string by, string zone) => by switch
    {
        "week" => $"toString(toMonday(quarter, '{zone}'))",
        "month" => $"formatDateTime(quarter, '%Y-%m', '{zone}')",
        "hour" => $"toString(toHour(quarter, '{zone}'))",
        AnalyticsGroups.EachHour => $"toString(toUnixTimestamp(toStartOfHour(quarter, '{zone}')))",
        "account" => "toString(account_id)",
        "campaign" => "toString(campaign_id)",
        "template" => "toString(template_id)",
        "variant" => "concat(toString(campaign_id), '/', toString(template_id))",
        "type" => "toString(message_type_exact)",
        "direction" => "toString(direction)",
        "category" => "toString(category)",
        "market" => "toString(market)",
        _ => $"toString(toDate(quarter, '{zone}'))",
    };

    /// <summary>Hours of the day by number, everything else by its text.</summary>
    public static string Order(string by) => by is "hour" or AnalyticsGroups.EachHour ? "toUInt32(key)" : "key";

    public static string Day(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    public static string Text(DbDataReader row, string name) => (string)row[name];

    public static long Long(DbDataReader row, string name) => Convert.ToInt64(row[name], CultureInfo.InvariantCulture);

    public static decimal Money(DbDataReader row, string name) => decimal.Parse(Text(row, name), CultureInfo.InvariantCulture);

    public static double? Rate(long part, long of) => of == 0 ? null : Math.Round((double)part / of, 6);

    public static long Mean(long sum, long n) => n == 0 ? 0 : sum / n;
}
