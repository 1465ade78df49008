using System.Diagnostics;
using System.Globalization;
using Npgsql;
using StackExchange.Redis;

namespace Bsp.Benchmarks.Chaos;

/// <summary>What a run came to.</summary>
/// <param name="States">Recipients by the state they ended in.</param>
/// <param name="Faults">Every promise that was broken; empty: none.</param>
internal sealed record ChaosSendingResult(int Seed, int Recipients, string States, int Most, int Limit, int Kills, TimeSpan Rest,
    IReadOnlyList<string> Faults)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"seed {Seed}: {Recipients} recipients ended as {States}; at most {Most} users in any day, of {Limit}; ")
        + string.Create(CultureInfo.InvariantCulture, $"{Kills} kills -9 of the API; at rest after {Rest.TotalSeconds:0} s; ")
        + (Faults.Count == 0 ? "no fault"
            : $"{Faults.Count} FAULTS (./bench chaos-sending --seed {Seed} runs it again): {string.Join("; ", Faults.Take(10))}");
}

/// <summary>
/// Four campaigns on four numbers of one portfolio whose messaging limit is half of all recipients, while one of two API processes is
/// killed (-9) every few seconds, Redis is emptied, PostgreSQL restarted, campaigns paused and resumed, and Meta throttles, hangs, loses,
/// caps, doubles and reorders. A day lasts some seconds (<c>Bsp:Sending:DaySeconds</c>), so that one passes. Judged by the simulator's own
/// books and by what the API shows.
/// </summary>
internal static class ChaosSending
{
    private const int KillsMin = 3; // also on a machine on which a start takes long

    /// <param name="installation">Made by <see cref="StartAsync"/>.</param>
    /// <param name="seed">Decides Meta's answers and the order of the harm; what the system makes of it in time no seed decides.</param>
    /// <param name="duration">Of the harm; the campaigns end afterwards.</param>
    public static async Task<ChaosSendingResult> RunAsync(Installation installation, int seed, int recipients, TimeSpan day,
        TimeSpan duration, CancellationToken ct)
    {
        var limit = recipients / 2;
        using var simulator = new Simulated(installation.SimulatorUrl);
        await simulator.SettingsAsync(new()
        {
            ["seed"] = seed, ["latency_ms"] = 20, ["rate_limit_rate"] = 0.05, ["timeout_rate"] = 0.02, ["fail_rate"] = 0.01,
            ["user_cap_rate"] = 0.01, ["duplicate_rate"] = 0.05, ["reorder_rate"] = 0.1, ["early_rate"] = 0.02, ["retry_max_ms"] = 1_000,
        }, ct);
        using var sender = await ChaosSenders.CreateAsync(installation, simulator, recipients, limit, ct);
        await sender.LaunchAsync(ct);
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(installation.Database) { Pooling = false });
        var kills = await HarmAsync(installation, sender, new PostgresHarm(installation.Stores, source), new Random(seed), duration, ct);
        NpgsqlConnection.ClearAllPools(); // what this program itself had open ended with PostgreSQL
        var resting = Stopwatch.GetTimestamp();
        var ledger = new ChaosSendingLedger(installation, simulator, sender, limit, day);
        var faults = await ledger.FaultsAsync(ct);
        return new(seed, recipients, ledger.States, ledger.Most, limit, kills, Stopwatch.GetElapsedTime(resting), faults);
    }

    /// <summary>Two API processes on stores of their own.</summary>
    public static Task<Installation> StartAsync(TimeSpan day, CancellationToken ct) => Installation.StartAsync(ct, more: new()
    {
        ["Bsp__Sending__DaySeconds"] = ((int)day.TotalSeconds).ToString(CultureInfo.InvariantCulture),
        ["Bsp__Meta__TimeoutSeconds"] = "2",
    }, processes: 2);

    // Kills all along; the rest once or twice, each at its part of the time.
    private static async Task<int> HarmAsync(Installation installation, ChaosSenders sender, PostgresHarm postgres, Random random,
        TimeSpan duration, CancellationToken ct)
    {
        var kills = 0;
        var plan = new Queue<(double At, Func<Task> Do)>(
        [
            (0.15, () => sender.EachAsync("pause", ct)), (0.2, () => sender.EachAsync("resume", ct)),
            (0.3, () => FlushAsync(installation)),
            (0.5, () => postgres.RestartFastAsync(TimeSpan.FromMilliseconds(500), ct)),
            (0.65, () => sender.EachAsync("pause", ct)), (0.75, () => sender.EachAsync("resume", ct)),
        ]);
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < duration || plan.Count > 0 || kills < KillsMin;)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(1_000, 3_000)), ct);
            if (plan.TryPeek(out var next) && Stopwatch.GetElapsedTime(began) >= duration * next.At)
            {
                await plan.Dequeue().Do();
                continue;
            }

            await installation.KillApiAsync(random.Next(2), ct);
            kills++;
        }

        return kills;
    }

    private static async Task FlushAsync(Installation installation)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(installation.Stores.Redis + ",allowAdmin=true");
        await redis.GetDatabase().ExecuteAsync("FLUSHALL");
    }
}
