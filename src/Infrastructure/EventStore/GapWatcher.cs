using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.EventStore;

/// <summary>
/// Finds the end of what is final without the writers' cooperation. Whoever draws a number holds a lock on the sequence until its
/// transaction ends: so when everybody
/// who held one at a moment is gone, all numbers drawn before that moment are visible or will never exist. In between, a run without a hole
/// is final too.
/// It never goes beyond an event that is committed: a number that was only drawn may be given out again after a crash
/// (docs/decisions/0122).
/// Not for writers that draw numbers outside the inserting transaction (Marten's Rich mode), nor for a sequence with a cache.
/// </summary>
internal sealed class GapWatcher
{
    private const int RunRowsMax = 5_000;

    private readonly SemaphoreSlim one = new(1, 1);
    private long final;
    private long candidate;
    [Application.Common.Bounded("transactions that append at this moment")]
    private HashSet<string>? holders;

    /// <summary>Everything up to the returned number is final for a snapshot taken after this call.</summary>
    public async Task<long> FinalAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await one.WaitAsync(ct);
        try
        {
            // The last number first, then the holders: whoever draws later draws higher.
            var drawn = await DrawnNumbersAsync(connection, ct);
            if (drawn == final)
            {
                return final;
            }

            var now = await HoldersAsync(connection, ct);
            holders?.IntersectWith(now);
            if (holders is { Count: 0 })
            {
                (final, holders) = (Math.Max(final, candidate), null);
            }

            if (now.Count == 0)
            {
                (final, holders) = (Math.Max(final, await CommittedAsync(connection, drawn, ct)), null);
            }
            else if (holders is null && final < drawn)
            {
                (candidate, holders) = (await CommittedAsync(connection, drawn, ct), now);
            }

            return final = final < drawn ? await RunAsync(connection, ct) : final;
        }
        finally
        {
            one.Release();
        }
    }

    private async Task<long> RunAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand("SELECT bsp.run_without_gap($1, $2)", connection);
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = final });
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Integer, Value = RunRowsMax });
        return (long)(await command.ExecuteScalarAsync(ct))!;
    }

    private static async Task<long> CommittedAsync(NpgsqlConnection connection, long upTo, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand("SELECT bsp.last_event($1)", connection);
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = upTo });
        return (long)(await command.ExecuteScalarAsync(ct))!;
    }

    private static async Task<long> DrawnNumbersAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var command =
            new NpgsqlCommand("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM public.mt_events_sequence", connection);
        return (long)(await command.ExecuteScalarAsync(ct))!;
    }

    private static async Task<HashSet<string>> HoldersAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        const string sql = """
            SELECT virtualtransaction FROM pg_locks
             WHERE locktype = 'relation' AND relation = 'public.mt_events_sequence'::regclass AND mode = 'RowExclusiveLock' AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """;
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var found = new HashSet<string>();
        while (await reader.ReadAsync(ct))
        {
            found.Add(reader.GetString(0));
        }

        return found;
    }
}
