using System.Data.Common;
using System.Globalization;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>The rows of <c>message_analytics</c>, summed where they lie.</summary>
internal sealed class AnalyticsSide(ClickHouseClient client)
{
    private const int MessagesMax = 1_000_000;

    // The same text as Text() makes.
    private const string Texts =
        "concat(toString(message_id), '|', toString(status), '|', toString(toUnixTimestamp64Milli(timestamp)), '|', toString(count), '|', "
        + "toString(toInt64(cost * 1000000)), '|', toString(delivery_time_ms), '|', toString(read_time_ms), '|', "
            + "toString(new_contact), '|', "
        + "toString(direction), '|', toString(account_id), '|', toString(campaign_id))";

    private const string Own =
        "FROM message_analytics FINAL WHERE organization_id = {organization:UUID} AND timestamp >= "
            + "fromUnixTimestamp64Milli({from:Int64}, 'UTC')";

    private static readonly string Days = $$"""
        SELECT toString(date) AS day, countIf(position <= {up_to:UInt64}) AS n,
            sumIf(count, status = 'sent' AND position <= {up_to:UInt64}) AS sent, sumIf(count, status = 'delivered' AND position <=
                {up_to:UInt64}) AS delivered,
            sumIf(count, status = 'read' AND position <= {up_to:UInt64}) AS was_read, sumIf(count, status = 'failed' AND position <=
                {up_to:UInt64}) AS failed,
            toString(sumIf(cost, position <= {up_to:UInt64})) AS costs, groupBitXorIf({{RowHash.InClickHouse(Texts)}}, position <=
                {up_to:UInt64}) AS x,
            arrayStringConcat(groupArrayIf({{StoreDigest.MovedMax + 1}})(concat(toString(message_id), '|', toString(status), '|',
                toString(toUnixTimestamp64Milli(timestamp))), position > {up_to:UInt64}), ',') AS moved
        {{Own}} GROUP BY date
        """;

    private static readonly string Rows = $$"""
        SELECT toString(message_id) AS id, groupBitXor({{RowHash.InClickHouse(Texts)}}) AS x, min(position) AS at,
            arrayStringConcat(arraySort(groupArray(12)({{Texts}})), '; ') AS shown
        {{Own}}
        """;

    /// <summary>A row's identity within its organization, as the digest names what moved.</summary>
    public static string Key(Guid messageId, string status, DateTimeOffset at) =>
        string.Create(CultureInfo.InvariantCulture, $"{messageId}|{status}|{at.ToUnixTimeMilliseconds()}");

    /// <summary>What is hashed of a row.</summary>
    public static string Text(MessageAnalyticsRows.Row row, MessageRef of) => string.Create(CultureInfo.InvariantCulture,
        $"{Key(of.MessageId, row.Status, row.At)}|{row.Count}|{(long)decimal.Truncate(row.Cost * 1_000_000m)}|{row.DeliveryMs}|"
        + $"{row.ReadMs}|{(row.NewContact ? 1 : 0)}|{of.Direction}|{of.AccountId}|{of.CampaignId ?? Guid.Empty}");

    /// <summary>By day; <see cref="StoreDigest.Moved"/> holds rows as <see cref="Key"/> names them.</summary>
    /// <param name="upTo">Packed place.</param>
    public async Task<StoreDigest> DaysAsync(Guid organizationId, long upTo, DateTimeOffset from, CancellationToken ct)
    {
        var (days, moved) = (new DayDigests(), new HashSet<string>());
        await client.QueryAsync(Days, row =>
        {
            days[DateOnly.ParseExact((string)row["day"], "yyyy-MM-dd", CultureInfo.InvariantCulture)].Add(
                [("sent", Long(row, "sent")), ("delivered", Long(row, "delivered")), ("read", Long(row, "was_read")),
                    ("failed", Long(row, "failed"))],
                Long(row, "n"), decimal.Parse((string)row["costs"], CultureInfo.InvariantCulture),
                Convert.ToUInt64(row["x"], CultureInfo.InvariantCulture));
            moved.UnionWith(((string)row["moved"]).Split(',', StringSplitOptions.RemoveEmptyEntries));
            return 0;
        }, ct, ("organization", organizationId), ("from", from.ToUnixTimeMilliseconds()), ("up_to", upTo));
        return new(days, moved, moved.Count > StoreDigest.MovedMax);
    }

    /// <summary>A row a message, of one day.</summary>
    public async Task<IReadOnlyList<StoreRow>> RowsAsync(Guid organizationId, long upTo, DateOnly day, CancellationToken ct) =>
        await client.QueryAsync($"{Rows} AND date = {{day:Date}} AND position <= {{up_to:UInt64}} GROUP BY message_id LIMIT "
            + $"{MessagesMax}", Read,
            ct, ("organization", organizationId), ("from", new DateTimeOffset(day, default, TimeSpan.Zero).ToUnixTimeMilliseconds()),
            ("up_to", upTo), ("day", day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)));

    /// <summary>A row a message, of all its days from <paramref name="from"/> on; <see cref="StoreRow.Position"/> is its last.</summary>
    public async Task<IReadOnlyList<StoreRow>> RowsAsync(Guid organizationId, IReadOnlyCollection<Guid> messages, DateTimeOffset from,
        CancellationToken ct) =>
        await client.QueryAsync($"{Rows.Replace("min(position)", "max(position)", StringComparison.Ordinal)} AND message_id IN "
            + $"{{messages:Array(UUID)}} GROUP BY message_id",
            Read, ct, ("organization", organizationId), ("from", from.ToUnixTimeMilliseconds()), ("messages", messages.ToArray()));

    private static StoreRow Read(DbDataReader row) => new((string)row["id"], Convert.ToUInt64(row["x"], CultureInfo.InvariantCulture),
        Long(row, "at"), (string)row["shown"]);

    private static long Long(DbDataReader row, string name) => Convert.ToInt64(row[name], CultureInfo.InvariantCulture);
}
