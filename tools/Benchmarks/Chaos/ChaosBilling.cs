using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Bsp.Domain.Common;
using Bsp.LocalStores;
using Bsp.LocalStores.Common;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>What a run came to.</summary>
/// <param name="Deaths">Billers that died in the middle of their work: killed, or by their own hand between two steps.</param>
/// <param name="Faults">Every promise that was broken; empty: none.</param>
internal sealed record ChaosBillingResult(int Seed, int Messages, int Corrections, int TopUps, int Campaigns, long Entries, int Deaths,
    int Crashes, int Jumps, TimeSpan Rest, IReadOnlyList<string> Faults)
{
    private string Verdict => Faults.Count == 0 ? "no fault"
        : $"{Faults.Count} FAULTS (./bench chaos-events --billing --seed {Seed} runs it again): {string.Join("; ", Faults.Take(10))}";

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"""
        seed {Seed}: {Messages} messages charged, {Corrections} prices changed, {TopUps} top-ups, {Campaigns} campaigns, {Entries} entries;
        {Deaths} deaths of a biller, {Crashes} of PostgreSQL, {Jumps} jumps of the clock; at rest after {Rest.TotalSeconds:0} s; {Verdict}
        """);
}

/// <summary>
/// Two processes that charge, renew, close months and audit on one database, while they, PostgreSQL and its backends are killed (-9) and
/// the clock jumps by a day and by a month. Afterwards: each delivered message is charged once by the card, each period and each top-up is
/// there once, holds have ended, every audit passed.
/// </summary>
internal static class ChaosBilling
{
    private const int Processes = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    /// <param name="stores">A PostgreSQL of its own, which is killed.</param>
    /// <param name="seed">Decides the work and the order of the harm; what the system makes of them in time no seed decides.</param>
    public static async Task<ChaosBillingResult> RunAsync(Stores stores, int seed, TimeSpan duration, CancellationToken ct)
    {
        var admin = new NpgsqlConnectionStringBuilder(await stores.CreateDatabaseAsync($"billing_{Uuid.New():N}",
            ct)) { PersistSecurityInfo = true, Pooling = false }.ConnectionString;
        var organizations = Enumerable.Range(0, 4).Select(i => new BilledOrganization(Uuid.New(), Uuid.New(), Uuid.New(), i == 1 ? 40 : 0,
            i == 3)).ToList();
        await LogAccess.PrepareAsync(admin, organizations.Select(o => o.Id), ct);
        await using var run = new Run(stores, admin, seed, organizations);
        return await run.GoAsync(duration, ct);
    }

    private sealed class Run : IAsyncDisposable
    {
        private readonly (Process Process, Task Listening)[] billers = new (Process, Task)[Processes];
        private readonly ConcurrentBag<string> faults = [];
        private readonly IReadOnlyList<BilledOrganization> organizations;
        private readonly string admin;
        private readonly int seed;
        private readonly Random random;
        private readonly NpgsqlDataSource source;
        private readonly PostgresHarm postgres;
        private readonly ChaosTime time = new(TimeSpan.Zero);
        private readonly LogAccess access;
        private readonly BillingProcess own;
        private TimeSpan ahead;
        private int deaths;
        private int crashes;
        private int jumps;

        public Run(Stores stores, string admin, int seed, IReadOnlyList<BilledOrganization> organizations)
        {
            (this.admin, this.seed, this.organizations) = (admin, seed, organizations);
            random = new(seed);
            source = NpgsqlDataSource.Create(admin);
            postgres = new(stores, source);
            access = LogAccess.To(admin);
            own = new(access.Shards, time);
        }

        public async Task<ChaosBillingResult> GoAsync(TimeSpan duration, CancellationToken ct)
        {
            var books = new BillingBooks(source, own, time, organizations);
            await books.OpenAsync(ct);
            for (var i = 0; i < Processes; i++)
            {
                billers[i] = Start(diesAt: 0);
            }

            var work = new BillingWork(own, organizations, seed);
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var working = work.RunAsync(enough.Token, ct);
            await Until.TrueAsync(async token =>
                await books.NumberAsync("SELECT count(*) FROM transactions WHERE type = 'debit'", token) > 10, Patience, ct);
            for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < duration || deaths == 0;
                ct.ThrowIfCancellationRequested())
            {
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(200, 1_200)), ct);
                if (working.IsFaulted)
                {
                    break;
                }

