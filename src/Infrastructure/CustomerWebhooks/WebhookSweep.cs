using System.Text.Json;
using Bsp.Application.CustomerWebhooks;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>
/// Makes the days of the log of deliveries some days ahead and drops those past 30 days; tells cursors what a new release's catalogue means
/// for them.
/// </summary>
internal sealed partial class WebhookSweep(Shards shards, TimeProvider clock, ILogger<WebhookSweep> log)
    : ShardSweep(shards, clock, TimeSpan.Zero)
{
    /// <summary>Days that attempts are kept.</summary>
    public const int KeptDays = 30;

    private const int AheadDays = 4;
    private const int PageEndpoints = 500;

    public override async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(Clock.GetUtcNow().UtcDateTime);
        await MakeDaysAsync(shard, Clock.GetUtcNow(), ct);
        var dropped =
            (await shard.QueryAsync(Array.Empty<Guid>(), "SELECT bsp.webhook_deliveries_drop_before($1)", r =>
                r.GetInt32(0), ct, today.AddDays(-KeptDays)))[0];
        return dropped + await RefreshAsync(shard, ct);
    }

    /// <summary>Makes the days around now, where they are missing.</summary>
    internal static Task MakeDaysAsync(Shard shard, DateTimeOffset now, CancellationToken ct) =>
        shard.QueryAsync(Array.Empty<Guid>(), "SELECT 1 FROM bsp.webhook_deliveries_make_partitions($1, $2)", _ => 0, ct,
            DateOnly.FromDateTime(now.UtcDateTime).AddDays(-1), AheadDays + 1);

    protected override void LogFailed(Exception e, string shard) => LogSweep(shard, e);

    private static async Task<int> RefreshAsync(Shard shard, CancellationToken ct)
    {
        for (var done = 0; ;)
        {
            var outdated =
                await shard.QueryAsync(Array.Empty<Guid>(), "SELECT * FROM bsp.webhooks_outdated($1, $2)", r =>
                    (Id: r.GetGuid(0), Organization: r.GetGuid(1), Events: r.GetString(2)), ct, PublicEvents.Fingerprint, PageEndpoints);
            foreach (var (id, organization, events) in outdated)
            {
                await shard.QueryAsync(organization, "UPDATE bsp.webhook_cursors SET types = $2, catalogue = $3 WHERE webhook_id = $1",
                    r => 0, ct,
                    id, PublicEvents.StoredOf(JsonSerializer.Deserialize<List<string>>(events)!).ToArray(), PublicEvents.Fingerprint);
            }

            done += outdated.Count;
            if (outdated.Count < PageEndpoints)
            {
                return done;
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "shard {Shard}: the log of deliveries could not be looked after; trying again in an hour")]
    private partial void LogSweep(string shard, Exception e);
}
