using System.Globalization;
using Npgsql;

namespace Bsp.Benchmarks;

/// <summary>
/// Messages of three years ago in one organization, ten a conversation within the hour, every other one of ours, with the events that hold
/// their words. Made by PostgreSQL itself.
/// </summary>
internal static class RetentionData
{
    public const int MessagesOfOne = 10;

    /// <param name="from">Numbers of the messages.</param>
    public static async Task FillAsync(string admin, Guid organization, Guid account, long from, long to, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(admin);
        await connection.OpenAsync(ct);
        await ExecuteAsync(connection, Statements().Replace("{organization}", organization.ToString(), StringComparison.Ordinal)
            .Replace("{account}", account.ToString(), StringComparison.Ordinal)
            .Replace("{from}", from.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{to}", to.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal), ct);
    }

    /// <summary>The numbers go on behind the messages, and the views have read all of them.</summary>
    public static async Task EndAsync(string admin, long messages, string projection, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(admin);
        await connection.OpenAsync(ct);
        await ExecuteAsync(connection, $"""
            SELECT setval('mt_events_sequence', {messages});
            INSERT INTO bsp.projections (name, sequence) VALUES ('{projection}', {messages})
            ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence;
            ANALYZE documents.messages; ANALYZE documents.conversations; ANALYZE mt_events; ANALYZE mt_streams;
            """, ct);
    }

    public static async Task<T> ScalarAsync<T>(string admin, string sql, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(admin);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        return (T)(await command.ExecuteScalarAsync(ct))!;
    }

    private static string Statements()
    {
        using var reader = new StreamReader(typeof(RetentionData).Assembly.GetManifestResourceStream("retention_fill.sql")
            ?? throw new InvalidOperationException("retention_fill.sql is not embedded in the assembly."));
        return reader.ReadToEnd();
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(ct);
    }
}
