using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Ai;

/// <summary>There is something to read or to answer.</summary>
public sealed class AiSignal : WorkSignal;

/// <param name="Sequence">Place in the log of its last message.</param>
internal sealed record Burst(Guid ConversationId, Guid AccountId, Guid ContactId, DateTimeOffset FirstAt, long Sequence, Guid[] Messages,
    int Attempts);

/// <summary><c>bsp.ai_turns</c>, <c>bsp.ai_work</c> and <c>bsp.ai_bursts</c>: whose turn it is, and what there is to do.</summary>
internal static class AiTurns
{
    private const int DroppedAtOnce = 5_000;

    /// <summary>Takes organizations whose turn it is; whoever is killed loses them at <paramref name="until"/>.</summary>
    public static async Task<List<Guid>> TakeAsync(Shard shard, DateTimeOffset now, DateTimeOffset until, int limit, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT organization_id FROM bsp.take_ai_turns($1, $2, $3)");
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        command.Parameters.Add(new() { Value = until.UtcDateTime });
        command.Parameters.Add(new() { Value = limit });
        var taken = new List<Guid>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            taken.Add(reader.GetGuid(0));
        }

        return taken;
    }

    /// <summary>Gives the turn back: it comes again when the next of its work is due. What comes in meanwhile waits for the row.</summary>
    public static async Task EndAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(organizationId, ct);
        await tx.QueryAsync("SELECT 1 FROM bsp.ai_turns WHERE organization_id = $1 FOR UPDATE", _ => 0, ct, organizationId);
        await tx.ExecuteAsync("""
            UPDATE bsp.ai_turns SET leased_until = NULL, due_at = least(
              (SELECT due_at FROM bsp.ai_work WHERE organization_id = $1 ORDER BY due_at LIMIT 1),
              (SELECT due_at FROM bsp.ai_bursts WHERE organization_id = $1 ORDER BY due_at LIMIT 1)) WHERE organization_id = $1
            """, ct, organizationId);
        await tx.CommitAsync(ct);
    }

    /// <summary>Nothing of it is read or answered (any more).</summary>
    public static async Task DropAsync(Shard shard, Guid organizationId, bool burstsOnly, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(organizationId, ct);
        foreach (var (table, key) in burstsOnly ? [("bsp.ai_bursts", "conversation_id")]
            : new[] { ("bsp.ai_work", "message_id"), ("bsp.ai_bursts", "conversation_id") })
        {
            await tx.ExecuteAsync($"""
                DELETE FROM {table}
                 WHERE {key} IN (SELECT {key} FROM {table} WHERE organization_id = $1 ORDER BY due_at LIMIT {DroppedAtOnce})
                """, ct, organizationId);
        }

        await tx.CommitAsync(ct);
    }

    /// <summary>Messages that are to be read now, those that wait longest first.</summary>
    public static Task<List<(Guid Message, int Attempts)>> WorkAsync(Shard shard, Guid organizationId, DateTimeOffset now, int limit,
        CancellationToken ct) => shard.QueryAsync(organizationId,
        "SELECT message_id, attempts FROM bsp.ai_work WHERE organization_id = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3",
        r => (r.GetGuid(0), r.GetInt32(1)), ct, organizationId, now.UtcDateTime, limit);

    /// <summary>They are not read.</summary>
    public static Task DoneAsync(Shard shard, Guid organizationId, IReadOnlyCollection<Guid> messages, CancellationToken ct) =>
        messages.Count == 0 ? Task.CompletedTask : shard.QueryAsync(organizationId,
        "DELETE FROM bsp.ai_work WHERE message_id = ANY ($1)", _ => 0, ct, messages.ToArray());

    /// <summary>It is tried again later.</summary>
    public static Task LaterAsync(Shard shard, Guid organizationId, Guid message, DateTimeOffset due, CancellationToken ct) =>
        shard.QueryAsync(organizationId, "UPDATE bsp.ai_work SET due_at = $2, attempts = attempts + 1 WHERE message_id = $1", _ => 0, ct,
        message, due.UtcDateTime);

    /// <summary>Bursts that are to be decided on now.</summary>
    public static Task<List<Burst>> BurstsAsync(Shard shard, Guid organizationId, DateTimeOffset now, int limit, CancellationToken ct) =>
        shard.QueryAsync(organizationId, $"{Select} WHERE organization_id = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3", Read, ct,
        organizationId, now.UtcDateTime, limit);

    /// <summary>As it is now; null: there is none any more.</summary>
    public static Task<Burst?> BurstAsync(Shard shard, Guid organizationId, Guid conversationId, CancellationToken ct) =>
        shard.FirstAsync(organizationId, $"{Select} WHERE conversation_id = $1 AND (organization_id = $2) IS TRUE", Read, ct,
        conversationId, organizationId);

    /// <summary>Nothing is decided on it: it goes, unless more came meanwhile.</summary>
    public static Task DropAsync(Shard shard, Guid organizationId, Burst burst, CancellationToken ct) => shard.QueryAsync(organizationId,
        "DELETE FROM bsp.ai_bursts WHERE conversation_id = $1 AND sequence = $2", _ => 0, ct, burst.ConversationId, burst.Sequence);

    /// <summary>It is decided on later.</summary>
    public static Task LaterAsync(Shard shard, Guid organizationId, Burst burst, DateTimeOffset due, CancellationToken ct) =>
        shard.QueryAsync(organizationId,
        "UPDATE bsp.ai_bursts SET due_at = $3, attempts = attempts + 1 WHERE conversation_id = $1 AND sequence = $2", _ => 0, ct,
        burst.ConversationId, burst.Sequence, due.UtcDateTime);

    /// <summary>Whether some of these are still to be read.</summary>
    public static async Task<bool> AnyWorkAsync(Shard shard, Guid organizationId, Guid[] messages, CancellationToken ct) =>
        (await shard.QueryAsync(organizationId, "SELECT 1 FROM bsp.ai_work WHERE message_id = ANY ($1) LIMIT 1", _ => 1, ct, messages))
        .Count > 0;

    private const string Select =
        "SELECT conversation_id, account_id, contact_id, first_at, sequence, messages, attempts FROM bsp.ai_bursts";

    private static Burst Read(NpgsqlDataReader r) => new(r.GetGuid(0), r.GetGuid(1), r.GetGuid(2),
        r.GetFieldValue<DateTimeOffset>(3), r.GetInt64(4), r.GetFieldValue<Guid[]>(5), r.GetInt32(6));
}
