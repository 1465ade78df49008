using System.Diagnostics;
using System.Globalization;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.LocalStores;
using Bsp.LocalStores.Common;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>What a run came to.</summary>
/// <param name="Faults">Every promise that was broken; empty: none.</param>
internal sealed record ChaosResult(int Seed, int Written, int Refused, int Unknown, int Events, int Kills, int Crashes,
    IReadOnlyList<string> Faults)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"seed {Seed}: {Written} appends acknowledged, {Refused} refused, {Unknown} unknown, {Events} events; {Kills} kills -9 of a writer process, {Crashes} of PostgreSQL; {(Faults.Count == 0 ? "no fault" : $"{Faults.Count} FAULTS (./bench chaos-events --seed {Seed} runs it again): {string.Join("; ", Faults.Take(10))}")}");
}

/// <summary>
/// Eight writers in two processes on few streams, while a process or PostgreSQL is killed (-9) every moment, and two readers follow the
/// log, one by the fence, one by watching gaps.
/// Afterwards: nothing acknowledged is missing, nothing refused is there, no event twice, versions without holes, and both readers saw each
/// event once, in order.
/// </summary>
internal static class ChaosEvents
{
    private const int Processes = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);

    /// <param name="stores">A PostgreSQL of its own, which is killed.</param>
    /// <param name="seed">Decides the commands and the order of the kills; what the system makes of them in time no seed decides.</param>
    public static async Task<ChaosResult> RunAsync(Stores stores, int seed, TimeSpan duration, CancellationToken ct)
    {
        var admin = new NpgsqlConnectionStringBuilder(await stores.CreateDatabaseAsync($"chaos_{Uuid.New():N}",
            ct)) { PersistSecurityInfo = true, Pooling = false }.ConnectionString;
        Guid[] organizations = [.. Enumerable.Range(0, 3).Select(_ => Uuid.New())];
        await LogAccess.PrepareAsync(admin, organizations, ct);
        await using var run = new Run(stores, admin, seed, organizations);
        return await run.GoAsync(duration, ct);
    }

    private sealed class Run : IAsyncDisposable
    {
        private readonly ChaosLedger ledger = new();
        private readonly (Process Process, Task Listening)[] writers = new (Process, Task)[Processes];
        private readonly string admin;
        private readonly int seed;
        private readonly Guid[] organizations;
        private readonly Random random;
        private readonly NpgsqlDataSource source;
        private readonly PostgresHarm postgres;
        private int incarnations;
        private int kills;
        private int crashes;

        public Run(Stores stores, string admin, int seed, Guid[] organizations)
        {
            (this.admin, this.seed, this.organizations) = (admin, seed, organizations);
            random = new(seed);
            source = NpgsqlDataSource.Create(admin);
            postgres = new(stores, source);
        }

        public async Task<ChaosResult> GoAsync(TimeSpan duration, CancellationToken ct)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
            await using var access = LogAccess.To(admin);
            await using var fence = new LogReader(access.Shard, new());
            await using var gaps = new LogReader(access.Shard, new() { ForeignWriters = true });
            var tails = new Dictionary<string, Task<IReadOnlyList<long>>> { ["reader by the fence"] = TailAsync(fence, stop.Token),
                ["reader that watches gaps"] = TailAsync(gaps, stop.Token) };
            for (var i = 0; i < Processes; i++)
            {
                writers[i] = Start();
            }

            await Until.TrueAsync(() => ledger.Written > 0, Patience, ct); // on a slow machine they need their time to begin
            for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < duration
                || (kills + crashes == 0 && Stopwatch.GetElapsedTime(began) < Patience); ct.ThrowIfCancellationRequested())
            {
                var written = ledger.Written;
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(400, 1_800)), ct);
                await Until.TrueAsync(() => ledger.Written > written, Patience, ct); // harm is for those at work
                await HarmAsync(random.Next(6), ct);
            }

            await EndWritersAsync(ct);
            await SettledAsync(ct);
            await stop.CancelAsync();
            var seen = new Dictionary<string, IReadOnlyList<long>>();
            foreach (var (name, tail) in tails)
            {
                seen[name] = await tail;
            }

            var faults = await ledger.FaultsAsync(source, seen, ct);
            return new(seed, ledger.Written, ledger.Refused, ledger.Unknown, seen.Values.First().Count, kills, crashes, faults);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var (process, _) in writers)
            {
                if (process is not null)
                {
                    process.Kill();
                    process.Dispose();
                }
            }

            await source.DisposeAsync();
        }

        private async Task HarmAsync(int kind, CancellationToken ct)
        {
            switch (kind)
            {
                case <= 2:
                    var i = kind % Processes;
                    await KillAsync(i);
                    writers[i] = Start();
                    kills++;
                    break;
                case 3: // a backend with -9: PostgreSQL ends all others and recovers by itself
                    await postgres.KillBackendAsync("bsp append", random, ct);
                    crashes++;
                    break;
                case 4:
                    await postgres.KillAllAsync(TimeSpan.Zero, ct);
                    crashes++;
                    break;
                default: // and an orderly restart
                    await postgres.RestartFastAsync(TimeSpan.Zero, ct);
                    break;
            }
        }

        private (Process, Task) Start()
        {
            var number = incarnations++;
            var start = new ProcessStartInfo("dotnet",
                [typeof(ChaosEvents).Assembly.Location, ChaosWriter.Verb, $"{number}", $"{(seed * 1_000) + number}",
                    .. organizations.Select(o => o.ToString())]) { RedirectStandardOutput = true };
            start.Environment[ChaosWriter.ConnectionVariable] = admin;
            var process = Process.Start(start)!;
            return (process, Task.Run(async () =>
            {
                while (await process.StandardOutput.ReadLineAsync() is { } line)
                {
                    ledger.Take(line);
                }
            }));
        }

        private async Task KillAsync(int i)
        {
            writers[i].Process.Kill();
            await writers[i].Process.WaitForExitAsync();
            await writers[i].Listening; // what it had still said
            writers[i].Process.Dispose();
        }

        private async Task EndWritersAsync(CancellationToken ct)
        {
            for (var i = 0; i < Processes; i++)
            {
                ct.ThrowIfCancellationRequested();
                await KillAsync(i);
                writers[i] = default;
            }
        }

        // Transactions of killed writers may still be at it.
        private async Task SettledAsync(CancellationToken ct)
        {
            while ((await postgres.PidsAsync("bsp append", ct)).Count > 0)
            {
                await Task.Delay(20, ct);
            }
        }

        // Follows the log until it is told to stop and nothing more is final.
        private static async Task<IReadOnlyList<long>> TailAsync(LogReader reader, CancellationToken stop)
        {
            var seen = new List<long>();
            for (var after = 0L; ;)
            {
                var asked = stop.IsCancellationRequested;
                try
                {
                    var page = await reader.ReadAsync(after, null, 1_000, CancellationToken.None);
                    seen.AddRange(page.Events.Select(stored => stored.Sequence));
                    if (page.UpTo == after && asked)
                    {
                        return seen;
                    }

                    after = page.UpTo;
                }
                catch (Exception trouble) when (trouble is StoreUnavailable or NpgsqlException)
                {
                    await Task.Delay(20, CancellationToken.None);
                }
            }
        }
    }
}
