using Bsp.Application.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.EventStore.Marten;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Configuration;

/// <summary>How many connections this process may open, and whether PostgreSQL has so many. The arithmetic: docs/decisions/0170.</summary>
public static class ConnectionBudget
{
    /// <summary>Outside the pools, for each shard: the runner's lock and its ear, and this process's own lock.</summary>
    private const int KeptOpen = 3;

    /// <summary>
    /// Connections of a kind. A connection string that names a <c>Maximum Pool Size</c> has so many together, shared out in the pools'
    /// proportion.
    /// </summary>
    public static int SizeOf(WorkKind kind, PoolOptions pools, string connection)
    {
        var size = kind switch
        {
            WorkKind.Webhooks => pools.Webhooks,
            WorkKind.Sending => pools.Sending,
            WorkKind.People => pools.People,
            WorkKind.Bulk => pools.Bulk,
            _ => pools.Background,
        };
        var given = new NpgsqlConnectionStringBuilder(connection);
        return given.ShouldSerialize("Maximum Pool Size") ? Math.Max(PoolOptions.Min, size * given.MaxPoolSize / pools.Sum) : size;
    }

    /// <summary>The most that this process opens to each server, by <c>host:port</c>.</summary>
    public static IReadOnlyDictionary<string, int> Wanted(BspOptions options, EventStoreSettings events)
    {
        var pools = options.Shards.Select(s => s.App).Append(options.DirectoryApp).Distinct()
            .Select(text => (Server: ServerOf(text), Count: Enum.GetValues<WorkKind>().Sum(kind => SizeOf(kind, options.Pools, text))));
        var outside =
            options.Shards.Select(s =>
                (Server: ServerOf(s.Direct ?? s.App),
                    Count: events.LoadConnectionsMax + LogReader.ConnectionsMax + events.LanesMax + MartenStores.OwnConnectionsMax + KeptOpen));
        return pools.Concat(outside).GroupBy(p => p.Server).ToDictionary(g => g.Key, g => g.Sum(p => p.Count));
    }

    /// <summary>Asks every server that can be reached whether it has so many; one that cannot be is asked at the next start.</summary>
    /// <exception cref="ConfigurationFault">It has not: a process that runs into this limit would fail in the middle of its
    /// work.</exception>
    public static async Task CheckAsync(BspOptions options, EventStoreSettings events, CancellationToken ct)
    {
        var faults = new List<string>();
        foreach (var (server, wanted) in Wanted(options, events))
        {
            var text = options.Shards.Select(s => s.App).Append(options.DirectoryApp)
                .Concat(options.Shards.Select(s => s.Direct).OfType<string>()).First(text => ServerOf(text) == server);
            if (await GrantedAsync(text, ct) is { } granted && wanted > granted)
            {
                faults.Add($"This process may open {wanted} connections to {server}, which has {granted} for the role: raise PostgreSQL's max_connections, or lower Bsp:Pools:* or Bsp:EventStore:LoadConnectionsMax.");
            }
        }

        if (faults.Count > 0)
        {
            throw new ConfigurationFault(faults);
        }
    }

    // What superusers keep for themselves is not ours; -1 is "no limit of its own".
    private static async Task<int?> GrantedAsync(string connection, CancellationToken ct)
    {
        try
        {
            await using var opened =
                new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connection) { Pooling = false, ApplicationName = "bsp start",
                    Timeout = 5 }.ConnectionString);
            await opened.OpenAsync(ct);
            await using var command = new NpgsqlCommand("""
                SELECT least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - coalesce(current_setting('reserved_connections', true), '0')::int,
                  (SELECT CASE WHEN rolconnlimit < 0 THEN 2147483647 ELSE rolconnlimit END FROM pg_roles WHERE rolname = current_user),
                  (SELECT CASE WHEN datconnlimit < 0 THEN 2147483647 ELSE datconnlimit END FROM pg_database WHERE datname = current_database()))
                """, opened);
            return (int)(await command.ExecuteScalarAsync(ct))!;
        }
        catch (Exception unreachable) when (unreachable is NpgsqlException or TimeoutException or IOException)
        {
            return null;
        }
    }

    private static string ServerOf(string connection)
    {
        var text = new NpgsqlConnectionStringBuilder(connection);
        return $"{text.Host}:{text.Port}";
    }
}
