using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Retention;

/// <summary>Tells this process's worker that something is due.</summary>
public sealed class RetentionSignal : WorkSignal;

/// <summary>Somebody else has the lease by now.</summary>
internal sealed class LeaseTaken : Exception;

/// <summary>
/// The engine: carries out the time of every kind of data, shard by shard, every hour. One process at a time is at a kind. What fails is
/// shown in health, metrics and <c>GET /v1/retention</c>, and is tried again ever more rarely, up to the hour; nothing goes meanwhile.
/// </summary>
public sealed partial class RetentionWorker : LeasedWorker
{
    private static readonly TimeSpan Every = TimeSpan.FromHours(1);
    private static readonly TimeSpan BeatEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan First = TimeSpan.FromMinutes(1); // a process that has just started has more to do
    private static readonly TimeSpan FailedPause = TimeSpan.FromSeconds(15);
    private const int DoublingsMax = 8;

    private readonly Shards shards;
    private readonly IReadOnlyDictionary<string, IRetentionStep> steps;
    private readonly TimeProvider clock;
    private readonly ILogger<RetentionWorker> log;
    private readonly Guid owner = Guid.NewGuid();
    private readonly Meter meter = new("Bsp.Retention");
    private readonly Counter<long> gone;

    [Bounded("one a shard")]
    private readonly ConcurrentDictionary<string, bool> ensured = new();

    [Bounded("one a shard and kind")]
    private readonly ConcurrentDictionary<(string Shard, string Kind), int> failures = new();

    internal RetentionWorker(Shards shards, IEnumerable<IRetentionStep> steps, RetentionSignal signal, TimeProvider clock,
        ILogger<RetentionWorker> log) : base(shards, signal)
    {
        (this.shards, this.steps, this.clock, this.log) = (shards, steps.ToDictionary(step => step.Kind), clock, log);
        gone = meter.CreateCounter<long>("bsp_retention_gone",
            description: "Rows, documents and parts that were past their time and went.");
        meter.CreateObservableGauge("bsp_retention_trouble", () => failures.Select(f => new Measurement<long>(f.Value > 0 ? 1 : 0,
            new KeyValuePair<string, object?>("shard", f.Key.Shard), new KeyValuePair<string, object?>("kind", f.Key.Kind))),
            description: "1: the last round of the kind failed, and nothing of it goes until one works.");
    }

    /// <summary>Kinds that it carries out.</summary>
    internal IReadOnlyCollection<string> Kinds => [.. steps.Keys];

    internal IRetentionStep? StepOf(string kind) => steps.GetValueOrDefault(kind);

    /// <summary>Everything is due, on every shard.</summary>
    public async Task HurryAsync(CancellationToken ct)
    {
        foreach (var shard in shards.All)
        {
            await EnsureAsync(shard, ct);
            await RetentionRounds.HurryAsync(shard, clock.GetUtcNow(), ct);
        }
    }

    public override void Dispose()
    {
        meter.Dispose();
        base.Dispose();
    }

    protected override async Task<bool> TakeAsync(Shard shard, CancellationToken ct)
    {
        await EnsureAsync(shard, ct);
        if (await RetentionRounds.TakeAsync(shard, steps.Keys, owner, clock.GetUtcNow(), ct) is not { } kind)
        {
            return false;
        }

        await CarryAsync(shard, kind, ct);
        return true;
    }

    private async Task EnsureAsync(Shard shard, CancellationToken ct)
    {
        if (!ensured.ContainsKey(shard.Name))
        {
            await RetentionRounds.EnsureAsync(shard, steps.Keys, clock.GetUtcNow() + First, ct);
            ensured[shard.Name] = true;
        }
    }

    private async Task CarryAsync(Shard shard, string kind, CancellationToken ct)
    {
        using var _ = new CurrentRequest { CorrelationId = $"retention {kind}", Caller = "retention" }.Enter();
        var part = $"{shard.Name} {kind}";
        try
        {
            var beaten = clock.GetTimestamp();
            await steps[kind].CarryAsync(shard, async count =>
            {
                if (count > 0 || clock.GetElapsedTime(beaten) > BeatEvery)
                {
                    beaten = clock.GetTimestamp();
                    await BeatAsync(shard, kind, count, ct);
                }
            }, ct);
            failures[(shard.Name, kind)] = 0;
            await RetentionRounds.DoneAsync(shard, kind, owner, clock.GetUtcNow(), clock.GetUtcNow() + Every, null, ct);
            Loop.Worked(part);
        }
        catch (LeaseTaken)
        {
            LogTaken(kind, shard.Name);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            var times = failures.AddOrUpdate((shard.Name, kind), 1, (_, before) => before + 1);
            LogFailed(e, kind, shard.Name);
            Loop.Failed(e, part);
            var pause = FailedPause * Math.Pow(2, Math.Min(times - 1, DoublingsMax));
            await RetentionRounds.DoneAsync(shard, kind, owner, clock.GetUtcNow(),
                clock.GetUtcNow() + (pause < Every ? pause : Every), ErrorOf(e), ct);
        }
    }

    private async Task BeatAsync(Shard shard, string kind, long count, CancellationToken ct)
    {
        if (!await RetentionRounds.BeatAsync(shard, kind, owner, count, clock.GetUtcNow(), ct))
        {
            throw new LeaseTaken();
        }

        if (count > 0)
        {
            gone.Add(count, new KeyValuePair<string, object?>("shard", shard.Name), new KeyValuePair<string, object?>("kind", kind));
        }
    }

    // No addresses and no secrets: it is shown to the platform's people.
    private static string ErrorOf(Exception e) => e switch
    {
        StoreUnavailable { Store: "objects" } => "Object storage cannot be reached or is full: nothing is deleted until it takes archives.",
        StoreUnavailable or Refusal or ArchiveFault => e.Message,
        Npgsql.PostgresException refused => $"PostgreSQL refuses: {refused.MessageText}",
        _ => $"{e.GetType().Name}: the log of this process says how.",
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "retention: {Kind} of shard {Shard} is another process's by now")]
    private partial void LogTaken(string kind, string shard);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "retention: {Kind} of shard {Shard} failed; nothing more of it goes until it is tried again")]
    private partial void LogFailed(Exception e, string kind, string shard);

    [LoggerMessage(Level = LogLevel.Error, Message = "retention: what is due on shard {Shard} cannot be looked up")]
    protected override partial void LogLookFailed(Exception e, string shard);
}
