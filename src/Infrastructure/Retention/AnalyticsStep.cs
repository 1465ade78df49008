using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using Bsp.Application.Retention;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Objects;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Retention;

/// <summary>
/// Rows of ClickHouse's <c>message_analytics</c> past five years: month by month they are summed by organization, account and campaign into
/// <c>message_analytics_archive</c>, which is kept, compared with the rows, written as Parquet by ClickHouse itself, read back into it, and
/// only then the month is dropped. Sums by day and quarter of an hour stay. Done again, each step comes to the same.
/// </summary>
internal sealed class AnalyticsStep(Shards shards, ClickHouseClient client, ClickHouseSchema schema, IObjectStore objects,
    TimeProvider clock) : IRetentionStep
{
    private const string Sums = "sum(count), toString(sum(cost)), sum(ai_processed)";
    private const string RawSums = "count(), toString(sum(cost)), toUInt64(countIf(ai_processed > 0))";
    private const string Check = "message_analytics_check";
    private const int MonthsKept = 60;

    public string Kind => RetentionRules.Analytics;

    public async IAsyncEnumerable<RetentionDue> DueAsync(Shard shard, Guid? only, [EnumeratorCancellation] CancellationToken ct)
    {
        if (!client.IsConfigured || !ReferenceEquals(shard, shards.All[0]))
        {
            yield break;
        }

        await schema.EnsureAsync(ct);
        var before = Before();
        foreach (var (organization, count, oldest) in await client.QueryAsync("""
            SELECT organization_id, count(), min(timestamp) FROM message_analytics
             WHERE toYYYYMM(timestamp) < {month:UInt32} AND ({only:UUID} = toUUID('00000000-0000-0000-0000-000000000000')
                   OR organization_id = {only:UUID}) GROUP BY organization_id ORDER BY organization_id LIMIT 10000
            """, r => (r.GetGuid(0), Convert.ToInt64(r.GetValue(1), CultureInfo.InvariantCulture), r.GetDateTime(2)), ct,
            ("month", MonthOf(before)), ("only", only ?? Guid.Empty)))
        {
            yield return new(Kind, shard.Name, organization, count, new DateTimeOffset(oldest, TimeSpan.Zero), before, false);
        }
    }

    public async Task CarryAsync(Shard shard, Func<long, Task> beat, CancellationToken ct)
    {
        if (!client.IsConfigured || !ReferenceEquals(shard, shards.All[0]))
        {
            return; // ClickHouse is one for all shards
        }

        await schema.EnsureAsync(ct);
        foreach (var month in await client.QueryAsync("""
            SELECT DISTINCT toYYYYMM(timestamp) AS m FROM message_analytics WHERE toYYYYMM(timestamp) < {month:UInt32} ORDER BY m LIMIT 1200
            """, r => Convert.ToUInt32(r.GetValue(0), CultureInfo.InvariantCulture), ct, ("month", MonthOf(Before()))))
        {
            await beat(await MonthAsync(month, ct));
        }
    }

    /// <summary>The first day of the month that is kept.</summary>
    private DateTimeOffset Before()
    {
        var now = clock.GetUtcNow();
        return new DateTimeOffset(now.Year, now.Month, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(-MonthsKept);
    }

    private static uint MonthOf(DateTimeOffset at) => (uint)((at.Year * 100) + at.Month);

    private async Task<long> MonthAsync(uint month, CancellationToken ct)
    {
        var name = $"{month / 100:D4}-{month % 100:D2}";
        var first = $"{name}-01";
        await client.ExecuteAsync("""
            INSERT INTO message_analytics_archive
            SELECT toStartOfMonth(toDate(timestamp, 'UTC')) AS m, organization_id, account_id, campaign_id, m AS date, direction,
              message_type, status, count(), sum(cost), countIf(ai_processed > 0), sum(sentiment_score), now64(3, 'UTC')
              FROM message_analytics FINAL WHERE toYYYYMM(timestamp) = {month:UInt32}
             GROUP BY m, organization_id, account_id, campaign_id, direction, message_type, status
            """, ct, ("month", month));
        var raw = await SumsAsync($"SELECT {RawSums} FROM message_analytics FINAL WHERE toYYYYMM(timestamp) = {month}", ct);
        var sums = await SumsAsync($"SELECT {Sums} FROM message_analytics_archive FINAL WHERE month = '{first}'", ct);
        if (raw != sums)
        {
            throw new ArchiveFault($"Analytics of {name}: the sums ({sums}) are not those of the rows ({raw}); nothing is deleted.");
        }

        await ParquetAsync(name, first, sums, ct);
        await client.ExecuteAsync($"ALTER TABLE message_analytics DROP PARTITION {month}", ct);
        return sums.Count;
    }

    private async Task ParquetAsync(string name, string first, MonthSums sums, CancellationToken ct)
    {
        using var parquet = new MemoryStream();
        var rows = await client.ExportAsync(
            $"SELECT * FROM message_analytics_archive FINAL WHERE month = '{first}' ORDER BY ALL FORMAT Parquet", parquet, ct);
        var sha = await HashOfAsync(parquet, ct);
        var key = $"archives/analytics/{name}.parquet";
        await objects.PutAsync(key, parquet, ct);
        using var back = new MemoryStream();
        await using (var stored = await objects.OpenAsync(key, 0, ct) ?? throw new ArchiveFault($"{key} is not in object storage."))
        {
            await stored.CopyToAsync(back, ct);
        }

        if (await HashOfAsync(back, ct) != sha)
        {
            throw new ArchiveFault($"{key} was read back and is not what was written; nothing is deleted.");
        }

        await ReadBackAsync(key, first, back, sums, ct);
        using var manifest = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(new
        {
            kind = Kind, month = name, object_key = key, sha256 = sha, bytes = rows, messages_and_statuses = sums.Count,
            cost = sums.Cost, ai_processed = sums.Ai, written_at = clock.GetUtcNow(),
        }));
        await objects.PutAsync($"{key}.json", manifest, ct);
    }

    private static async Task<string> HashOfAsync(Stream content, CancellationToken ct)
    {
        content.Position = 0;
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(content, ct));
    }

    // By the engine that will read it one day.
    private async Task ReadBackAsync(string key, string first, MemoryStream parquet, MonthSums sums, CancellationToken ct)
    {
        await client.ExecuteAsync($"DROP TABLE IF EXISTS {Check} SYNC", ct);
        await client.ExecuteAsync($"CREATE TABLE {Check} AS message_analytics_archive", ct);
        try
        {
            parquet.Position = 0;
            await client.ImportAsync($"INSERT INTO {Check} FORMAT Parquet", parquet, ct);
            var found = await SumsAsync($"SELECT {Sums} FROM {Check} FINAL WHERE month = '{first}'", ct);
            if (found != sums)
            {
                throw new ArchiveFault($"{key} holds {found} instead of {sums}; nothing is deleted.");
            }
        }
        finally
        {
            await client.ExecuteAsync($"DROP TABLE IF EXISTS {Check} SYNC", CancellationToken.None);
        }
    }

    private async Task<MonthSums> SumsAsync(string sql, CancellationToken ct) => (await client.QueryAsync(sql, r =>
        new MonthSums(Convert.ToInt64(r.GetValue(0), CultureInfo.InvariantCulture), r.GetString(1),
            Convert.ToInt64(r.GetValue(2), CultureInfo.InvariantCulture)), ct))[0];

    private sealed record MonthSums(long Count, string Cost, long Ai);
}
