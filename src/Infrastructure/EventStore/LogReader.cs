using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.EventStore;

/// <summary>A run of the log, of all organizations.</summary>
/// <param name="After">Exclusive.</param>
/// <param name="UpTo">Inclusive: nothing of the asked types up to here is missing, now or later. Equal to <paramref name="After"/>: nothing
/// new is final.</param>
/// <param name="Events">In order of <c>seq_id</c>.</param>
public sealed record LogPage(long After, long UpTo, IReadOnlyList<StoredEvent> Events);

/// <summary>
/// Reads one shard's log, and of it only what is final: what is not in a page and lies below its end will never come. Decision:
/// docs/decisions/0030.
/// </summary>
public sealed partial class LogReader : IAsyncDisposable
{
    /// <summary>Events of one page, at most.</summary>
    public const int PageEventsMax = 10_000;

    // Numbers that one page looks through when most events are of other types: bounds the time of one statement.
    private const long LookedThroughMax = 100_000;
    internal const int ConnectionsMax = 8;
    private const int AutoPreparedMax = 20; // none, where the connection string says so

    // Of these, for reading one organization's log: whoever waits for that does not stand behind views that catch up.
    private const int OrganizationsMax = 4;

    private readonly NpgsqlDataSource source;
    private readonly NpgsqlDataSource organizations;
    private readonly GapWatcher? gaps;
    private readonly UnreadableEvents unreadable;

    /// <param name="shard">Whose log.</param>
    /// <param name="settings"><see cref="EventStoreSettings.ForeignWriters"/> decides how the end of what is final is found.</param>
    public LogReader(Shard shard, EventStoreSettings settings)
    {
        var text = new NpgsqlConnectionStringBuilder(shard.ConnectionString)
        {
            ApplicationName = "bsp read",
            MaxPoolSize = ConnectionsMax - OrganizationsMax,
            AutoPrepareMinUsages = 2,
            NoResetOnClose = true, // only transaction-local settings are made here
        };
        text.MaxAutoPrepare = Math.Min(text.MaxAutoPrepare, AutoPreparedMax);
        text.Options = $"{text.Options} -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off".Trim();
        source = NpgsqlDataSource.Create(text.ConnectionString);
        text.MaxPoolSize = OrganizationsMax;
        organizations = NpgsqlDataSource.Create(text.ConnectionString);
        gaps = settings.ForeignWriters ? new GapWatcher() : null;
        unreadable = UnreadableEvents.Of(shard);
    }

    /// <summary>The next events after <paramref name="after"/>.</summary>
    /// <param name="types">Stored names; null: all but Marten's tombstones.</param>
    /// <param name="max">1 to <see cref="PageEventsMax"/>.</param>
    /// <exception cref="StoreUnavailable">PostgreSQL cannot be reached.</exception>
    public async Task<LogPage> ReadAsync(long after, IReadOnlyCollection<string>? types, int max, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(after);
        ArgumentOutOfRangeException.ThrowIfLessThan(max, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(max, PageEventsMax);
        try
        {
            return await IsolatingAsync(async (bodies, most) =>
            {
                await using var connection = await source.OpenConnectionAsync(ct);
                return gaps is null
                    ? await ReadBelowFenceAsync(connection, after, types, bodies, most, ct)
                    : await ReadUpToAsync(connection, after, await gaps.FinalAsync(connection, ct), types, bodies, most, ct);
            }, max, ct);
        }
        catch (NpgsqlException error) when (Unreachable.Is(error))
        {
            throw new StoreUnavailable("postgres", error);
        }
    }

    /// <summary>Everything up to here is final at this moment.</summary>
    /// <exception cref="StoreUnavailable">PostgreSQL cannot be reached.</exception>
    public async Task<long> EndAsync(CancellationToken ct)
    {
        try
        {
            await using var connection = await source.OpenConnectionAsync(ct);
            if (gaps is not null)
            {
                return await gaps.FinalAsync(connection, ct);
            }

            await using var fence = new NpgsqlCommand("SELECT bsp.fence()", connection);
            return (long)(await fence.ExecuteScalarAsync(ct))!;
        }
        catch (NpgsqlException error) when (Unreachable.Is(error))
        {
            throw new StoreUnavailable("postgres", error);
        }
    }

    /// <summary>
    /// Reads one organization's log; with the end of what is final where it was found by watching, null where the reading itself finds it
    /// by <c>bsp.fence()</c>.
    /// </summary>
    internal async Task<T> ReadFinalAsync<T>(Func<(NpgsqlConnection Connection, long? Final), Task<T>> read, CancellationToken ct)
    {
        await using var connection = await organizations.OpenConnectionAsync(ct);
        return await read((connection, gaps is null ? null : await gaps.FinalAsync(connection, ct)));
    }

    public async ValueTask DisposeAsync()
    {
        await source.DisposeAsync();
        await organizations.DisposeAsync();
    }

    // Fence and events in one round trip, but in two statements: the events need a snapshot taken after the fence.
    private async Task<LogPage> ReadBelowFenceAsync(NpgsqlConnection connection, long after, IReadOnlyCollection<string>? types,
        bool bodies, int max, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new("SELECT set_config('bsp.fence', bsp.fence()::text, true)::bigint"));
        var read = new NpgsqlBatchCommand(
            $"SELECT {Columns(bodies)} FROM bsp.read_log($1, least($2, current_setting('bsp.fence')::bigint), $3, $4)");
        Bind(read.Parameters, after, after + LookedThroughMax, types, bodies, max);
        batch.BatchCommands.Add(read);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        var final = reader.GetInt64(0);
        await reader.NextResultAsync(ct);
        return await PageAsync(reader, after, final, max, ct);
    }

