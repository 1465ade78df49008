using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// Feeds ClickHouse's <c>message_analytics</c> through <c>messages_kafka</c>. A batch repeated whole is dropped by its token; with other
/// boundaries its rows
/// fall on their own keys. The checkpoint is written to ClickHouse after the rows, so what is lost there is lost together.
/// </summary>
[NeedsClickHouse]
public sealed class MessageAnalyticsProjection(ClickHouseClient client, ClickHouseSchema schema, DailyStats daily, Shards shards,
    IAnalyticsEntry entry) : IProjection
{
    internal static readonly string[] Types =
        ["message_sent", "message_delivered", "message_read", "message_failed", "message_rejected", "message_accepted", "message_received",
            "messages_charged", "message_analysed", "message_auto_replied", "message_echoed"];

    private readonly AnalyticsCheckpoints checkpoints = new(client, schema);
    private readonly TemplateUses templates = new();

    public string Name => ViewNames.MessageAnalytics;

    public IReadOnlyCollection<string>? EventTypes => Types;

    public IProjectionCopy? Beside { get; } = new MessageAnalyticsCopy(client, schema, daily, new(client, schema), shards);

    public int PageEventsMax => 5_000;

    // An insert costs ClickHouse the same, whether it brings one row or a thousand: parts, merges, the chain of views.
    public TimeSpan GatherFor { get; } = TimeSpan.FromMilliseconds(500);

    public async Task<long> CheckpointAsync(Shard shard, CancellationToken ct)
    {
        daily.Wake(); // what was ingested before a crash and not counted yet
        return (await checkpoints.StandsAsync(Name, shard, ct)).Position;
    }

    public async Task ApplyAsync(EventPage page, CancellationToken ct)
    {
        var stands = await checkpoints.StandsAsync(Name, page.Shard, ct);
        if (stands.Position < page.After)
        {
            throw new Bsp.Application.Common.StoreUnavailable("clickhouse",
                new InvalidOperationException("ClickHouse lost rows or was replaced: its own checkpoint is behind. Going on from that."));
        }

        var inserts = MessageAnalyticsRows.Write(page, await PriorSettlement.FindAsync(page, ct), await templates.FindAsync(page, ct));
        for (var i = 0; i < inserts.Count; i++)
        {
            await entry.InsertAsync(inserts[i], MessageAnalyticsRows.Token(Name, page, stands.Generation, i), ct);
        }

        if (inserts.Count > 0)
        {
            daily.Wake();
        }

        await checkpoints.SaveAsync(Name, page.Shard, stands.Generation, page.UpTo, ct);
    }
}
