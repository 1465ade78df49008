using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Sealing;

/// <summary>
/// Seals each day of the log that is over: a Merkle root for each organization over its events, linked to the one before and signed. One
/// process a shard, day after day in order, each in one
/// transaction, so a killed one leaves nothing. A day is a run of numbers: from where the day before ended to the last final event that is
/// older than midnight. What comes later, whatever its
/// time, belongs to the next day. Decision: docs/decisions/0186.
/// </summary>
public sealed partial class LogSealer(Shards shards, LogReaders readers, LogSigner signer, TimeProvider clock, ILogger<LogSealer> log)
    : ShardSweep(shards, clock, TimeSpan.FromSeconds(30))
{
    private const int LockKey = 0x5365_616C; // "Seal"
    private const int ChunkLeaves = 1_000;
    private const int TenantsAtOnce = 200;

    /// <summary>
    /// After midnight, for writers whose clock is behind or whose transaction takes long. What comes later still belongs to the next day.
    /// </summary>
    internal static readonly TimeSpan Grace = TimeSpan.FromMinutes(10);

    /// <summary>Seals what is due on one shard; how many days. 0 also when another process is at it.</summary>
    public override async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        for (var days = 0; ; days++)
        {
            if (await SealNextAsync(shard, ct) is not { } sealedDay)
            {
                return days;
            }

            LogSealed(sealedDay.Day, shard.Name, sealedDay.Events, sealedDay.Tenants);
        }
    }

    private async Task<DayHead?> SealNextAsync(Shard shard, CancellationToken ct)
    {
        var final = await readers.Of(shard).EndAsync(ct); // before the first look: everything up to here is visible to what follows
        await using var connection = await shard.App.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (!(bool)(await ScalarAsync(connection, "SELECT pg_try_advisory_xact_lock($1)", ct, (long)LockKey))!)
        {
            return null;
        }

        // what is on its way here from another shard lies below what is drawn, and is sealed when it is complete
        final = await ScalarAsync(connection, "SELECT bsp.arriving_from()", ct) is long arriving ? Math.Min(final, arriving - 1) : final;
        var last = (await QueryAsync(connection, $"SELECT {DayHead.Columns} FROM bsp.log_days ORDER BY n DESC LIMIT 1", DayHead.Read, ct))
            .FirstOrDefault();
        if (await NextAsync(connection, last, final, ct) is not { } next)
        {
            return null;
        }

        await LogKeys.IntroduceAsync(connection, signer, ct);
        var day = await SealAsync(connection, next, last, ct);
        await transaction.CommitAsync(ct);
        return day;
    }

    // Days without an event have no row. An event whose time lies in the past or the future of its neighbours moves no border but forwards,
    // and never beyond yesterday.
    private async Task<(DateOnly Day, long After, long UpTo)?> NextAsync(NpgsqlConnection connection, DayHead? last, long final,
        CancellationToken ct)
    {
        var yesterday = DateOnly.FromDateTime((Clock.GetUtcNow() - Grace).UtcDateTime).AddDays(-1);
        var after = last?.UpTo ?? 0;
        if (last?.Day >= yesterday
            || await ScalarAsync(connection, "SELECT bsp.first_sealable($1, $2)", ct, after, final) is not DateTime first)
        {
            return null;
        }

        var day = DateOnly.FromDateTime(first);
        day = last is not null && day <= last.Day ? last.Day.AddDays(1) : day;
        day = day > yesterday ? yesterday : day;
        var before = day.AddDays(1).ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc);
        return await ScalarAsync(connection, "SELECT bsp.last_sealable($1, $2, $3)", ct, after, final, before) is long upTo
            ? (day, after, upTo) : null;
    }

    private async Task<DayHead> SealAsync(NpgsqlConnection connection, (DateOnly Day, long After, long UpTo) next, DayHead? last,
        CancellationToken ct)
    {
        var (now, events) = (Microseconds(Clock.GetUtcNow().UtcDateTime), 0L);
        var roots = new SortedDictionary<string, MerkleRoot>(StringComparer.Ordinal);
        await using (var chunks = new LeafChunks(connection, next.Day))
        {
            await foreach (var (leaf, tenant) in LogLeaves.ReadAsync(connection, next.After, next.UpTo, tenant: null, ct))
            {
                (roots.TryGetValue(tenant, out var root) ? root : roots[tenant] = new()).Add(leaf.Hash.Span);
                await chunks.AddAsync(leaf, ct);
                events++;
            }

            await chunks.FlushAsync(ct);
        }

        var all = new MerkleRoot();
        foreach (var head in await SealTenantsAsync(connection, next.Day, roots, now, ct))
        {
            all.Add(head);
        }

        var day = new DayHead(next.Day, (last?.N ?? 0) + 1, next.After, next.UpTo, events, roots.Count, all.Root(), last?.Head
            ?? NoHead.Bytes, now);
        var content = day.Content();
        day = day with { Head = content.Sha256(), Signed = signer.Sign(content.Bytes) };
        await ExecuteAsync(connection,
            $"INSERT INTO bsp.log_days ({DayHead.Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", ct,
            day.Day, day.N, day.After, day.UpTo, day.Events, day.Tenants, day.Root, day.Previous, day.SealedAt, day.Head, day.Signed.KeyId,
            day.Signed.Signature);
        return day;
    }

    // Heads in the order of the tenants' names. Some at a time: row-level security looks each row up in the list of those whom the
    // transaction may see.
    private async Task<List<byte[]>> SealTenantsAsync(NpgsqlConnection connection, DateOnly day,
        SortedDictionary<string, MerkleRoot> roots, DateTime now, CancellationToken ct)
    {
        var before = (await QueryAsync(connection, "SELECT * FROM bsp.read_seals(NULL)", TenantHead.Read, ct))
            .ToDictionary(head => head.Tenant);
        var heads = new List<byte[]>(roots.Count);
        foreach (var some in roots.Chunk(TenantsAtOnce))
        {
            var acts = await ActsAsync(connection,
                [.. some.Select(s => s.Key).Where(name => Guid.TryParse(name, out _)).Select(Guid.Parse)], ct);
            await ScalarAsync(connection, "SELECT set_config('bsp.tenants', $1, true)", ct, string.Join(',', some.Select(s => s.Key)));
            foreach (var (tenant, root) in some)
            {
                heads.Add(await SealTenantAsync(connection, tenant, day, root, before.GetValueOrDefault(tenant),
                    acts.GetValueOrDefault(tenant, (0, NoHead.Bytes)), now, ct));
            }
        }

        return heads;
    }

    private static async Task<Dictionary<string, (long, byte[])>> ActsAsync(NpgsqlConnection connection, Guid[] organizations,
        CancellationToken ct)
    {
        await ScalarAsync(connection, "SELECT set_config('bsp.tenants', $1, true)", ct, string.Join(',', organizations));
        return (await QueryAsync(connection, "SELECT organization_id, position, hash FROM bsp.audit_heads WHERE organization_id = ANY ($1)",
            r => (r.GetGuid(0).ToString(), (r.GetInt64(1), r.GetFieldValue<byte[]>(2))), ct, organizations)).ToDictionary();
    }

    private async Task<byte[]> SealTenantAsync(NpgsqlConnection connection, string tenant, DateOnly day, MerkleRoot root,
        TenantHead? before, (long Number, byte[] Hash) acts, DateTime now, CancellationToken ct)
    {
        var head = new TenantHead(tenant, day, (before?.N ?? 0) + 1, root.Leaves, root.Root(), before?.Head
            ?? NoHead.Bytes, acts.Number, acts.Hash, now);
        var content = head.Content();
        head = head with { Head = content.Sha256(), Signed = signer.Sign(content.Bytes) };
        await ExecuteAsync(connection,
            $"INSERT INTO bsp.log_seals ({TenantHead.Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", ct,
            head.Tenant, head.Day, head.N, head.Events, head.Root, head.Previous, head.Acts, head.ActsHash, head.SealedAt, head.Head,
            head.Signed.KeyId, head.Signed.Signature);
        return head.Head;
    }

    private static DateTime Microseconds(DateTime time) => new(time.Ticks - (time.Ticks % TimeSpan.TicksPerMicrosecond), DateTimeKind.Utc);

    internal static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql, CancellationToken ct,
        params object[] arguments)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        Tenancy.Bind(command.Parameters, arguments);
        return await command.ExecuteScalarAsync(ct);
    }

    internal static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct, params object[] arguments)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        Tenancy.Bind(command.Parameters, arguments);
        await command.ExecuteNonQueryAsync(ct);
    }

    internal static async Task<List<T>> QueryAsync<T>(NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> map,
        CancellationToken ct, params object[] arguments)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        Tenancy.Bind(command.Parameters, arguments);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(map(reader));
        }

        return rows;
    }

    // Leaves as they are kept, some in one row.
    private sealed class LeafChunks(NpgsqlConnection connection, DateOnly day) : IAsyncDisposable
    {
        private readonly byte[] records = new byte[ChunkLeaves * Leaf.RecordBytes];
        private readonly NpgsqlCommand insert =
            new("INSERT INTO bsp.log_leaves (day, chunk, records) VALUES ($1, $2, $3)",
                connection) { Parameters = { new() { Value = day }, new(), new() } };
        private int count;
        private int chunk;

        public async ValueTask AddAsync(Leaf leaf, CancellationToken ct)
        {
            leaf.Write(records.AsSpan(count * Leaf.RecordBytes));
            if (++count == ChunkLeaves)
            {
                await FlushAsync(ct);
            }
        }

        public async Task FlushAsync(CancellationToken ct)
        {
            if (count > 0)
            {
                (insert.Parameters[1].Value, insert.Parameters[2].Value) = (chunk++, records.AsMemory(0, count * Leaf.RecordBytes));
                await insert.ExecuteNonQueryAsync(ct);
                count = 0;
            }
        }

        public ValueTask DisposeAsync() => insert.DisposeAsync();
    }

    [LoggerMessage(Level = LogLevel.Information,
        Message = "log: {Day} of shard {Shard} is sealed: {Events} events of {Tenants} organizations")]
    private partial void LogSealed(DateOnly day, string shard, long events, int tenants);

    [LoggerMessage(Level = LogLevel.Warning, Message = "log: shard {Shard} could not be sealed; trying again in an hour")]
    protected override partial void LogFailed(Exception e, string shard);
}
