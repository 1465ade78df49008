using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>What a run came to.</summary>
/// <param name="Acknowledged">Commands answered 2xx, by kind.</param>
/// <param name="Answers">All answers by status and code.</param>
/// <param name="Repeated">Commands that were repeated before they were done.</param>
/// <param name="Unknown">Messages whose outcome stayed unknown.</param>
/// <param name="Rest">Until everything had come to an end after the last harm.</param>
/// <param name="Faults">Every promise that was broken; empty: none.</param>
internal sealed record ChaosHttpResult(int Seed, string Acknowledged, string Answers, int Repeated, int Unknown, TimeSpan Rest,
    int Restarts, int Crashes, IReadOnlyList<string> Faults)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"seed {Seed}: {Acknowledged}; answers {Answers}; {Repeated} commands repeated; {Unknown} outcomes unknown; at rest after {Rest.TotalSeconds:0} s; PostgreSQL restarted {Restarts} times, killed {Crashes} times; {(Faults.Count == 0 ? "no fault" : $"{Faults.Count} FAULTS (./bench chaos-http --seed {Seed} runs it again): {string.Join("; ", Faults.Take(10))}")}");
}

/// <summary>
/// Callers of every kind over HTTP while a campaign is being sent and PostgreSQL is restarted (fast, immediate) and killed (-9: all of it,
/// its postmaster, a backend). The API's process is left alone. Afterwards:
/// every answer was true, what was acknowledged is there and once, what was answered 503 and repeated with its key has one effect, no
/// webhook is lost, and projections, driver and sender have come to the end of their work.
/// </summary>
internal static class ChaosHttp
{
    private const int MessagesPerSecondMax = 40;
    private const int CampaignPerSecond = 15; // the campaign is to last as long as the trouble

    /// <param name="installation">Its PostgreSQL is killed.</param>
    /// <param name="seed">Decides the harm and its order; what the system makes of it in time no seed decides.</param>
    /// <param name="billing">The organization has a wallet: top-ups come in meanwhile, the campaign has a hold, and afterwards
    /// the books must be right.</param>
    public static async Task<ChaosHttpResult> RunAsync(Installation installation, int seed, TimeSpan duration, CancellationToken ct,
        bool billing = false)
    {
        var people = (int)(duration.TotalSeconds * CampaignPerSecond);
        using var customer = await Customer.CreateAsync(installation, people, ct, MessagesPerSecondMax);
        using var money = billing ? new ChaosMoney(installation, customer) : null;
        await (money?.BeginAsync(ct) ?? Task.CompletedTask);
        var campaign = await customer.CreateCampaignAsync(ct);
        await customer.LaunchAsync(campaign, ct);
        using var caller = new ChaosCaller(installation.ApiUrl, customer.Key, installation.AppSecret);
        var callers = new ChaosCallers(caller, customer, campaign);
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(installation.Database) { Pooling = false });
        var process = installation.Api().Id;

        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var calling = Task.WhenAll(callers.RunAsync(enough.Token, ct), money?.RunAsync(enough.Token, ct) ?? Task.CompletedTask);
        var (restarts, crashes) = await HarmAsync(new PostgresHarm(installation.Stores, source), new Random(seed), duration, calling, ct);
        var resting = Stopwatch.GetTimestamp();
        await enough.CancelAsync();
        await calling;

        var ledger = new ChaosHttpLedger(installation, callers, caller, campaign);
        var faults = new List<string>(caller.Faults);
        faults.AddRange(await ledger.FaultsAsync(ct));
        faults.AddRange(money is null ? [] : await money.FaultsAsync(ct));
        if (installation.Api().Id != process)
        {
            faults.Add("the API's process is another one");
        }

        return new(seed, callers.ToString(), string.Join(", ", caller.Counts.OrderBy(c => c.Key).Select(c => $"{c.Value} × {c.Key}")),
            caller.Repeated, ledger.Unknown, Stopwatch.GetElapsedTime(resting), restarts, crashes, faults);
    }

    // Every kind in turn, in an order of the seed's.
    private static async Task<(int Restarts, int Crashes)> HarmAsync(PostgresHarm postgres, Random random, TimeSpan duration, Task calling,
        CancellationToken ct)
    {
        var (restarts, crashes) = (0, 0);
        var kinds = new Queue<int>();
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < duration && !calling.IsCompleted;)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(300, 1_500)), ct);
            if (kinds.Count == 0)
            {
                kinds = new(Enumerable.Range(0, 5).OrderBy(_ => random.Next()).ToList());
            }

            var away = TimeSpan.FromMilliseconds(random.Next(0, 1_500));
            switch (kinds.Dequeue())
            {
                case 0:
                    await postgres.RestartFastAsync(away, ct);
                    restarts++;
                    break;
                case 1:
                    await postgres.RestartImmediateAsync(away, ct);
                    restarts++;
                    break;
                case 2:
                    await postgres.KillAllAsync(away, ct);
                    crashes++;
                    break;
                case 3:
                    await postgres.KillPostmasterAsync(away, ct);
                    crashes++;
                    break;
                default: // one of the writers', of the pool's or of the projections' backends
                    crashes += await postgres.KillBackendAsync(random.Next(2) == 0 ? "bsp append" : "bsp", random, ct) ? 1 : 0;
                    break;
            }
        }

        return (restarts, crashes);
    }
}
