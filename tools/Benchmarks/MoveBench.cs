using System.Diagnostics;
using System.Text.Json.Nodes;
using Bsp.Benchmarks.Chaos;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;
using Npgsql;

namespace Bsp.Benchmarks;

/// <summary>
/// One organization of 200,000 events and 20,000 contacts is moved to another shard and back, while another one goes on giving commands on
/// the shard that is left.
/// </summary>
internal static class MoveBench
{
    private const int Events = 200_000;
    private const int People = 20_000;
    private const int CallsAtOnce = 4;
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        await using var installation = await ChaosMove.StartAsync(ct);
        using var simulator = new Simulated(installation.SimulatorUrl);
        using var mover = await SendingTenant.CreateAsync(installation, simulator, "acme-heavy", 1, People, 80, null, ct);
        using var neighbour = await SendingTenant.CreateAsync(installation, simulator, "acme-light", 1, 10, 80, null, ct);
        await FillAsync(installation.ShardDatabases["east"], mover.Organization, ct);
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey);
        await CallsAsync(neighbour, ct, TimeSpan.FromSeconds(3));
        var quiet = await CallsAsync(neighbour, ct, Quiet);
        foreach (var to in new[] { "west", "east", "west" })
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var calling = CallsAsync(neighbour, over.Token, null);
            var (took, copied, last) = await MoveAsync(platform, mover.Organization, to, ct);
            await over.CancelAsync();
            var busy = await calling;
            var events = (double)last["events"]!;
            report.Add(new($"move to {to}: events a second, from asking until everything is copied (mark 20,000)",
                events / copied.TotalSeconds, "events/s", 20_000, "the mark"));
            report.Add(new("… whole, from asking until it lives there", took.TotalSeconds, "s"));
            report.Add(new("… commands of it refused for (mark 1,000)", (double)last["refused_ms"]!, "ms", 1_000, "the mark"));
            report.Add(new("… a neighbour's commands meanwhile, p99 (mark twice)", Percentile(busy, 0.99), "ms", Percentile(quiet, 0.99),
                "the same without a move"));
        }
    }

    private static async Task<(TimeSpan Took, TimeSpan Copied, JsonNode Last)> MoveAsync(BspClient platform, string organization, string to,
        CancellationToken ct)
    {
        var path = $"/v1/organizations/{organization}/move";
        var began = Stopwatch.GetTimestamp();
        await platform.PostAsync(path, new JsonObject { ["to"] = to }, ct);
        var end = 0L;
        JsonNode last = null!;
        if (!await Until.TrueAsync(async token =>
        {
            last = await platform.GetAsync(path, token);
            end = end == 0 && (string?)last["state"] is not ("planned" or "copying") ? Stopwatch.GetTimestamp() : end;
            return (string?)last["target"] == to && (string?)last["state"] is "living" or "dropped";
        }, Patience, ct))
        {
            throw new Obstacle($"The move to {to} did not end: {last?.ToJsonString()}");
        }

        return (Stopwatch.GetElapsedTime(began), Stopwatch.GetElapsedTime(began, end), last);
    }

    // Streams of five, of a type that no view reads: what is measured is the move.
    private static async Task FillAsync(string database, string organization, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(database + ";Pooling=false;Command Timeout=0");
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand($$"""
            INSERT INTO mt_streams (tenant_id, id, type, version, timestamp, created)
            SELECT '{{organization}}', md5('bench' || i)::uuid, 'bench', 5, now(), now() FROM generate_series(1, {{Events / 5}}) i;
            SELECT bsp.announce();
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, is_archived)
            SELECT nextval('mt_events_sequence'), gen_random_uuid(), md5('bench' || i)::uuid, v, jsonb_build_object('text', repeat('x',
              400), 'n', i),
                   'bench_event', now(), '{{organization}}', false FROM generate_series(1, {{Events / 5}}) i, generate_series(1, 5) v;
            """, connection);
        await command.ExecuteNonQueryAsync(ct);
        if (!await Until.TrueAsync(async token =>
        {
            await using var look = new NpgsqlCommand(
                "SELECT sequence >= (SELECT max(seq_id) FROM mt_events) FROM bsp.projections WHERE name = 'log_places.v1'", connection);
            return await look.ExecuteScalarAsync(token) is true;
        }, Patience, ct))
        {
            throw new Obstacle("The places of the log were not noted.");
        }
    }

    private static async Task<List<double>> CallsAsync(SendingTenant tenant, CancellationToken ct, TimeSpan? duration)
    {
        var began = Stopwatch.GetTimestamp();
        var each = await Task.WhenAll(Enumerable.Range(0, CallsAtOnce).Select(async _ =>
        {
            var times = new List<double>();
            while (!ct.IsCancellationRequested && (duration is null || Stopwatch.GetElapsedTime(began) < duration))
            {
                var at = Stopwatch.GetTimestamp();
                await tenant.Api.PostAsync("/v1/lists", new JsonObject { ["name"] = $"bench {Guid.NewGuid()}" }, CancellationToken.None);
                times.Add(Stopwatch.GetElapsedTime(at).TotalMilliseconds);
                await Task.Delay(20, CancellationToken.None);
            }

            return times;
        }));
        return [.. each.SelectMany(t => t)];
    }

    private static double Percentile(List<double> times, double part)
    {
        times.Sort();
        return times.Count == 0 ? 0 : times[Math.Min(times.Count - 1, (int)(times.Count * part))];
    }
}
