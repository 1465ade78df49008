using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Bsp.Infrastructure.ClickHouse;

/// <summary>
/// Makes the database and its tables. Every statement may run again; done once per process, at first use, so that a ClickHouse that is down
/// at start is no obstacle.
/// </summary>
/// <param name="kafkaBrokers"><c>host:port,…</c>: <c>messages_kafka</c> becomes a Kafka table; null: fed by HTTP INSERT.</param>
public sealed partial class ClickHouseSchema(ClickHouseClient client, string? kafkaBrokers = null)
{
    private const string Prefix = "Bsp.Infrastructure.ClickHouse.Schema.";
    private const string Entry = "messages_kafka";

    // The views over the entry: a Kafka table gives them what cannot be read, too, and a Null table has no column that says so.
    private static readonly string[] Views = ["message_analytics_mv", "daily_marks_mv"];

    // What reports read: a month that rests becomes one part, which FINAL reads as it is.
    private static readonly string[] Counted = ["daily_stats_data", "quarter_stats_data", "quarter_totals_data", "day_stats_data"];

    // Columns that came after the first build.
    private const string Later = "ADD COLUMN IF NOT EXISTS template_id UUID, ADD COLUMN IF NOT EXISTS error_code LowCardinality(String), "
        + "ADD COLUMN IF NOT EXISTS category LowCardinality(String), ADD COLUMN IF NOT EXISTS market LowCardinality(String), "
        + "ADD COLUMN IF NOT EXISTS currency LowCardinality(String)";

    private readonly SemaphoreSlim one = new(1, 1);
    private bool done;

    /// <summary><c>messages_kafka</c> is read from brokers.</summary>
    public bool IsKafka => kafkaBrokers is { Length: > 0 };

    /// <exception cref="Bsp.Application.Common.StoreUnavailable">ClickHouse is not configured or cannot be reached.</exception>
    public async Task EnsureAsync(CancellationToken ct)
    {
        if (Volatile.Read(ref done))
        {
            return;
        }

        await one.WaitAsync(ct);
        try
        {
            if (!done)
            {
                await ApplyAsync(ct);
                Volatile.Write(ref done, true);
            }
        }
        finally
        {
            one.Release();
        }
    }

    /// <summary>After a table was found missing: the next <see cref="EnsureAsync"/> makes all again.</summary>
    public void Forget() => Volatile.Write(ref done, false);

    /// <summary>
    /// What follows INSERT INTO so that rows as <c>messages_kafka</c> takes them go straight into a table like <c>message_analytics</c>:
    /// the materialized view's own SELECT over the
    /// entry's own columns, so that there is one translation only.
    /// </summary>
    public static string DirectInsert(string table)
    {
        var (entry, tables) = (Text(Prefix + "messages_kafka.sql"), Text(Prefix + "0001_message_analytics.sql"));
        var structure = Between(entry, "messages_kafka (", ") ENGINE").ReplaceLineEndings(" ").Replace("'", "\\'", StringComparison.Ordinal)
            .Trim();
        var select = Between(tables, "TO message_analytics AS", "FROM messages_kafka;").ReplaceLineEndings(" ").Trim();
        var columns = string.Join(", ", Columns().Matches(select[6..]).Select(m => m.Groups[1].Value));
        return $"{table} ({columns}) {select} FROM input('{structure}')";
    }

    private static string Between(string text, string from, string to)
    {
        var start = text.IndexOf(from, StringComparison.Ordinal) + from.Length;
        return text[start..text.IndexOf(to, start, StringComparison.Ordinal)];
    }

