using System.Diagnostics;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>What became of it.</summary>
/// <param name="Told">Tellings, repeats included.</param>
internal sealed record ChaosWebhooksResult(int Seed, long Events, long Told, int Kills, int Restarts, IReadOnlyList<string> Faults)
{
    public override string ToString() =>
        $"seed {Seed}: {Events} events to three endpoints, told {Told} times; API killed {Kills} times, PostgreSQL {Restarts} times; {(Faults.Count == 0 ? "no fault" : $"{Faults.Count} FAULTS (./bench chaos-webhooks --seed {Seed} runs it again): {string.Join("; ", Faults.Take(10))}")}";
}

/// <summary>
/// Events are written, three endpoints are told; meanwhile the API is killed with -9, PostgreSQL restarted or killed, and the receiver
/// answers errors for some keys, for all, or cuts connections after it took what it was sent.
/// In the end every event was told to every endpoint, first tellings in the log's order for each key: a receiver that records, against the
/// log.
/// </summary>
internal static class ChaosWebhooks
{
    private const int Endpoints = 3;
    private const int Conversations = 40;
    private const int EventsATime = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    public static async Task<ChaosWebhooksResult> RunAsync(Installation installation, int seed, TimeSpan duration, CancellationToken ct)
    {
        await using var target = await HookTarget.StartAsync();
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey);
        var organization =
            (await platform.PostAsync("/v1/organizations", new JsonObject { ["name"] = "Chaos", ["slug"] = "chaos-hooks" },
                ct))["id"]!.GetValue<string>();
        using var api = new BspClient(installation.ApiUrl, installation.PlatformKey, organization);
        for (var i = 0; i < Endpoints; i++)
        {
            await api.PostAsync("/v1/webhooks",
                new JsonObject { ["name"] = "chaos", ["url"] = $"{target.Url}/record/{i}", ["events"] = new JsonArray("message.*") }, ct);
        }

        var (kills, restarts) = await HarmAsync(installation, target, organization, new Random(seed), duration, ct);
        target.Answer = _ => 200;
        var faults = new List<string>();
        var events = await HookEvents.MessagesAsync(installation, ct);
        for (var began = Stopwatch.GetTimestamp(); ; await Task.Delay(500, ct))
        {
            // Time passes: whatever waits for its turn has it.
            await installation.ExecuteAsync(
                "UPDATE bsp.webhook_held_keys SET next_at = now() WHERE next_at > now(); UPDATE bsp.webhook_cursors SET due_at = now() WHERE owner IS NULL AND due_at > now()", ct);
            var told = target.Recorded.Distinct().Count();
            if (told >= events.Count * Endpoints)
            {
                break;
            }

            if (Stopwatch.GetElapsedTime(began) > Patience)
            {
                faults.Add($"{(events.Count * Endpoints) - told} events were told to nobody");
                break;
            }
        }

        faults.AddRange(Disorder(target, events));
        return new(seed, events.Count, target.Recorded.Count, kills, restarts, faults);
    }

    // First tellings of each endpoint and key, against the log.
    private static IEnumerable<string> Disorder(HookTarget target, IReadOnlyList<(string Key, string Message)> events)
    {
        var log = events.ToLookup(e => e.Key, e => e.Message);
        foreach (var group in target.Recorded.Distinct().GroupBy(r => (r.Path, r.Key)))
        {
            if (!group.Select(r => r.Message).SequenceEqual(log[group.Key.Key]))
            {
                yield return $"{group.Key.Path}: {group.Key.Key} was told in another order, or not all";
            }
        }
    }

    private static async Task<(int Kills, int Restarts)> HarmAsync(Installation installation, HookTarget target, string organization,
        Random random, TimeSpan duration, CancellationToken ct)
    {
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(installation.Database) { Pooling = false });
        var postgres = new PostgresHarm(installation.Stores, source);
        var (kills, restarts) = (0, 0);
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < duration;)
        {
            for (var i = 0; i < random.Next(1, 6); i++)
            {
                await HookEvents.WriteAsync(installation, organization, EventsATime, Conversations, ct);
                await Task.Delay(random.Next(50, 300), ct);
            }

            target.Answer = random.Next(5) switch
            {
                0 => key => key[0] < '5' ? 500 : 200,  // a third of the keys fail
                1 => _ => 503,
                2 => key => key[^1] < '4' ? 0 : 200,   // it takes them, and never says so
                _ => _ => 200,
            };
            switch (random.Next(6))
            {
                case 0:
                    await installation.KillApiAsync(ct);
                    kills++;
                    break;
                case 1:
                    await postgres.RestartFastAsync(TimeSpan.FromMilliseconds(random.Next(1_000)), ct);
                    restarts++;
                    break;
                case 2:
                    await postgres.RestartImmediateAsync(TimeSpan.FromMilliseconds(random.Next(1_000)), ct);
                    restarts++;
                    break;
                default:
                    break;
            }

            NpgsqlConnection.ClearAllPools();
        }

        return (kills, restarts);
    }
}
