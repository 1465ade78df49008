using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Health;

/// <summary>The directory and every shard answer a query.</summary>
public sealed class PostgresHealth(Shards shards) : IStoreHealth
{
    public string Name => "postgres";

    public async Task<string?> CheckAsync(CancellationToken ct)
    {
        foreach (var (name, database) in shards.All.Select(s => ($"shard {s.Name}", s.App)).Prepend(("the directory", shards.Directory)))
        {
            try
            {
                await using var command = database.CreateCommand("SELECT 1");
                await command.ExecuteScalarAsync(ct);
            }
            catch (Exception fault) when (fault is NpgsqlException or OperationCanceledException or TimeoutException)
            {
                return $"{name} does not answer.";
            }
        }

        return null;
    }
}
