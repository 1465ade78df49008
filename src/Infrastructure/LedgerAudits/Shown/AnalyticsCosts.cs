using System.Data.Common;
using System.Globalization;
using Bsp.Application.Ledger;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.LedgerAudits.Shown;

/// <summary>Costs of the rows of <c>message_analytics</c>, summed where they lie, beside the ledger's.</summary>
/// <param name="upTo">Packed place up to which rows are compared.</param>
/// <param name="ahead">Messages charged beyond it.</param>
internal sealed class AnalyticsCosts(ClickHouseClient client, Guid organizationId, long upTo, IReadOnlySet<string> ahead)
{
    private const int Months = 59; // of five years that are kept
    private const int MovedMax = 100_000;
    private const int PageRows = 50_000;
    private const int DaysLookedInto = 31;

    // A cost of Meta's own stands on "sent" and names no currency: it is no charge.
    private const string Counts = "cost != 0 AND (status != 'sent' OR currency != '') AND position <= {up_to:UInt64} "
        + "AND message_id NOT IN {without:Array(UUID)}";

    private const string Own = "FROM message_analytics FINAL WHERE organization_id = {organization:UUID} "
        + "AND timestamp >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')";

    private static readonly string Days = $$"""
        SELECT toString(date) AS day, toString(currency) AS money, countIf({{Counts}}) AS n, toString(sumIf(cost, {{Counts}})) AS costs,
            groupBitXorIf({{RowHash.InClickHouse("concat(toString(message_id), ':', currency, ':', toDecimalString(cost, 6))")}},
                {{Counts}}) AS x,
            arrayStringConcat(groupArrayIf({{MovedMax + 1}})(toString(message_id), status = 'delivered' AND position > {up_to:UInt64}),
                ',') AS moved
        {{Own}} GROUP BY date, currency
        """;

    private static readonly string Rows = $$"""
        SELECT toString(message_id) AS id, anyIf(toString(currency), {{Counts}}) AS money, toString(sumIf(cost, {{Counts}})) AS costs,
            maxIf(position, status = 'delivered') AS at
        {{Own}} AND date = {day:Date} AND toString(message_id) > {after:String}
         GROUP BY message_id HAVING countIf({{Counts}}) > 0 OR at > {up_to:UInt64} ORDER BY id LIMIT {{PageRows}}
        """;

    /// <returns>Null: more moved meanwhile than is told apart.</returns>
    public async Task<(LedgerFault? Fault, long Messages)?> CompareAsync(TenantTransaction snapshot, DateOnly today, CancellationToken ct)
    {
        var from = today.AddMonths(-Months);
        var (shown, moved) = await ShownAsync(from, ct);
        if (moved.Count > MovedMax)
        {
            return null;
        }

        moved.UnionWith(ahead);
        var charged = (await ChargedDays.OfAsync(snapshot, organizationId, from, today.AddDays(2), [.. moved], ct))
            .ToDictionary(d => (d.Day, d.Currency), d => (d.Count, d.Sum, d.Xor));
        var differing = charged.Keys.Union(shown.Keys).Where(k => charged.GetValueOrDefault(k) != shown.GetValueOrDefault(k))
            .Select(k => k.Day).Distinct().Order().Take(DaysLookedInto).ToList();
        foreach (var day in differing)
        {
            var found = new CostDifferences("analytics", moved, upTo);
            await using var messages = await ChargedMessages.OpenAsync(snapshot, organizationId, "", day, ct);
            await found.MergeAsync(messages, take => EachAsync(day, from, take, ct), ct);
            if (found.First is { } fault)
            {
                return (fault with { Detail = $"{day:yyyy-MM-dd}: {fault.Detail}" }, charged.Values.Sum(d => d.Count));
            }
        }

        if (differing.Count > 0)
        {
            return null;
        }

        return (null, charged.Values.Sum(d => d.Count));
    }

    private async Task<(Dictionary<(DateOnly Day, string Currency), (long Count, decimal Sum, long Xor)> Days, HashSet<string> Moved)>
        ShownAsync(DateOnly from, CancellationToken ct)
    {
        var (days, moved) = (new Dictionary<(DateOnly, string), (long, decimal, long)>(), new HashSet<string>());
        await client.QueryAsync(Days, row =>
        {
            if (Long(row, "n") > 0)
            {
                days[(DateOnly.ParseExact((string)row["day"], "yyyy-MM-dd", CultureInfo.InvariantCulture), (string)row["money"])] = (
                    Long(row, "n"), decimal.Parse((string)row["costs"], CultureInfo.InvariantCulture),
                    unchecked((long)Convert.ToUInt64(row["x"], CultureInfo.InvariantCulture)));
            }

            moved.UnionWith(((string)row["moved"]).Split(',', StringSplitOptions.RemoveEmptyEntries));
            return 0;
        }, ct, Parameters(from));
        return (days, moved);
    }

    private async Task EachAsync(DateOnly day, DateOnly from, Func<ShownCost, Task> take, CancellationToken ct)
    {
        for (var (after, full) = ("", true); full;)
        {
            var page = await client.QueryAsync(Rows, row => new ShownCost((string)row["id"],
                decimal.Parse((string)row["costs"], CultureInfo.InvariantCulture), (string)row["money"], Long(row, "at")), ct,
                [.. Parameters(from), ("day", day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)), ("after", after)]);
            full = page.Count == PageRows;
            foreach (var own in page)
            {
                await take(own);
            }

            after = page.Count > 0 ? page[^1].MessageId : after;
        }
    }

    // The id of all zeros is nobody's: an empty list has no type.
    private (string, object)[] Parameters(DateOnly from) =>
    [
        ("organization", organizationId), ("up_to", upTo),
        ("from", new DateTimeOffset(from, default, TimeSpan.Zero).ToUnixTimeMilliseconds()),
        ("without", ahead.Select(id => Guid.TryParse(id, out var message) ? message : Guid.Empty).Append(Guid.Empty).ToArray()),
    ];

    private static long Long(DbDataReader row, string name) => Convert.ToInt64(row[name], CultureInfo.InvariantCulture);
}
