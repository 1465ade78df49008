using System.Globalization;
using Bsp.Application.Common;
using Bsp.Application.Webhooks;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Webhooks;

/// <inheritdoc cref="ISetAsideWebhooks"/>
public sealed class SetAsideWebhooks(Shards shards, TimeProvider clock) : ISetAsideWebhooks
{
    public async Task<Page<SetAsideWebhook>> ListAsync(string? cursor, int limit, CancellationToken ct)
    {
        var rows = await ReadAsync("""
            SELECT id, lane, journal_id, received_at, signature, field, part, reason, error, attempts, next_at, set_aside_at, tried_at FROM bsp.webhook_set_aside WHERE id > $1 ORDER BY id LIMIT $2
            """, cursor is null ? 0 : Number(cursor), limit, r => new SetAsideWebhook(r.GetInt64(0), r.GetGuid(1) is var lane && lane == Guid.Empty ? null : lane, r.GetInt64(2), r.GetDateTime(3), r.GetString(4),
                r.GetString(5), r.GetString(6), r.GetString(7), r.TextOrNull(8), r.GetInt32(9), r.TimeOrNull(10), r.GetDateTime(11),
                r.GetDateTime(12)), ct);
        return PageOf(rows, limit, row => row.Id);
    }

    public async Task<Page<WebhookNote>> NotesAsync(string? cursor, int limit, CancellationToken ct)
    {
        var rows = await ReadAsync(
            "SELECT id, journal_id, received_at, field, reason, detail, noted_at FROM bsp.webhook_notes WHERE id < $1 ORDER BY id DESC LIMIT $2",
            cursor is null ? long.MaxValue : Number(cursor), limit,
            r => new WebhookNote(r.GetInt64(0), r.GetInt64(1), r.GetDateTime(2), r.TextOrNull(3), r.GetString(4), r.TextOrNull(5),
                r.GetDateTime(6)), ct);
        return PageOf(rows, limit, row => row.Id);
    }

    public async Task<int> RetryAsync(long? id, CancellationToken ct)
    {
        await using var command =
            shards.Directory.CreateCommand($"UPDATE bsp.webhook_set_aside SET next_at = $1{(id is null ? "" : " WHERE id = $2")}");
        command.Parameters.Add(new() { Value = clock.GetUtcNow().UtcDateTime });
        if (id is { } one)
        {
            command.Parameters.Add(new() { Value = one });
        }

        var count = await command.ExecuteNonQueryAsync(ct);
        return count > 0 || id is null ? count
            : throw new Refusal("webhook.unknown", "Nothing of this number is set aside: it was carried out, or dropped with its age.");
    }

    private async Task<List<T>> ReadAsync<T>(string sql, long after, int limit, Func<NpgsqlDataReader, T> read, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand(sql);
        command.Parameters.Add(new() { Value = after });
        command.Parameters.Add(new() { Value = limit + 1 });
        var rows = new List<T>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    private static long Number(string cursor) => long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number : throw new Refusal("cursor.invalid", "This cursor is not one of ours. Start again without it.");

    private static Page<T> PageOf<T>(List<T> rows, int limit, Func<T, long> id) =>
        rows.Count <= limit ? new(rows, null) : new([.. rows.Take(limit)], id(rows[limit - 1]).ToString(CultureInfo.InvariantCulture));
}
