using System.Diagnostics;
using System.Globalization;

namespace Bsp.Benchmarks.Hostile;

/// <summary>What a piece of work cost.</summary>
/// <param name="Cores">Processor time of each process, in seconds a second.</param>
/// <param name="Paused">Share of the time for which the API's collector let nothing run.</param>
/// <param name="Collections">Of the API, a second, by generation.</param>
internal sealed record Spent(IReadOnlyDictionary<string, double> Cores, double Paused, IReadOnlyDictionary<string, double> Collections)
{
    private const string PauseTime = "dotnet_gc_pause_time_total ";
    private const string CollectionsTotal = "dotnet_gc_collections_total{";

    public static async Task<Spent> DuringAsync(Installation installation, Func<Task> work, CancellationToken ct)
    {
        var (before, collector, began) =
            (await SoFarAsync(installation, ct), await CollectorAsync(installation, ct), Stopwatch.GetTimestamp());
        await work();
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var (after, collected) = (await SoFarAsync(installation, ct), await CollectorAsync(installation, ct));
        return new(after.ToDictionary(p => p.Key, p => (p.Value - before[p.Key]).TotalSeconds / seconds),
            (collected[PauseTime] - collector[PauseTime]) / seconds,
            collected.Where(c => c.Key != PauseTime)
            .ToDictionary(c => c.Key, c => (c.Value - collector.GetValueOrDefault(c.Key)) / seconds));
    }

    private static async Task<Dictionary<string, TimeSpan>> SoFarAsync(Installation of, CancellationToken ct)
    {
        var expense = await Expense.SoFarAsync(of, ct);
        return new()
        {
            ["the API"] = expense.Api, ["PostgreSQL"] = expense.Postgres, ["ClickHouse"] = expense.ClickHouse, ["Redis"] = expense.Redis,
            ["the simulator"] = of.ProcessorOf("simulator"), ["this program, the normal one's clients"] = expense.Own,
        };
    }

    private static async Task<Dictionary<string, double>> CollectorAsync(Installation installation, CancellationToken ct)
    {
        using var http = new HttpClient();
        using var request =
            new HttpRequestMessage(HttpMethod.Get,
                installation.ApiUrl + "/metrics") { Headers = { Authorization = new("Bearer", installation.PlatformKey) } };
        using var answer = await http.SendAsync(request, ct);
        var lines = (await answer.Content.ReadAsStringAsync(ct)).Split('\n');
        return lines.Where(line =>
            line.StartsWith(PauseTime, StringComparison.Ordinal) || line.StartsWith(CollectionsTotal, StringComparison.Ordinal))
            .ToDictionary(line => line.StartsWith(PauseTime, StringComparison.Ordinal) ? PauseTime : line.Split('"')[1], line =>
                double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }
}
