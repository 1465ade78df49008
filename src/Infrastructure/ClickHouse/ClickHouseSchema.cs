using System.Reflection;
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

    private readonly SemaphoreSlim one = new(1, 1);
    private bool done;

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
        return $"{table} ({string.Join(", ", Columns().Matches(select[6..]).Select(m => m.Groups[1].Value))}) {select} FROM input('{structure}')";
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
        await client.ExecuteAsync(Text(Prefix + "messages_kafka.sql").Replace("{engine}", Engine(), StringComparison.Ordinal).TrimEnd()
            .TrimEnd(';'), ct);
        foreach (var file in Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(n => n.StartsWith(Prefix + "0", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            foreach (var statement in Statements().Split(Text(file)).Where(s => s.Trim().Length > 0))
            {
                await client.ExecuteAsync(statement, ct);
            }
        }
    }

    // Broken messages are skipped and counted by the engine: it must not stop at one.
    private string Engine() => kafkaBrokers is not { Length: > 0 } ? "Null" : !Brokers().IsMatch(kafkaBrokers)
        ? throw new InvalidOperationException("Bsp:ClickHouse:KafkaBrokers must be a comma-separated list of host:port.")
        : $"""
           Kafka SETTINGS kafka_broker_list = '{kafkaBrokers}', kafka_topic_list = 'messages', kafka_group_name = 'clickhouse-message-analytics', kafka_format = 'JSONEachRow',
               kafka_num_consumers = 1, kafka_flush_interval_ms = 1000, kafka_max_block_size = 65536, kafka_skip_broken_messages = 1000
           """;

    [GeneratedRegex(@";\s*(?=\n|\z)")]
    private static partial Regex Statements();

    // The name under which each expression of a SELECT goes into the table: its alias, or itself.
    [GeneratedRegex(@"(\w+)\s*(?:,|\z)(?![^(]*\))")]
    private static partial Regex Columns();

    [GeneratedRegex(@"^[A-Za-z0-9._:,\-]+\z")]
    private static partial Regex Brokers();
}
