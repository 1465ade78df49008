using System.Data.Common;
using System.Globalization;
using Bsp.Application.Analytics;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// Pieces of the reports' statements. Nothing that a caller sends becomes text of a statement: words of <c>group_by</c> choose a piece, values
/// are parameters, and a zone's name is made of letters (<see cref="AnalyticsScopeValidator.ZoneName"/>) and known to the server.
/// </summary>
internal static class ReportSql
{
    /// <summary>Rows of the quarter-hour table; FINAL, because of two rows of one key the later counts.</summary>
    public static string From(AnalyticsScope scope, string zone) => $$"""
        FROM quarter_stats_data FINAL WHERE organization_id = {organization:UUID} AND date >= {from:Date} - 1 AND date <= {to:Date} + 1
            AND toDate(quarter, '{{zone}}') >= {from:Date} AND toDate(quarter, '{{zone}}') <= {to:Date}{{Filters(scope)}}
        """;

    public static string Filters(AnalyticsScope scope) => Account(scope)
        + (scope.CampaignId is null ? "" : " AND campaign_id = {campaign:UUID}")
        + (scope.TemplateId is null ? "" : " AND template_id = {template:UUID}");

    public static string Account(AnalyticsScope scope) => scope.AccountId is null ? "" : " AND account_id = {account:UUID}";

    /// <summary>The text by which rows are grouped. Hours and days are told by the zone from the instant, so none is lost or doubled.</summary>
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
