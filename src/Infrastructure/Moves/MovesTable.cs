using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Moves;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Moves;

/// <summary>Asks a worker of this process to look for moves.</summary>
public sealed class MoveSignal : WorkSignal;

/// <summary><c>bsp.moves</c> in the directory.</summary>
public sealed class MovesTable(Shards shards, MoveSignal signal, BspOptions options, TimeProvider clock) : IMoves
{
    internal const string Columns = """
        id, organization_id, source, target, state, epoch, events, events_total, rows, refused_ms, freezes, hash, checks::text, error,
        asked_at, changed_at, switched_at, cancel
        """;

    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(2);

    public async Task<IReadOnlyList<ShardView>> ShardsAsync(CancellationToken ct)
    {
        var living = (await RowsAsync("SELECT shard, count(*) FROM bsp.directory_organizations GROUP BY shard", r =>
            (Name: r.GetString(0), Count: r.GetInt64(1)), ct)).ToDictionary(s => s.Name, s => s.Count);
        return await Task.WhenAll(shards.All.Select(shard => ShardAsync(shard, living.GetValueOrDefault(shard.Name), ct)));
    }

    public async Task<MoveView> BeginAsync(Guid organizationId, string target, CancellationToken ct)
    {
        var home = (await RowsAsync("SELECT shard, epoch FROM bsp.directory_organizations WHERE organization_id = $1", r =>
            (Shard: r.GetString(0), Epoch: r.GetInt32(1)), ct, organizationId)) is [var found] ? found
            : throw new Refusal("organization.unknown", "There is no such organization.");
        if (shards.All.All(s => s.Name != target))
        {
            throw new Refusal("shard.unknown",
                $"There is no shard '{target}': Bsp:Shards names {string.Join(", ", shards.All.Select(s => s.Name))}.");
        }

        if (await FindAsync(organizationId, ct) is { } last && last.State is not ("living" or "dropped" or "cancelled"))
        {
            return last.Target == target ? last
                : throw new Refusal("move.running", $"It is on its way to shard '{last.Target}': cancel that move first.");
        }

        if (options.Mongo is not null)
        {
            throw new Refusal("move.documents_in_mongo",
                "Documents lie in MongoDB, which a move does not take along: an organization moves where they lie in PostgreSQL.");
        }

        if (home.Shard == target)
        {
            throw new Refusal("move.same_shard", $"It lives on shard '{target}' already.");
        }

        var now = clock.GetUtcNow().UtcDateTime;
        try
        {
            // What an earlier move left there is cleared away by this one.
            await RowsAsync("""
                WITH before AS (UPDATE bsp.moves SET state = 'dropped', changed_at = $6 WHERE organization_id = $2 AND state = 'living'
                  AND source = $4)
                INSERT INTO bsp.moves (id, organization_id, source, target, state, epoch, asked_at, changed_at, due_at)
                VALUES ($1, $2, $3, $4, 'planned', $5, $6, $6, $6)
                """, _ => 0, ct, Uuid.New(), organizationId, home.Shard, target, home.Epoch, now);
        }
        catch (PostgresException raced) when (raced.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            return await BeginAsync(organizationId, target, ct); // somebody asked at the same moment
        }

        signal.Raise();
        return (await FindAsync(organizationId, ct))!;
    }

    public async Task<MoveView?> FindAsync(Guid organizationId, CancellationToken ct) => (await RowsAsync(
        $"SELECT {Columns} FROM bsp.moves WHERE organization_id = $1 ORDER BY asked_at DESC, id DESC LIMIT 1", Row, ct, organizationId))
        .FirstOrDefault();

    public async Task<MoveView> CancelAsync(Guid organizationId, CancellationToken ct)
    {
        var last = await FindAsync(organizationId, ct) ?? throw new Refusal("move.unknown", "The organization never moved.");
        if (last.State is "switched" or "living" or "dropped")
        {
            throw new Refusal("move.switched", $"It lives on shard '{last.Target}' already: move it back instead.");
        }

        await RowsAsync("""
            UPDATE bsp.moves SET cancel = true, due_at = $2 WHERE id = $1 AND state IN ('planned', 'copying', 'following', 'frozen',
              'proven')
            """, _ => 0, ct, last.Id, clock.GetUtcNow().UtcDateTime);
        signal.Raise();
        return (await FindAsync(organizationId, ct))!;
    }

    /// <summary>A statement over moves in the directory.</summary>
    internal async Task<List<T>> RowsAsync<T>(string sql, Func<NpgsqlDataReader, T> map, CancellationToken ct, params object?[] arguments)
    {
        await using var connection = await shards.Directory.OpenConnectionAsync(ct);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new("SELECT set_config('bsp.platform', 'on', true)"));
        var command = new NpgsqlBatchCommand(sql);
        Tenancy.Bind(command.Parameters, arguments);
        batch.BatchCommands.Add(command);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.NextResultAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(map(reader));
        }

        return rows;
    }

    internal static MoveView Row(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetGuid(1), r.GetString(2), r.GetString(3), r.GetString(4), r.GetInt32(5), r.GetInt64(6), r.GetInt64(7),
            r.GetInt64(8), r.IsDBNull(9) ? null : r.GetInt32(9), r.GetInt32(10),
            r.IsDBNull(11) ? null : Convert.ToHexStringLower(r.GetFieldValue<byte[]>(11)),
            r.IsDBNull(12) ? null : JsonSerializer.Deserialize<Dictionary<string, long>>(r.GetString(12)), r.TextOrNull(13),
            r.GetFieldValue<DateTimeOffset>(14), r.GetFieldValue<DateTimeOffset>(15),
            r.IsDBNull(16) ? null : r.GetFieldValue<DateTimeOffset>(16));

    private static async Task<ShardView> ShardAsync(Shard shard, long organizations, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(AnswerMax);
        try
        {
            await using var command = shard.App.CreateCommand("""
                SELECT pg_database_size(current_database()), CASE WHEN is_called THEN last_value ELSE 0 END FROM public.mt_events_sequence
                """);
            await using var reader = await command.ExecuteReaderAsync(patience.Token);
            await reader.ReadAsync(patience.Token);
            return new(shard.Name, organizations, reader.GetInt64(0), reader.GetInt64(1), null);
        }
        catch (Exception away) when (!ct.IsCancellationRequested
            && away is NpgsqlException or TimeoutException or OperationCanceledException)
        {
            return new(shard.Name, organizations, null, null, "It does not answer.");
        }
    }

    internal static NpgsqlParameter Nullable(NpgsqlDbType type, object? value) =>
        new() { NpgsqlDbType = type, Value = value ?? DBNull.Value };
}