    private async Task<LogPage> ReadUpToAsync(NpgsqlConnection connection, long after, long final, IReadOnlyCollection<string>? types,
        bool bodies, int max, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand($"SELECT {Columns(bodies)} FROM bsp.read_log($1, $2, $3, $4)", connection);
        Bind(command.Parameters, after, Math.Min(after + LookedThroughMax, final), types, bodies, max);
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await PageAsync(reader, after, final, max, ct);
    }

    private async Task<LogPage> PageAsync(NpgsqlDataReader reader, long after, long final, int max, CancellationToken ct)
    {
        var events = new List<StoredEvent>();
        var tenants = new Dictionary<string, Guid>();
        try
        {
            while (await reader.ReadAsync(ct))
            {
                var tenant = reader.GetString(10);
                if (!tenants.TryGetValue(tenant, out var organization))
                {
                    // a foreign writer's default tenant
                    tenants[tenant] = organization = Guid.TryParse(tenant, out var id) ? id : Guid.Empty;
                }

                events.Add(EventRows.Read(reader, organization, unreadable));
            }
        }
        catch (PostgresException refused) when (events.Count > 0 && UnreadableEvents.MayBeOfARow(refused))
        {
            return new(after, events[^1].Sequence, events); // those before the bad one; the next page begins with it
        }

        return new(after, events.Count == max ? events[^1].Sequence : Math.Max(after, Math.Min(after + LookedThroughMax, final)), events);
    }

    private static string Columns(bool bodies) => EventRows.ColumnsOf(bodies ? "$5" : null, "tenant_id");

    private void Bind(NpgsqlParameterCollection parameters, long after, long upTo, IReadOnlyCollection<string>? types, bool bodies, int max)
    {
        parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = after });
        parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = upTo });
        parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = types is null ? DBNull.Value
            : types.ToArray() });
        parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Integer, Value = max });
        if (bodies)
        {
            parameters.Add(EventRows.LeftOut(unreadable));
        }
    }
}

/// <summary>The readers of all shards.</summary>
public sealed class LogReaders(EventStoreSettings settings) : IAsyncDisposable
{
    [Bounded("one a shard")]
    private readonly ConcurrentDictionary<Shard, Lazy<LogReader>> readers = new();

    /// <summary>The one of this shard.</summary>
    public LogReader Of(Shard shard) => readers.GetOrAdd(shard, s => new(() => new(s, settings))).Value;

    public async ValueTask DisposeAsync()
    {
        foreach (var reader in readers.Values)
        {
            await reader.Value.DisposeAsync();
        }
    }
}
