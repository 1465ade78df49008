using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Health;

/// <summary>
/// Something can be appended on every shard: a writer's connection is opened and its statements prepared, as a lane does, every few seconds
/// at most. Behind a pooler that refuses a lane's settings the pools answer and nothing can be written.
/// </summary>
public sealed partial class AppendHealth(Shards shards, EventStoreSettings settings, TimeProvider clock, ILogger<AppendHealth> log)
    : IStoreHealth
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TroubledEvery = TimeSpan.FromSeconds(2);

    [Bounded("one a shard")]
    private readonly ConcurrentDictionary<Shard, (long At, string? Fault)> looked = new();

    public string Name => "appends";

    public async Task<string?> CheckAsync(CancellationToken ct)
    {
        var faults = (await Task.WhenAll(shards.All.Select(shard => LookAsync(shard, ct)))).OfType<string>().ToList();
        return faults.Count == 0 ? null : string.Join(" ", faults);
    }

    private async Task<string?> LookAsync(Shard shard, CancellationToken ct)
    {
        if (looked.TryGetValue(shard, out var last)
            && clock.GetElapsedTime(last.At) < (last.Fault is null ? LookEvery : TroubledEvery))
        {
            return last.Fault;
        }

        var fault = await TryAsync(shard, ct);
        looked[shard] = (clock.GetTimestamp(), fault);
        return fault;
    }

    // Anybody may read it, so what the server said is in the log only.
    private async Task<string?> TryAsync(Shard shard, CancellationToken ct)
    {
        try
        {
            await using var lane = await LaneConnection.OpenAsync(shard, Random.Shared.Next(1, int.MaxValue), settings, ct);
            return null;
        }
        catch (PostgresException refused)
        {
            LogRefused(shard.Name, refused.MessageText);
            return $"nothing can be written on shard {shard.Name}: PostgreSQL refuses a writer's connection ({refused.SqlState}).";
        }
        catch (Exception away) when (away is NpgsqlException or OperationCanceledException or TimeoutException or IOException)
        {
            return $"nothing can be written on shard {shard.Name}: no answer.";
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "health: a writer's connection to shard {Shard} is refused: {Reason}")]
    private partial void LogRefused(string shard, string reason);
}
