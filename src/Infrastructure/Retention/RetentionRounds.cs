using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Retention;

/// <summary>Where one kind stands on one shard.</summary>
internal sealed record RoundRow(string Kind, DateTimeOffset DueAt, DateTimeOffset? LeasedUntil, DateTimeOffset? CompletedAt, long Gone,
    long GoneTotal, int Failures, string? Error);

/// <summary>
/// <c>bsp.retention_rounds</c>: what is due, who is at it, what it came to. A round is leased for a minute at a time, so that a killed
/// process's kind is taken up by another.
/// </summary>
internal static class RetentionRounds
{
    /// <summary>Beats must come faster than this.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);

    private const int ErrorCharactersMax = 500;

    /// <summary>Makes the rows of kinds that have none.</summary>
    /// <param name="now">When they are due.</param>
    public static Task EnsureAsync(Shard shard, IEnumerable<string> kinds, DateTimeOffset now, CancellationToken ct) =>
        shard.QueryAsync(Array.Empty<Guid>(), """
            INSERT INTO bsp.retention_rounds (kind, due_at) SELECT k, $2 FROM unnest($1::text[]) AS k ON CONFLICT (kind) DO NOTHING
            """, _ => 0, ct, kinds.ToArray(), now.UtcDateTime);

    /// <summary>Leases the kind that has been due for longest; null: none is.</summary>
    /// <param name="kinds">Those that this process knows.</param>
    public static async Task<string?> TakeAsync(Shard shard, IEnumerable<string> kinds, Guid owner, DateTimeOffset now,
        CancellationToken ct) =>
        (await shard.QueryAsync(Array.Empty<Guid>(), """
            UPDATE bsp.retention_rounds r SET leased_by = $3, leased_until = $4, started_at = $2, gone = 0
             WHERE r.kind = (SELECT d.kind FROM bsp.retention_rounds d
                              WHERE d.kind = ANY ($1) AND d.due_at <= $2 AND (d.leased_until IS NULL OR d.leased_until < $2)
                              ORDER BY d.due_at, d.kind LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING r.kind
            """, r => r.GetString(0), ct, kinds.ToArray(), now.UtcDateTime, owner, (now + Lease).UtcDateTime)).FirstOrDefault();

    /// <summary>Keeps the lease and adds what went. False: another process has it by now.</summary>
    public static async Task<bool> BeatAsync(Shard shard, string kind, Guid owner, long gone, DateTimeOffset now, CancellationToken ct) =>
        (await shard.QueryAsync(Array.Empty<Guid>(), """
            UPDATE bsp.retention_rounds SET leased_until = $4, gone = gone + $3, gone_total = gone_total + $3
             WHERE kind = $1 AND leased_by = $2 RETURNING 1
            """, _ => 1, ct, kind, owner, gone, (now + Lease).UtcDateTime)).Count > 0;

    /// <summary>The round is over.</summary>
    /// <param name="error">Null: it worked.</param>
    public static Task DoneAsync(Shard shard, string kind, Guid owner, DateTimeOffset now, DateTimeOffset dueAt, string? error,
        CancellationToken ct) => shard.QueryAsync(Array.Empty<Guid>(), """
            UPDATE bsp.retention_rounds SET leased_by = NULL, leased_until = NULL, due_at = $4, error = $5,
                   failures = CASE WHEN $5 IS NULL THEN 0 ELSE failures + 1 END,
                   completed_at = CASE WHEN $5 IS NULL THEN $3 ELSE completed_at END
             WHERE kind = $1 AND leased_by = $2
            """, _ => 0, ct, kind, owner, now.UtcDateTime, dueAt.UtcDateTime, new NpgsqlParameter
        {
            NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text,
            Value = (object?)Domain.Common.Text.Cut(error, ErrorCharactersMax) ?? DBNull.Value,
        });

    /// <summary>All of them are due.</summary>
    public static Task HurryAsync(Shard shard, DateTimeOffset now, CancellationToken ct) => shard.QueryAsync(Array.Empty<Guid>(),
        "UPDATE bsp.retention_rounds SET due_at = least(due_at, $1)", _ => 0, ct, now.UtcDateTime);

    public static Task<List<RoundRow>> ListAsync(Shard shard, CancellationToken ct) => shard.QueryAsync(Array.Empty<Guid>(), """
        SELECT kind, due_at, leased_until, completed_at, gone, gone_total, failures, error FROM bsp.retention_rounds ORDER BY kind
        """, r => new RoundRow(r.GetString(0), r.GetFieldValue<DateTimeOffset>(1), r.TimeOrNull(2), r.TimeOrNull(3), r.GetInt64(4),
        r.GetInt64(5), r.GetInt32(6), r.TextOrNull(7)), ct);
}
