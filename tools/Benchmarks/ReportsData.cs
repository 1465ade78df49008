using System.Globalization;
using Bsp.Infrastructure.ClickHouse;

namespace Bsp.Benchmarks;

/// <summary>
/// A year of messages of 200 organizations, made where it is kept (<c>INSERT … SELECT … FROM numbers()</c>) through the entry of the
/// analytics: a sixth of it of the largest organization, a quarter of it from customers, half of the rest of campaigns (four a day and
/// organization), five markets, twenty templates.
/// </summary>
internal static class ReportsData
{
    public const int Organizations = 200;
    public const int Days = 366;

    // Of what is sent 1 + 0.97 + 0.68 + 0.03 rows, of what is received one.
    private const double RowsAMessage = 2.26;
    private const int MessagesAtOnce = 500_000;

    public static readonly DateOnly Last = DateOnly.FromDateTime(DateTime.UtcNow);
    public static readonly DateOnly First = Last.AddDays(1 - Days);

    public static IEnumerable<Guid> All => Enumerable.Range(0, Organizations).Select(Organization);

    public static Guid Largest => Organization(0);

    /// <summary>One of the largest's campaigns, in the middle of the year.</summary>
    public static Guid Campaign => Id('c', 200 * 4);

    public static Guid Account => Id('a', 0);

    public static async Task FillAsync(ClickHouseClient client, long rows, CancellationToken ct)
    {
        var messages = (long)(rows / RowsAMessage);
        for (var from = 0L; from < messages; from += MessagesAtOnce)
        {
            await client.ExecuteAsync(Insert, ct, ("from", from), ("count", Math.Min(MessagesAtOnce, messages - from)), ("all", messages),
                ("first", new DateTimeOffset(First, default, TimeSpan.Zero).ToUnixTimeMilliseconds()));
        }
    }

    private static Guid Organization(int n) => Id('9', n);

    private static Guid Id(char kind, long n) =>
        Guid.Parse(string.Create(CultureInfo.InvariantCulture, $"00000000-0000-4000-{kind}000-{n:D12}"));

    private static string Id(char kind, string number) =>
        $"toUUID(concat('00000000-0000-4000-{kind}000-', leftPad(toString({number}), 12, '0')))";

    private const string Zero = "toUUID('00000000-0000-0000-0000-000000000000')";

    private static readonly string Insert = $$"""
        INSERT INTO messages_kafka (timestamp, organization_id, account_id, campaign_id, contact_id, message_id, direction, message_type,
            status, count, cost, sentiment_score, ai_processed, auto_replied, new_contact, delivery_time_ms, read_time_ms,
            message_type_exact, position, template_id, error_code, category, market, currency)
        SELECT fromUnixTimestamp64Milli(sent_at + step.2, 'UTC'), organization, account, campaign, contact, message,
            if(inbound, 'inbound', 'outbound'), type, step.1, 1, if(step.1 = 'delivered' AND campaigned, 0.0123, 0),
            if(inbound, 0.25, 0), inbound, inbound AND h % 3 = 0, inbound AND h % 50 = 0,
            if(step.1 = 'delivered' AND NOT inbound, step.2, 0), if(step.1 = 'read', step.2, 0), type, n + 1, template,
            if(step.1 = 'failed', arrayElement(['131026', '131047', '131049', '131050', '130429'], 1 + h % 5), ''),
            if(step.1 = 'delivered' AND NOT inbound, if(campaigned, 'marketing', 'utility'), ''),
            if(step.1 = 'delivered' AND NOT inbound, arrayElement(['India', 'Brazil', 'Egypt', 'Spain', 'Indonesia'], 1 + h % 5), ''),
            if(step.1 = 'delivered' AND NOT inbound, 'USD', '')
        FROM (
            SELECT number + {from:UInt64} AS n, cityHash64(n) AS h, toUInt32(floor({{Organizations}} * pow(cityHash64(n, 1) % 1000003 /
                    1000003, 3))) AS o,
                {first:Int64} + toInt64(intDiv(n * {{Days}} * 86400, {all:UInt64})) * 1000 + toInt64(h % 1000) AS sent_at,
                intDiv(n * {{Days}}, {all:UInt64}) AS day, h % 4 = 0 AS inbound, NOT inbound AND h % 8 < 4 AS campaigned,
                day * 4 + cityHash64(n, 2) % 4 AS run, {{Id('9', "o")}} AS organization, {{Id('e', "n")}} AS message,
                {{Id('a', "o * 10 + cityHash64(n, 3) % if(o < 20, 4, 1)")}} AS account,
                {{Id('b', "o * 1000000 + cityHash64(n, 4) % (200 + intDiv(200000, o + 5))")}} AS contact,
                if(campaigned, {{Id('c', "o * 100000 + run")}}, {{Zero}}) AS campaign,
                if(inbound, {{Zero}}, {{Id('d', "o * 100 + if(campaigned, run % 20, 90)")}}) AS template,
                if(campaigned, 'template', if(h % 10 = 0, 'image', 'text')) AS type,
                if(inbound, [('delivered', toInt64(0))], if(h % 100 < 3, [('sent', toInt64(0)), ('failed', toInt64(900))],
                    if(h % 10 < 7, [('sent', toInt64(0)), ('delivered', toInt64(2000 + h % 8000)), ('read', toInt64(60000 + h % 7200000))],
                        [('sent', toInt64(0)), ('delivered', toInt64(2000 + h % 8000))]))) AS steps
            FROM numbers({count:UInt64}) )
        ARRAY JOIN steps AS step
        SETTINGS max_partitions_per_insert_block = 0, max_block_size = 65536, max_insert_threads = 1
        """;
}
