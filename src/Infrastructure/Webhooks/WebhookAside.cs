using Bsp.Infrastructure.Common;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// Rows of <c>bsp.webhook_set_aside</c>: parts of webhooks that were not carried out, tried again by themselves a few times and then when a
/// person says so.
/// </summary>
internal static class WebhookAside
{
    // Of one lane, and of all: one organization's flood of them does not delay the others'.
    private const int RowsOfLaneMax = 10;
    private const int LanesMax = 100;
    private const int RowsMax = 100;

    private static readonly TimeSpan PostponedFor = TimeSpan.FromSeconds(2);

    /// <summary>Pauses before the next attempt, by attempts that failed; after them it waits for a person.</summary>
    internal static readonly TimeSpan[] Pauses = [TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(10), TimeSpan.FromHours(1)];

    private const string TakeSql = """
        WITH RECURSIVE lanes AS (
          (SELECT a.lane, 1 AS n FROM bsp.webhook_set_aside a WHERE a.next_at IS NOT NULL ORDER BY a.lane LIMIT 1)
          UNION ALL
          SELECT (SELECT a.lane FROM bsp.webhook_set_aside a WHERE a.lane > l.lane AND a.next_at IS NOT NULL ORDER BY a.lane LIMIT 1), l.n + 1 FROM lanes l WHERE l.lane IS NOT NULL AND l.n < $2),
        due AS MATERIALIZED (
          SELECT d.id, d.size, row_number() OVER (ORDER BY d.nth_of_lane, l.n) AS nth FROM lanes l
           CROSS JOIN LATERAL (SELECT k.id, k.size, row_number() OVER (ORDER BY k.next_at) AS nth_of_lane FROM (
             SELECT a.id, octet_length(a.body) AS size, a.next_at FROM bsp.webhook_set_aside a WHERE a.lane = l.lane AND a.next_at <= $1 ORDER BY a.next_at LIMIT $3 FOR UPDATE SKIP LOCKED) k) d
           WHERE l.lane IS NOT NULL AND l.lane <> ALL ($6) ORDER BY nth LIMIT $4),
        sized AS MATERIALIZED (SELECT d.id, d.nth, sum(d.size) OVER (ORDER BY d.nth) AS bytes FROM due d)
        DELETE FROM bsp.webhook_set_aside WHERE id = ANY (ARRAY(SELECT id FROM sized WHERE nth = 1 OR bytes <= $5))
        RETURNING id, journal_id, received_at, organization_id, body_sha256, body, signature, lane, attempts, set_aside_at
        """;

    /// <summary>
    /// Takes what is due, of every lane alike; what is not carried out must be kept again before the transaction commits.
    /// </summary>
    /// <param name="resting">Lanes that are left alone.</param>
    public static async Task<List<Journaled>> TakeAsync(NpgsqlConnection connection, DateTimeOffset now, Guid[] resting,
        CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(TakeSql, connection)
        {
            Parameters =
            {
                new() { Value = now.UtcDateTime }, new() { Value = LanesMax }, new() { Value = RowsOfLaneMax }, new() { Value = RowsMax },
                    new() { Value = (long)WebhookInbox.PageBytesMax },
                new() { Value = resting },
            },
        };
        var taken = new List<Journaled>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            taken.Add(new(reader.GetInt64(1), reader.GetDateTime(2), reader.IsDBNull(3) ? null
                : reader.GetGuid(3), reader.GetString(4), ReadableJson.Parse(reader, 5))
            {
                SignedBy = reader.GetString(6), Lane = reader.GetGuid(7),
                    From = new(reader.GetInt64(0), reader.GetInt32(8), reader.GetDateTime(9)),
            });
        }

        return taken;
    }

    /// <summary>Keeps what was not carried out; a part that was aside already keeps its number.</summary>
    public static async Task KeepAsync(NpgsqlConnection connection, IReadOnlyList<SetAside> parts, DateTimeOffset now, CancellationToken ct)
    {
        if (parts.Count == 0)
        {
            return;
        }

        await using var batch = new NpgsqlBatch(connection);
        var kept = new HashSet<long>();
        foreach (var aside in parts)
        {
            var (webhook, from) = (aside.Parts[0].Webhook, aside.Parts[0].Webhook.From);
            var attempts = (from?.Attempts ?? 0) + (aside.Error is null ? 0 : 1);
            var command = new NpgsqlBatchCommand("""
                INSERT INTO bsp.webhook_set_aside (id, lane, journal_id, received_at, organization_id, signature, body_sha256, field, part, body, reason, error, attempts, next_at, set_aside_at, tried_at)
                VALUES (coalesce($1, nextval(pg_get_serial_sequence('bsp.webhook_set_aside', 'id'))), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
                """);
            command.Parameters.AddRange((NpgsqlParameter[])
            [
                Of(NpgsqlDbType.Bigint, from is not null && kept.Add(from.Id) ? from.Id : null), Of(NpgsqlDbType.Uuid, webhook.Lane),
                    Of(NpgsqlDbType.Bigint, webhook.Id),
                Of(NpgsqlDbType.TimestampTz, webhook.ReceivedAt), Of(NpgsqlDbType.Uuid, webhook.OrganizationId),
                Of(NpgsqlDbType.Text, webhook.SignedBy), Of(NpgsqlDbType.Text, webhook.BodySha256),
                Of(NpgsqlDbType.Text, aside.Parts[0].Change.Field), Of(NpgsqlDbType.Text, WebhookPart.Name(aside.Parts)),
                Of(NpgsqlDbType.Bytea, WebhookPart.Body(aside.Parts)),
                Of(NpgsqlDbType.Text, aside.Error is null ? "postponed" : "failed"), Of(NpgsqlDbType.Text, aside.Error),
                Of(NpgsqlDbType.Integer, attempts),
                Of(NpgsqlDbType.TimestampTz, NextAt(aside, attempts, now)?.UtcDateTime),
                Of(NpgsqlDbType.TimestampTz, from?.SetAsideAt ?? now.UtcDateTime), Of(NpgsqlDbType.TimestampTz, now.UtcDateTime),
            ]);
            batch.BatchCommands.Add(command);
        }

        await batch.ExecuteNonQueryAsync(ct);
    }

    private static DateTimeOffset? NextAt(SetAside aside, int attempts, DateTimeOffset now) =>
        aside.Error is null ? now + PostponedFor : attempts <= Pauses.Length || aside.Passes
        ? now + Pauses[Math.Min(attempts, Pauses.Length) - 1] : null;

    private static NpgsqlParameter Of(NpgsqlDbType type, object? value) => new() { NpgsqlDbType = type, Value = value ?? DBNull.Value };
}
