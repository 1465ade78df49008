using System.Globalization;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// Feeds ClickHouse's <c>message_analytics</c> through <c>messages_kafka</c>. A batch repeated whole is dropped by its token; with other boundaries its rows
/// fall on their own keys. The checkpoint is written to ClickHouse after the rows, so what is lost there is lost together.
/// </summary>
public sealed class MessageAnalyticsProjection(ClickHouseClient client, ClickHouseSchema schema, DailyStats daily, Shards shards) : IProjection
{
    public const string ProjectionName = "message_analytics.v1";

    private const int UnknownTable = 60;
    private const int UnknownDatabase = 81;

    public string Name => ProjectionName;

    public IReadOnlyCollection<string>? EventTypes { get; } = ["message_sent", "message_delivered", "message_read", "message_failed", "message_rejected", "message_accepted", "message_received"];

    public int PageEventsMax => 5_000;

    public async Task<long> CheckpointAsync(Shard shard, CancellationToken ct)
    {
        daily.Wake(); // what was ingested before a crash and not counted yet
        return (await StandsAsync(shard, ct)).Position;
    }

    public async Task ApplyAsync(EventPage page, CancellationToken ct)
    {
        var stands = await StandsAsync(page.Shard, ct);
        if (stands.Position < page.After)
        {
            throw new Bsp.Application.Common.StoreUnavailable("clickhouse", new InvalidOperationException("ClickHouse lost rows or was replaced: its own checkpoint is behind. Going on from that."));
        }

        var rows = MessageAnalyticsRows.Write(page, await PriorSettlement.FindAsync(page, ct));
        if (rows.Length > 0)
        {
            var token = string.Create(CultureInfo.InvariantCulture, $"{Name}/{page.Shard.Name}/{stands.Generation}/{page.After}/{page.UpTo}");
            await client.InsertAsync("messages_kafka", rows, token, ct);
            daily.Wake();
        }

        await SaveAsync(page.Shard, stands.Generation, page.UpTo, ct);
    }

    public async Task ResetAsync(Shard shard, CancellationToken ct)
    {
        var stands = await StandsAsync(shard, ct);
        await SaveAsync(shard, stands.Generation + 1, 0, ct); // first: killed after this, the replay writes over the old rows; the other way round it would skip them
        foreach (var table in (string[])["message_analytics", "daily_stats_data"])
        {
            await client.ExecuteAsync(shards.All.Count == 1 ? $"TRUNCATE TABLE {table}" : await DeleteAsync(table, shard, ct), ct);
        }
    }

    private async Task<(long Generation, long Position)> StandsAsync(Shard shard, CancellationToken ct)
    {
        await schema.EnsureAsync(ct);
        try
        {
            return (await client.QueryAsync(
                "SELECT generation, max(position) AS position FROM projection_checkpoints WHERE name = {name:String} AND shard = {shard:String} GROUP BY generation ORDER BY generation DESC LIMIT 1",
                row => (row.GetProperty("generation").GetInt64(), row.GetProperty("position").GetInt64()), ct, ("name", Name), ("shard", shard.Name))).FirstOrDefault();
        }
        catch (ClickHouseException e) when (e.Code is UnknownTable or UnknownDatabase)
        {
            schema.Forget(); // somebody dropped them: made again by the next try, and filled from 0
            throw new Bsp.Application.Common.StoreUnavailable("clickhouse", e);
        }
    }

    private Task SaveAsync(Shard shard, long generation, long position, CancellationToken ct) => client.ExecuteAsync(
        "INSERT INTO projection_checkpoints (name, shard, generation, position) SELECT {name:String}, {shard:String}, {generation:UInt64}, {position:UInt64}",
        ct, ("name", Name), ("shard", shard.Name), ("generation", generation), ("position", position));

    private async Task<string> DeleteAsync(string table, Shard shard, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand("SELECT coalesce(string_agg('''' || organization_id || '''', ','), '''00000000-0000-0000-0000-000000000000''') FROM bsp.directory_organizations WHERE shard = $1");
        command.Parameters.Add(new() { Value = shard.Name });
        return $"ALTER TABLE {table} DELETE WHERE organization_id IN ({(string)(await command.ExecuteScalarAsync(ct))!}) SETTINGS mutations_sync = 2";
    }
}
