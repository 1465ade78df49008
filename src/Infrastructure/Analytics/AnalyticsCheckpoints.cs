using System.Data.Common;
using System.Globalization;
using Bsp.Application.Common;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// ClickHouse's table <c>projection_checkpoints</c>: the newest generation of a name counts, and in it the highest position.
/// </summary>
internal sealed class AnalyticsCheckpoints(ClickHouseClient client, ClickHouseSchema schema)
{
    private const int UnknownTable = 60;
    private const int UnknownDatabase = 81;

    /// <summary>(0, 0) where there is none.</summary>
    /// <exception cref="StoreUnavailable">ClickHouse cannot be reached, or its tables were dropped; the next try makes them
    /// again.</exception>
    public async Task<(long Generation, long Position)> StandsAsync(string name, Shard shard, CancellationToken ct) => (await QueryAsync(
        "SELECT generation, max(position) AS position FROM projection_checkpoints WHERE name = {name:String} AND shard = "
            + "{shard:String} GROUP BY generation ORDER BY generation DESC LIMIT 1", name, shard, 0, ct))
        .FirstOrDefault();

    /// <summary>Of one generation; null: none.</summary>
    public async Task<long?> PositionAsync(string name, Shard shard, long generation, CancellationToken ct) => await QueryAsync(
        "SELECT generation, max(position) AS position FROM projection_checkpoints WHERE name = {name:String} AND shard = "
            + "{shard:String} AND generation = {generation:UInt64} GROUP BY generation", name, shard, generation, ct)
        is [var found] ? found.Position : null;

    public Task SaveAsync(string name, Shard shard, long generation, long position, CancellationToken ct) => client.ExecuteAsync(
        "INSERT INTO projection_checkpoints (name, shard, generation, position) SELECT {name:String}, {shard:String}, "
            + "{generation:UInt64}, {position:UInt64}",
        ct, ("name", name), ("shard", shard.Name), ("generation", generation), ("position", position));

    private async Task<List<(long Generation, long Position)>> QueryAsync(string sql, string name, Shard shard, long generation,
        CancellationToken ct)
    {
        await schema.EnsureAsync(ct);
        try
        {
            return await client.QueryAsync(sql, row =>
                (Long(row, "generation"), Long(row, "position")), ct, ("name", name), ("shard", shard.Name), ("generation", generation));
        }
        catch (ClickHouseException e) when (e.Code is UnknownTable or UnknownDatabase)
        {
            schema.Forget(); // somebody dropped them: made again by the next try, and filled from 0
            throw new StoreUnavailable("clickhouse", e);
        }
    }

    private static long Long(DbDataReader row, string name) => Convert.ToInt64(row[name], CultureInfo.InvariantCulture);
}
