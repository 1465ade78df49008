using System.Data.Common;
using System.Globalization;
using Bsp.Application.Analytics;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// What all reports share: the organization's zone, up to where the figures are true, bounds of a question, and what becomes of one that is
/// too large.
/// </summary>
public sealed class ReportReader(ClickHouseClient client, ClickHouseSchema schema, Shards shards, DailyStats daily)
{
    /// <summary>Rows of one answer.</summary>
    public const int RowsMax = 10_000;

    // A question reads what it must: beyond that it would keep others waiting.
    private const long RowsReadMax = 20_000_000;
    private const int SecondsMax = 10;
    private static readonly TimeSpan CountedWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    // https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp: rows, time, estimated time, memory, result
    private static readonly HashSet<int> TooLarge = [158, 159, 160, 241, 307, 396];
    private const int BadArguments = 36;
    private const int CannotLoadZone = 1000; // Poco's exception of a zone that is none

    /// <summary>Asks the questions of one report, in the organization's zone, once its figures are counted as far as asked for.</summary>
    /// <param name="ask">Given a zone, and a function that runs one statement with the scope's parameters.</param>
    /// <exception cref="Refusal"><c>analytics.zone</c>, <c>analytics.too_many_rows</c>, <c>analytics.too_large</c></exception>
    internal async Task<Report<TRow>> ReportAsync<TRow>(AnalyticsScope scope, Func<string, ReportQuestions, Task<IReadOnlyList<TRow>>> ask,
        CancellationToken ct)
    {
        await schema.EnsureAsync(ct);
        var shard = await shards.OfAsync(scope.OrganizationId, ct);
        var zone = scope.Zone ?? await ZoneAsync(shard, scope.OrganizationId, ct);
        var asOf = await CountedAsync(shard, scope.Min, ct);
        var rows = await ask(zone, new(client, scope, zone, ct));
        return rows.Count <= RowsMax ? new(rows, zone, asOf)
            : throw new Refusal("analytics.too_many_rows", $"More than {RowsMax} rows: ask for fewer days, or group by something coarser.");
    }

    private static async Task<string> ZoneAsync(Shard shard, Guid organizationId, CancellationToken ct) =>
        await shard.FirstAsync(organizationId, "SELECT settings ->> 'time_zone' FROM organizations WHERE id = $1",
            row => row.IsDBNull(0) ? null : row.GetString(0), ct, organizationId) is { } own
        && AnalyticsScopeValidator.ZoneName().IsMatch(own) ? own : "UTC";

    // Whoever waits for what they have just done counts it themselves, or waits for the one who counts.
    private async Task<CountedTo?> CountedAsync(Shard shard, Position? min, CancellationToken ct)
    {
        for (var since = TimeProvider.System.GetTimestamp(); ; await Task.Delay(LookEvery, ct))
        {
            var found = await client.QueryAsync(
                "SELECT argMax(position, at) AS position, toUnixTimestamp64Milli(max(at)) AS time FROM reports_counted WHERE shard = "
                    + "{shard:String} "
                + "HAVING count() > 0", row => (Position: ReportSql.Long(row, "position"), Time: ReportSql.Long(row, "time")), ct,
                ("shard", shard.Name));
            var reached = found is [var (at, _)] ? at : 0;
            if (min is not { } least || reached >= least.Packed)
            {
                return found is [var (position, time)]
                    ? new CountedTo(new Position((int)(position >> 48), position & ((1L << 48) - 1)).ToToken(),
                        DateTimeOffset.FromUnixTimeMilliseconds(time))
                    : null;
            }

            if (TimeProvider.System.GetElapsedTime(since) > CountedWithin)
            {
                throw new ViewBehind(ViewNames.MessageAnalytics);
            }

            await daily.RebuildAsync(ct);
        }
    }

    /// <summary>The questions of one report.</summary>
    internal sealed class ReportQuestions(ClickHouseClient client, AnalyticsScope scope, string zone, CancellationToken ct)
    {
        public CancellationToken Ct => ct;

        public async Task<List<T>> RowsAsync<T>(string sql, Func<DbDataReader, T> map, params (string Name, object Value)[] more)
        {
            try
            {
                return await client.QueryAsync($"""
                    {sql} LIMIT {RowsMax + 1}
                    SETTINGS max_rows_to_read = {RowsReadMax}, max_execution_time = {SecondsMax}, timeout_before_checking_execution_speed
                        = 0,
                        do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
                    """, map, ct,
                    [
                        ("organization", scope.OrganizationId), ("from", ReportSql.Day(scope.From)), ("to", ReportSql.Day(scope.To)),
                        ("account", scope.AccountId ?? Guid.Empty), ("campaign", scope.CampaignId ?? Guid.Empty),
                        ("template", scope.TemplateId ?? Guid.Empty), .. more,
                    ]);
            }
            catch (Exception e) when (Code(e) is { } code && TooLarge.Contains(code))
            {
                throw new Refusal("analytics.too_large",
                    "The question reads more than one question may: ask for fewer days, one number or one campaign.");
            }
            catch (ClickHouseException e) when (e.Code is BadArguments or CannotLoadZone
                || e.Message.Contains("time zone", StringComparison.OrdinalIgnoreCase)
                || e.Message.Contains("timezone", StringComparison.OrdinalIgnoreCase))
            {
                throw new Refusal("analytics.zone", $"There is no time zone '{zone}': give a name such as Africa/Cairo.");
            }
        }

        private static int? Code(Exception e) => e is ClickHouseException refused ? refused.Code
            : e is StoreUnavailable { InnerException: ClickHouseException away } ? away.Code : null;
    }
}