    /// <summary>An embedded text of this folder.</summary>
    internal static string Text(string name)
    {
        using var reader =
            new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
                ?? throw new InvalidOperationException($"{name} is not embedded in the assembly."));
        return reader.ReadToEnd();
    }

    private async Task ApplyAsync(CancellationToken ct)
    {
        await client.ExecuteOutsideAsync($"CREATE DATABASE IF NOT EXISTS {client.Database} ENGINE = Atomic", ct);
        var before = (await client.QueryAsync(
            "SELECT name, engine, comment FROM system.tables WHERE database = currentDatabase()", row =>
                (Name: row.GetString(0), Engine: row.GetString(1), Comment: row.GetString(2)), ct)).ToDictionary(t => t.Name);
        if (await EntryAsync(before.TryGetValue(Entry, out var entry) ? (entry.Engine, entry.Comment) : null, ct))
        {
            foreach (var view in Views.Append("messages_kafka_errors_mv"))
            {
                await client.ExecuteAsync($"DROP VIEW IF EXISTS {view} SYNC", ct); // they look at a table that is no more
                before.Remove(view);
            }
        }

        foreach (var file in Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(n => n.StartsWith(Prefix + "0", StringComparison.Ordinal)
                || (IsKafka && n.EndsWith("kafka_errors.sql", StringComparison.Ordinal))).Order(StringComparer.Ordinal))
        {
            foreach (var statement in Statements().Split(Text(file)).Where(s => s.Trim().Length > 0))
            {
                await client.ExecuteAsync(OfEngine(statement), ct);
            }
        }

        await UpgradeAsync([.. before.Keys], ct);
    }

    // True: it was made anew. One of another engine goes: what a broker holds waits there, and an INSERT that finds no table is made again.
    private async Task<bool> EntryAsync((string Engine, string Comment)? known, CancellationToken ct)
    {
        var (engine, text) = (Engine(), Text(Prefix + "messages_kafka.sql").TrimEnd().TrimEnd(';'));
        var signature = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text + engine)));
        if (known is { Engine: "Null" } && !IsKafka)
        {
            await client.ExecuteAsync($"ALTER TABLE {Entry} {Later}", ct);
            return false;
        }

        if (known?.Comment == signature)
        {
            return false;
        }

        await client.ExecuteAsync($"DROP TABLE IF EXISTS {Entry} SYNC", ct);
        await client.ExecuteAsync(
            $"{text.Replace("{engine}", engine, StringComparison.Ordinal)} COMMENT '{signature}'", ct);
        return true;
    }

    // Views that lay there ask for the later columns from then on, without a moment in which rows would be lost.
    private async Task UpgradeAsync(HashSet<string> before, CancellationToken ct)
    {
        if (before.Contains("message_analytics"))
        {
            await client.ExecuteAsync($"ALTER TABLE message_analytics {Later}", ct);
        }

        foreach (var view in Views.Where(before.Contains))
        {
            var text = Between(Text(Prefix + (view == Views[0] ? "0001_message_analytics.sql" : "0005_reports.sql")), $"{view} TO", ";");
            await client.ExecuteAsync(
                $"ALTER TABLE {view} MODIFY QUERY {OfEngine(text[text.IndexOf("SELECT", StringComparison.Ordinal)..])}", ct);
        }

        foreach (var table in Counted.Where(before.Contains))
        {
            await client.ExecuteAsync($"ALTER TABLE {table} MODIFY SETTING min_age_to_force_merge_seconds = 1800, "
                + "min_age_to_force_merge_on_partition_only = 1", ct);
        }

        if (!before.Contains("people_data") || !before.Contains("daily_stats_data"))
        {
            await client.ExecuteAsync("TRUNCATE TABLE daily_counted", ct); // beside rows that are there already: they are all to be counted
            await client.ExecuteAsync(
                "INSERT INTO daily_marks (organization_id, date, at) SELECT organization_id, date, now64(3, 'UTC') FROM message_analytics "
                + "GROUP BY organization_id, date SETTINGS max_partitions_per_insert_block = 0", ct);
        }
    }

    private string OfEngine(string statement) => IsKafka && !statement.Contains("length(_error)", StringComparison.Ordinal)
        ? statement.Replace($"FROM {Entry}", $"FROM {Entry} WHERE length(_error) = 0", StringComparison.Ordinal) : statement;

    // What cannot be read is put aside by the engine, with its error: it must not stop at one.
    private string Engine() => !IsKafka ? "Null" : !Brokers().IsMatch(kafkaBrokers!)
        ? throw new InvalidOperationException("Bsp:ClickHouse:KafkaBrokers must be a comma-separated list of host:port.")
        : $"""
           Kafka SETTINGS kafka_broker_list = '{kafkaBrokers}', kafka_topic_list = '{KafkaTopic(client)}',
               kafka_group_name = 'clickhouse-{KafkaTopic(client)}', kafka_format = 'JSONEachRow', kafka_num_consumers = 1,
               kafka_flush_interval_ms = 500, kafka_max_block_size = 65536, kafka_handle_error_mode = 'stream'
           """;

    /// <summary><c>messages</c>; of another database than <c>bsp</c> a topic of its own.</summary>
    public static string KafkaTopic(ClickHouseClient client) => client.Database == "bsp" ? "messages" : $"messages-{client.Database}";

    [GeneratedRegex(@";\s*(?=\n|\z)")]
    private static partial Regex Statements();

    // The name under which each expression of a SELECT goes into the table: its alias, or itself.
    [GeneratedRegex(@"(\w+)\s*(?:,|\z)(?![^(]*\))")]
    private static partial Regex Columns();

    [GeneratedRegex(@"^[A-Za-z0-9._:,\-]+\z")]
    private static partial Regex Brokers();
}