                await HarmAsync(random.Next(9), ct);
                await books.AskForAuditsAsync(ct);
                await ReplaceTheDeadAsync();
            }

            await enough.CancelAsync();
            await working;
            var resting = Stopwatch.GetTimestamp();
            for (var i = 0; i < Processes; i++)
            {
                await KillAsync(i);
                billers[i] = Start(diesAt: 0);
            }

            await books.HurryAuditsAsync(ct);
            if (!await Until.TrueAsync(async token => await books.UnrestAsync(token) is null, Patience, ct))
            {
                faults.Add($"in {Patience.TotalSeconds:0} s it did not come to rest: {await books.UnrestAsync(ct)}");
            }

            var rest = Stopwatch.GetElapsedTime(resting);
            for (var i = 0; i < Processes; i++)
            {
                await KillAsync(i);
            }

            foreach (var fault in await books.FaultsAsync(work, ct))
            {
                faults.Add(fault);
            }

            return new(seed, work.Delivered.Count, work.Corrections, work.TopUps.Count, work.Campaigns,
                await books.NumberAsync("SELECT count(*) FROM transactions", ct), deaths, crashes, jumps, rest, [.. faults.Distinct()]);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var (process, _) in billers.Where(b => b.Process is not null))
            {
                process.Kill();
                process.Dispose();
            }

            await own.DisposeAsync();
            await access.DisposeAsync();
            await source.DisposeAsync();
        }

        private async Task HarmAsync(int kind, CancellationToken ct)
        {
            switch (kind)
            {
                case <= 2: // between two steps that the seed chooses, or at any moment
                    await KillAsync(kind % Processes);
                    billers[kind % Processes] = Start(random.Next(2) == 0 ? 0 : random.Next(20, 1_500));
                    break;
                case 3:
                    crashes += await postgres.KillBackendAsync("", random, ct) ? 1 : 0;
                    break;
                case 4:
                    await postgres.KillAllAsync(TimeSpan.Zero, ct);
                    crashes++;
                    break;
                case 5:
                    await postgres.RestartFastAsync(TimeSpan.Zero, ct);
                    break;
                case 6:
                    await JumpAsync(TimeSpan.FromDays(1), ct);
                    break;
                default:
                    await JumpAsync(TimeSpan.FromDays(31), ct);
                    break;
            }
        }

        private async Task JumpAsync(TimeSpan by, CancellationToken ct)
        {
            ahead += by;
            await using var connection = await postgres.ReachAsync(ct);
            await using var command = new NpgsqlCommand("UPDATE public.chaos_clock SET seconds = $1", connection);
            command.Parameters.Add(new() { Value = ahead.TotalSeconds });
            await command.ExecuteNonQueryAsync(ct);
            time.Set(ahead);
            jumps++;
        }

        private async Task ReplaceTheDeadAsync()
        {
            for (var i = 0; i < Processes; i++)
            {
                if (billers[i].Process.HasExited)
                {
                    await KillAsync(i);
                    billers[i] = Start(random.Next(3) == 0 ? 0 : random.Next(20, 1_500));
                }
            }
        }

        private (Process, Task) Start(int diesAt)
        {
            var start = new ProcessStartInfo("dotnet", [typeof(ChaosBilling).Assembly.Location,
                .. ChaosBiller.Arguments(diesAt, (random.NextDouble() * 4) - 2)]) { RedirectStandardOutput = true };
            start.Environment[ChaosWriter.ConnectionVariable] = admin;
            var process = Process.Start(start)!;
            return (process, Task.Run(async () =>
            {
                while (await process.StandardOutput.ReadLineAsync() is { } line)
                {
                    if (line.StartsWith("fault ", StringComparison.Ordinal))
                    {
                        faults.Add(line);
                    }
                }
            }));
        }

        private async Task KillAsync(int i)
        {
            if (billers[i].Process is not { } process)
            {
                return;
            }

            process.Kill();
            await process.WaitForExitAsync();
            await billers[i].Listening; // what it had still said
            process.Dispose();
            billers[i] = default;
            deaths++;
        }
    }
}
