using System.Diagnostics;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Replicas;

/// <summary>
/// A streaming replica of one shard. It is looked at so: the shard says where its log is, and the replica has replayed that place. What was
/// committed when the shard was asked is there, so what is read there is as it was at that moment, or later.
/// </summary>
/// <param name="home">The shard that it is a replica of.</param>
/// <param name="source">Connections to the replica as <c>bsp_app</c>.</param>
internal sealed class ReadReplica(Shard home, NpgsqlDataSource source) : IAsyncDisposable
{
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(25);

    private long seenAt = long.MinValue;
    private volatile string? fault = "it was not looked at yet";

    /// <summary>The shard.</summary>
    public Shard Home => home;

    /// <summary>The same organizations, read at the replica.</summary>
    public Shard Reading { get; } = new(home.Name, home.Epoch, source);

    /// <summary>Why nothing is read there, in a sentence without addresses; null: nothing speaks against it.</summary>
    public string? Fault => fault;

    /// <summary>At most so old is what is read there; null: it is not known.</summary>
    public TimeSpan? Lag => Interlocked.Read(ref seenAt) is var at && at == long.MinValue ? null : Stopwatch.GetElapsedTime(at);

    /// <summary>Something failed there: nothing is read there until it was looked at again.</summary>
    public void Doubt(string why) => fault = why;

    /// <summary>Asks the shard how far its log is, and waits for the replica to have replayed it.</summary>
    /// <param name="max">So long at most; then the lag goes on growing.</param>
    /// <exception cref="NpgsqlException">One of the two does not answer.</exception>
    public async Task LookAsync(TimeSpan max, CancellationToken ct)
    {
        var at = Stopwatch.GetTimestamp();
        var written = await OneAsync<string>(home.App, "SELECT pg_current_wal_lsn()::text", null, ct);
        while (true)
        {
            if (await OneAsync<string>(source, """
                SELECT CASE WHEN NOT pg_is_in_recovery() THEN 'promoted'
                            WHEN pg_last_wal_replay_lsn() >= $1::pg_lsn THEN 'there' ELSE '' END
                """, written, ct) is { Length: > 0 } answer)
            {
                fault = answer == "there" ? null : "it is a replica no more: it was promoted";
                Interlocked.Exchange(ref seenAt, answer == "there" ? at : long.MinValue);
                return;
            }

            if (Stopwatch.GetElapsedTime(at) > max)
            {
                return;
            }

            await Task.Delay(LookAgainAfter, ct);
        }
    }

    public ValueTask DisposeAsync() => source.DisposeAsync();

    private static async Task<T?> OneAsync<T>(NpgsqlDataSource at, string sql, string? argument, CancellationToken ct)
    {
        await using var command = at.CreateCommand(sql);
        if (argument is not null)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        return await command.ExecuteScalarAsync(ct) is T found ? found : default;
    }
}
