using Bsp.Application.Common;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using MongoDB.Bson;
using MongoDB.Driver;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Backups;

/// <summary>
/// Stores that are made from the log: what they hold of another history must go before they are made anew. Nothing is emptied that was
/// not asked for.
/// </summary>
internal sealed class CopiesOfLog(BspOptions options)
{
    /// <summary>A sentence for each store that holds something; none: all are empty, or not configured.</summary>
    /// <exception cref="BackupFault">One cannot be reached.</exception>
    public async Task<IReadOnlyList<string>> FullAsync(CancellationToken ct)
    {
        var full = new List<string>();
        if (options.Redis is { } redis)
        {
            await using var connection = await RedisAsync(redis);
            var keys = (long)await connection.GetDatabase().ExecuteAsync("DBSIZE");
            full.AddRange(keys == 0 ? [] : [$"Redis holds {keys} keys in database {connection.GetDatabase().Database}"]);
        }

        if (options.ClickHouse is not null)
        {
            var tables = await ClickHouseAsync(async client => (await client.QueryAsync(
                "SELECT countIf(total_rows > 0) AS n FROM system.tables WHERE database = {database:String}",
                r => Convert.ToInt64(r["n"], System.Globalization.CultureInfo.InvariantCulture), ct, ("database", client.Database)))[0]);
            full.AddRange(tables == 0 ? [] : [$"ClickHouse has {tables} tables with rows"]);
        }

        foreach (var database in MongoNames())
        {
            var collections = await MongoAsync(async client =>
                await (await client.GetDatabase(database).ListCollectionNamesAsync(cancellationToken: ct)).ToListAsync(ct));
            full.AddRange(collections.Count == 0 ? [] : [$"MongoDB's database {database} has {collections.Count} collections"]);
        }

        return full;
    }

    /// <summary>Empties all of them.</summary>
    public async Task EmptyAsync(CancellationToken ct)
    {
        if (options.Redis is { } redis)
        {
            await using var connection = await RedisAsync(redis);
            await connection.GetDatabase().ExecuteAsync("FLUSHDB");
        }

        if (options.ClickHouse is not null)
        {
            await ClickHouseAsync(async client =>
            {
                // views before what they write into
                var tables = await client.QueryAsync(
                    "SELECT name FROM system.tables WHERE database = {database:String} ORDER BY engine NOT LIKE '%View', name",
                    r => (string)r["name"], ct, ("database", client.Database));
                foreach (var table in tables)
                {
                    await client.ExecuteAsync($"DROP TABLE IF EXISTS `{table.Replace("`", "\\`", StringComparison.Ordinal)}` SYNC", ct);
                }

                return 0;
            });
        }

        foreach (var database in MongoNames())
        {
            await MongoAsync(async client =>
            {
                await client.DropDatabaseAsync(database, ct);
                return 0;
            });
        }
    }

    private static async Task<ConnectionMultiplexer> RedisAsync(string text)
    {
        try
        {
            var configuration = ConfigurationOptions.Parse(text);
            (configuration.AllowAdmin, configuration.AbortOnConnectFail) = (true, true);
            return await ConnectionMultiplexer.ConnectAsync(configuration);
        }
        catch (RedisException away)
        {
            throw new BackupFault($"Redis cannot be reached: {away.Message}", away);
        }
    }

    private async Task<T> ClickHouseAsync<T>(Func<ClickHouseClient, Task<T>> work)
    {
        using var client = new ClickHouseClient(options.ClickHouse);
        try
        {
            await client.ExecuteOutsideAsync($"CREATE DATABASE IF NOT EXISTS `{client.Database}`", CancellationToken.None);
            return await work(client);
        }
        catch (Exception e) when (e is StoreUnavailable or ClickHouseException)
        {
            throw new BackupFault($"ClickHouse cannot be asked: {(e as StoreUnavailable)?.InnerException?.Message ?? e.Message}", e);
        }
    }

    private async Task<T> MongoAsync<T>(Func<MongoClient, Task<T>> work)
    {
        try
        {
            using var client = new MongoClient(options.Mongo);
            return await work(client);
        }
        catch (Exception e) when (e is MongoException or TimeoutException)
        {
            throw new BackupFault($"MongoDB cannot be reached: {e.Message}", e);
        }
    }

    // As MongoCollections names them.
    private IEnumerable<string> MongoNames()
    {
        if (options.Mongo is null)
        {
            return [];
        }

        var name = MongoUrl.Create(options.Mongo).DatabaseName ?? "bsp";
        return options.Shards.Count == 1 ? [name] : options.Shards.Select(s => $"{name}_{s.Name.ToLowerInvariant()}");
    }
}
