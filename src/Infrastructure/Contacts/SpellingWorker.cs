using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Contacts;

/// <summary>Looks for contacts without a <c>phone_key</c> at the start, and from time to time after: an update finds them all there, later
/// only the survivors of merges come.</summary>
public sealed partial class SpellingWorker(Shards shards, SpellingTwins twins, TimeProvider clock, ILogger<SpellingWorker> log)
    : BackgroundService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var shard in shards.All)
            {
                try
                {
                    await WorkAsync(shard, stoppingToken);
                }
                catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
                {
                    LogFailed(e, shard.Name); // what was done stands; the next round goes on
                }
            }

            await Task.Delay(LookEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Every contact of the shard once.</summary>
    public async Task WorkAsync(Shard shard, CancellationToken ct)
    {
        for ((Guid, Guid)? after = (Guid.Empty, Guid.Empty); after is { } from;)
        {
            after = await twins.SettleAsync(shard, from, LogUnmerged, ct);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "contact {ContactId} has another spelling of somebody's number and could not be merged; trying again in the next round")]
    private partial void LogUnmerged(Exception exception, Guid contactId);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "contacts of one telephone in two spellings: shard {Shard} could not be gone through; trying again")]
    private partial void LogFailed(Exception exception, string shard);
}
