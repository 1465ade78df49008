using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Ai;

/// <summary>
/// How many organizations' messages wait to be read or answered, and for how long: <c>bsp_ai_waiting</c> and
/// <c>bsp_ai_overdue_seconds</c>, by shard. Overdue for minutes: every place is taken by models that hang, or nobody drives.
/// </summary>
public sealed class AiWaiting : IDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(10);

    private readonly TimeProvider clock;
    private readonly Meter meter = new("Bsp.Ai");
    [Bounded("one a shard")]
    private readonly ConcurrentDictionary<string, (DateTimeOffset At, long Organizations, double Seconds)> last = new();

    public AiWaiting(TimeProvider clock)
    {
        this.clock = clock;
        meter.CreateObservableGauge("bsp_ai_waiting", () => Each(l => l.Organizations),
            description: "Organizations whose messages wait to be read or answered by a machine.");
        meter.CreateObservableGauge("bsp_ai_overdue_seconds", () => Each(l => (long)l.Seconds),
            description: "For how long the one that waits longest has been due.");
    }

    /// <summary>Looks, unless it did within the last ten seconds.</summary>
    internal async Task LookAsync(Shard shard, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (last.TryGetValue(shard.Name, out var known) && now - known.At < LookEvery)
        {
            return;
        }

        await using var command = shard.App.CreateCommand("SELECT organizations, overdue_seconds FROM bsp.ai_waiting($1)");
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        last[shard.Name] = (now, reader.GetInt64(0), Math.Max(0, reader.GetDouble(1)));
    }

    public void Dispose() => meter.Dispose();

    private IEnumerable<Measurement<long>> Each(Func<(DateTimeOffset At, long Organizations, double Seconds), long> figure) =>
        last.Select(l => new Measurement<long>(figure(l.Value), new KeyValuePair<string, object?>("shard", l.Key)));
}
