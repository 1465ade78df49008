using System.Diagnostics.Metrics;
using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// How much of Meta's webhooks is set aside: in the metrics all of it, in <c>/health/ready</c> only that some of it waits for a person,
/// because nobody else will carry it out.
/// </summary>
public sealed class SetAsideBoard : IStoreHealth, IDisposable
{
    private sealed record Seen(long Retried, long Waiting, DateTime? RetriedSince, DateTime? WaitingSince);

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    private readonly Meter meter = new("Bsp.Webhooks");
    private readonly Shards shards;
    private readonly TimeProvider clock;
    private Seen seen = new(0, 0, null, null);
    private long lookedAt;

    public SetAsideBoard(Shards shards, TimeProvider clock)
    {
        (this.shards, this.clock) = (shards, clock);
        meter.CreateObservableGauge("bsp_webhooks_set_aside", () => Each(seen.Retried, seen.Waiting),
            description: "Parts of webhooks that were not carried out yet: tried again by themselves (retry), or waiting for a person.");
        meter.CreateObservableGauge("bsp_webhooks_set_aside_oldest_seconds", () => Each(Age(seen.RetriedSince), Age(seen.WaitingSince)),
            description: "Since when the oldest of them is set aside; 0: there is none.");
    }

    public string Name => "webhooks";

    public Task<string?> CheckAsync(CancellationToken ct) =>
        Task.FromResult(seen.Waiting == 0 ? null : "parts of webhooks wait for a person: ./run webhooks list, ./run webhooks retry all.");

    public void Dispose() => meter.Dispose();

    /// <summary>Counts, unless it did within the last five seconds.</summary>
    internal async Task LookAsync(CancellationToken ct)
    {
        if (lookedAt != 0 && clock.GetElapsedTime(lookedAt) < LookEvery)
        {
            return;
        }

        lookedAt = clock.GetTimestamp();
        await using var command = shards.Directory.CreateCommand("""
            SELECT (SELECT count(*) FROM bsp.webhook_set_aside WHERE next_at IS NOT NULL),
                   (SELECT count(*) FROM bsp.webhook_set_aside WHERE next_at IS NULL),
                   (SELECT set_aside_at FROM bsp.webhook_set_aside WHERE next_at IS NOT NULL ORDER BY set_aside_at LIMIT 1),
                   (SELECT set_aside_at FROM bsp.webhook_set_aside WHERE next_at IS NULL ORDER BY set_aside_at LIMIT 1)
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        seen = new(reader.GetInt64(0), reader.GetInt64(1), Time(reader, 2), Time(reader, 3));
    }

    private static DateTime? Time(NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetDateTime(column);

    private long Age(DateTime? since) => since is { } at ? Math.Max(0, (long)(clock.GetUtcNow().UtcDateTime - at).TotalSeconds) : 0;

    private static Measurement<long>[] Each(long retried, long waiting) =>
        [new(retried, new KeyValuePair<string, object?>("waits_for", "retry")),
            new(waiting, new KeyValuePair<string, object?>("waits_for", "person"))];
}
