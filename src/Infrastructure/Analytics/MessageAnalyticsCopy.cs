using System.Globalization;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// Builds <c>message_analytics_next_{shard}</c> beside the table that serves and counts its days at the end; then both change names with
/// the old ones, each by one
/// <c>EXCHANGE TABLES</c>. The copy's checkpoint names the table by its UUID, which goes with the content: after an exchange nobody takes
/// the old content for the copy.
/// </summary>
internal sealed class MessageAnalyticsCopy(ClickHouseClient client, ClickHouseSchema schema, DailyStats daily,
    AnalyticsCheckpoints checkpoints, Shards shards) : IProjectionCopy
{
    private readonly BucketCounting counting = new(client);
    private readonly TemplateUses templates = new();

    public string Name { get; } = CopyName.Of(ViewNames.MessageAnalytics);

    public IReadOnlyCollection<string>? EventTypes => MessageAnalyticsProjection.Types;

    public int PageEventsMax => 5_000;

    public async Task<long> CheckpointAsync(Shard shard, CancellationToken ct) =>
        await StandsAsync(shard, ct) is { } stands ? stands.Position : 0;

    public async Task ApplyAsync(EventPage page, CancellationToken ct)
    {
        var stands = await StandsAsync(page.Shard, ct);
        if (stands is null && page.After == 0)
        {
            await BeginAsync(page.Shard, ct); // ClickHouse was emptied meanwhile
            stands = await StandsAsync(page.Shard, ct);
        }

        if (stands is not { } at || at.Position < page.After)
        {
            throw new StoreUnavailable("clickhouse",
                new InvalidOperationException("ClickHouse lost the copy that is being built: begun again."));
        }

        var inserts = MessageAnalyticsRows.Write(page, await PriorSettlement.FindAsync(page, ct), await templates.FindAsync(page, ct));
        for (var i = 0; i < inserts.Count; i++)
        {
            await client.InsertAsync(ClickHouseSchema.DirectInsert(Next("message_analytics", page.Shard)), inserts[i].Json,
                MessageAnalyticsRows.Token(Name, page, at.Generation, i), ct);
        }

        await checkpoints.SaveAsync(Name, page.Shard, at.Generation, page.UpTo, ct);
    }

    public async Task BeginAsync(Shard shard, CancellationToken ct)
    {
        await DropAsync(shard, ct);
        await client.ExecuteAsync($"CREATE TABLE {Next("message_analytics", shard)} AS message_analytics", ct);
        await checkpoints.SaveAsync(Name, shard, await GenerationAsync(shard, ct) ?? 0, 0, ct);
    }

    public async Task<bool> SwapAsync(Shard shard, CancellationToken ct)
    {
        if (await StandsAsync(shard, ct) is not { } at)
        {
            return false; // it was exchanged already
        }

        var rows = Next("message_analytics", shard);
        await daily.AloneAsync(async () =>
        {
            var others = await OthersAsync(shard, ct);
            await CopyOthersAsync(rows, "message_analytics", others, ct);
            await CountDaysAsync(rows, shard, ct);
            await client.ExecuteAsync($"EXCHANGE TABLES message_analytics AND {rows}", ct);
            await EndSwapAsync(shard, others, ct);
        }, ct);
        await MoveCheckpointAsync(shard, at.Position, ct);
        return true;
    }

    /// <summary>
    /// The rows that serve are a copy's whose checkpoint still stands: whatever follows the first exchange is done (again).
    /// </summary>
    public async Task<bool> FinishAsync(Shard shard, CancellationToken ct)
    {
        if (await GenerationOfAsync("message_analytics", ct) is not { } serving
            || await checkpoints.PositionAsync(Name, shard, serving, ct) is not { } position)
        {
            return false;
        }

        await daily.AloneAsync(async () =>
        {
            await CountDaysAsync("message_analytics", shard, ct);
            await EndSwapAsync(shard, await OthersAsync(shard, ct), ct);
        }, ct);
        await MoveCheckpointAsync(shard, position, ct);
        return true;
    }

    public async Task DropAsync(Shard shard, CancellationToken ct)
    {
        await schema.EnsureAsync(ct);
        await client.ExecuteAsync($"DROP TABLE IF EXISTS {Next("message_analytics", shard)} SYNC", ct);
        foreach (var table in BucketCounting.Tables)
        {
            await client.ExecuteAsync($"DROP TABLE IF EXISTS {Next(table, shard)} SYNC", ct);
        }

        await client.ExecuteAsync("DELETE FROM projection_checkpoints WHERE name = {name:String} AND shard = {shard:String}", ct,
            ("name", Name), ("shard", shard.Name));
    }

    // What other shards wrote meanwhile comes along; rows that are there already are replaced by themselves.
    private async Task EndSwapAsync(Shard shard, string? others, CancellationToken ct)
    {
        if (await GenerationAsync(shard, ct) is not null)
        {
            await CopyOthersAsync("message_analytics", Next("message_analytics", shard), others, ct);
        }

        foreach (var table in BucketCounting.Tables)
        {
            await client.ExecuteAsync($"EXCHANGE TABLES {table} AND {Next(table, shard)}", ct);
        }
    }

    private Task CountDaysAsync(string rows, Shard shard, CancellationToken ct) => counting.CountAllAsync(rows, Next("", shard), ct);

    private async Task MoveCheckpointAsync(Shard shard, long position, CancellationToken ct)
    {
        var serving = await checkpoints.StandsAsync(ViewNames.MessageAnalytics, shard, ct);
        await checkpoints.SaveAsync(ViewNames.MessageAnalytics, shard, serving.Generation + 1, position, ct);
        await DropAsync(shard, ct); // its checkpoint last: while it stands, the swap is not over
        daily.Wake();
    }

    private static string Next(string table, Shard shard) =>
        $"{table}_next_{string.Concat(shard.Name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'))}";

    // Null: there is no such table, or it is not the one that was begun.
    private async Task<(long Generation, long Position)?> StandsAsync(Shard shard, CancellationToken ct) =>
        await GenerationAsync(shard, ct) is { } generation && await checkpoints.PositionAsync(Name, shard, generation, ct) is { } position
        ? (generation, position) : null;

    private Task<long?> GenerationAsync(Shard shard, CancellationToken ct) => GenerationOfAsync(Next("message_analytics", shard), ct);

    private async Task<long?> GenerationOfAsync(string table, CancellationToken ct)
    {
        await schema.EnsureAsync(ct);
        var found = await client.QueryAsync(
            "SELECT bitAnd(cityHash64(toString(uuid)), 9223372036854775807) AS generation FROM system.tables WHERE database = "
                + "currentDatabase() AND name = {table:String}",
            row => Convert.ToInt64(row["generation"], CultureInfo.InvariantCulture), ct, ("table", table));
        return found.Count == 0 ? null : found[0];
    }

    // Condition for the rows of organizations that live elsewhere; null: all live here.
    private async Task<string?> OthersAsync(Shard shard, CancellationToken ct)
    {
        if (shards.All.Count == 1)
        {
            return null;
        }

        await using var command =
            shards.Directory.CreateCommand(
                "SELECT coalesce(string_agg('''' || organization_id || '''', ','), '''00000000-0000-0000-0000-000000000000''') FROM "
                    + "bsp.directory_organizations WHERE shard = $1");
        command.Parameters.Add(new() { Value = shard.Name });
        return $"organization_id NOT IN ({(string)(await command.ExecuteScalarAsync(ct))!})";
    }

    private Task CopyOthersAsync(string to, string from, string? others, CancellationToken ct) =>
        others is null ? Task.CompletedTask
        : client.ExecuteAsync($"INSERT INTO {to} SETTINGS max_partitions_per_insert_block = 0 SELECT * FROM {from} FINAL WHERE {others}",
            ct);
}
