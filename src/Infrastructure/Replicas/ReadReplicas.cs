using System.Diagnostics.Metrics;
using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Replicas;

/// <summary>
/// Streaming replicas of shards (<c>Bsp:Replicas:&lt;shard&gt;</c>): lists and documents that somebody reads over HTTP come from there, as
/// long as it is known to be at most <c>Bsp:ReplicaLagMs</c> behind; else, and for whoever names <c>Bsp-Min-Position</c>, from the shard.
/// Decision: docs/decisions/0342.
/// </summary>
public sealed partial class ReadReplicas : BackgroundService, IStoreHealth, IAsyncDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(2);

    private readonly Meter meter = new("Bsp.Replicas");
    private readonly Shards shards;
    private readonly TimeSpan lagMax;
    private readonly TimeProvider clock;
    private readonly ILogger<ReadReplicas> log;
    private readonly IReadOnlyList<ReadReplica> all;

    public ReadReplicas(Shards shards, BspOptions options, TimeProvider clock, ILoggerFactory logs)
    {
        (this.shards, lagMax, this.clock, log) = (shards, options.ReplicaLagMax, clock, logs.CreateLogger<ReadReplicas>());
        all = [.. options.Shards.Where(s => s.Replica is not null)
            .Select(s => new ReadReplica(shards.Named(s.Name), DataSources.Replica(options, s, logs)))];
        meter.CreateObservableGauge("bsp_replica_lag_seconds", () => all.Where(r => r.Lag is not null)
            .Select(r => new Measurement<double>(r.Lag!.Value.TotalSeconds, new KeyValuePair<string, object?>("shard", r.Home.Name))),
            description: "What is read at the shard's replica is at most so old.");
    }

    public string Name => "replicas";

    /// <summary>
    /// Reads for the request at hand, at the replica where it may be, else at home. What fails there is read at home.
    /// </summary>
    /// <param name="home">Where the organization lives.</param>
    public async Task<T> ReadAsync<T>(Shard home, Func<Shard, Task<T>> read)
    {
        if (Of(home) is not var (replica, lag))
        {
            return await read(home);
        }

        try
        {
            var found = await read(replica.Reading);
            CurrentRequest.Value?.ReadAtReplica(lag);
            return found;
        }
        catch (Exception failed) when (StoreTrouble.Is(failed))
        {
            replica.Doubt("a read failed there");
            LogFailed(home.Name, failed);
            return await read(home);
        }
    }

    public Task<string?> CheckAsync(CancellationToken ct)
    {
        var faults = all.Where(r => r.Fault is not null).Select(r => $"The replica of shard {r.Home.Name} is not read: {r.Fault}.")
            .Concat(all.Where(r => r.Fault is null && !(r.Lag <= lagMax))
                .Select(r => $"The replica of shard {r.Home.Name} is too far behind: the shard is read.")).ToList();
        return Task.FromResult(faults.Count == 0 ? null : string.Join(" ", faults));
    }

    public override void Dispose()
    {
        meter.Dispose();
        base.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        Dispose();
        foreach (var replica in all)
        {
            await replica.DisposeAsync();
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Background);
        return Task.WhenAll(all.Select(replica => WatchAsync(replica, stoppingToken)));
    }

    // Null: it is read at home. After a move the replica of the new home may not have all of the organization for as long as it may lag.
    private (ReadReplica Replica, TimeSpan Lag)? Of(Shard home) =>
        all.Count > 0 && CurrentRequest.Value is { MayBeBehind: true } && !shards.SomebodyMoved(within: lagMax + LookEvery)
        && all.FirstOrDefault(r => ReferenceEquals(r.Home, home)) is { Fault: null } replica && replica.Lag is { } lag && lag <= lagMax
            ? (replica, lag) : null;

    private async Task WatchAsync(ReadReplica replica, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var pause = LookEvery;
            try
            {
                await replica.LookAsync(lagMax, ct);
                Loop.Worked(replica.Home.Name);
            }
            catch (Exception away) when (!ct.IsCancellationRequested && (away is NpgsqlException || StoreTrouble.Is(away)))
            {
                if (replica.Fault is null)
                {
                    LogAway(replica.Home.Name, away.Message);
                }

                replica.Doubt("no answer");
                Loop.Failed(away, replica.Home.Name);
                pause = AfterFault;
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(pause, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "the replica of shard {Shard} cannot be compared with it ({Reason}): it is not read")]
    private partial void LogAway(string shard, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "a read at the replica of shard {Shard} failed; it is read at the shard")]
    private partial void LogFailed(string shard, Exception e);
}
