using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <summary>
/// What charging cannot do by itself: in the metrics, and in <c>/health/ready</c>, because money is missing until a person looks.
/// </summary>
public sealed class ChargingBoard : IStoreHealth, IDisposable
{
    private readonly Meter meter = new("Bsp.Charging");

    [Bounded("one a shard")]
    private readonly ConcurrentDictionary<string, (long Stopped, long Pending)> seen = new();

    public ChargingBoard()
    {
        meter.CreateObservableGauge("bsp_charging_stopped_organizations", () => seen.Values.Sum(s => s.Stopped),
            description: "Organizations of which an event could not be charged: nothing after it is, until it can.");
        meter.CreateObservableGauge("bsp_charging_pending_messages", () => seen.Values.Sum(s => s.Pending),
            description: "Delivered messages whose price is not known (market, category, type or rate), at most 100,000 a shard.");
    }

    public string Name => "charging";

    public Task<string?> CheckAsync(CancellationToken ct) =>
        Task.FromResult<string?>((seen.Values.Sum(s => s.Stopped), seen.Values.Sum(s => s.Pending)) switch
    {
        (0, 0) => null,
        (0, var pending) =>
            $"{pending} delivered messages wait for a price: GET /v1/charges?outcome=pending says why; a rate card that names it settles them.",
        var (stopped, _) =>
            $"the charging of {stopped} organizations has stopped at an event that cannot be taken: bsp.charging says which.",
    });

    public void Dispose() => meter.Dispose();

    internal async Task LookAsync(Shard shard, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT stopped, pending FROM bsp.charging_trouble()");
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        seen[shard.Name] = (reader.GetInt64(0), reader.GetInt64(1));
    }
}
