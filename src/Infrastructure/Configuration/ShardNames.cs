using Bsp.Application.Common;
using Npgsql;

namespace Bsp.Infrastructure.Configuration;

/// <summary>Whether the configuration names every shard on which the directory says that organizations live.</summary>
public static class ShardNames
{
    private const int ConnectSeconds = 5;

    /// <summary>Asks the directory; one that cannot be reached is asked at the next start.</summary>
    /// <exception cref="ConfigurationFault">A sentence a shard that is missing: its organizations could not be served.</exception>
    public static async Task CheckAsync(BspOptions options, CancellationToken ct)
    {
        var faults = new List<string>();
        try
        {
            var text = new NpgsqlConnectionStringBuilder(options.DirectoryApp) { Pooling = false, ApplicationName = "bsp start" };
            text.Timeout = Math.Min(text.Timeout, ConnectSeconds);
            await using var connection = new NpgsqlConnection(text.ConnectionString);
            await connection.OpenAsync(ct);
            await using var command = new NpgsqlCommand("""
                SELECT shard, count(*), (array_agg(slug ORDER BY slug))[1] FROM bsp.directory_organizations
                 WHERE shard <> ALL ($1) GROUP BY shard ORDER BY shard
                """, connection) { Parameters = { new() { Value = options.Shards.Select(s => s.Name).ToArray() } } };
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                faults.Add(Sentence(reader.GetString(0), reader.GetInt64(1), reader.GetString(2)));
            }
        }
        catch (PostgresException unmigrated) when (unmigrated.SqlState is PostgresErrorCodes.UndefinedTable or "3F000")
        {
            return; // nobody lives anywhere yet
        }
        catch (Exception away) when (away is NpgsqlException or TimeoutException or IOException)
        {
            return;
        }

        if (faults.Count > 0)
        {
            throw new ConfigurationFault(faults);
        }
    }

    private static string Sentence(string shard, long organizations, string first) =>
        $"The directory says that {organizations} organization{(organizations == 1 ? "" : "s")} (the first is {first}) live on "
            + $"shard '{shard}', which Bsp:Shards does not name: add Bsp:Shards:{shard} with the connection string of the database "
                + $"that holds them.";
}
