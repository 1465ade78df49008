using System.Diagnostics;
using Spectre.Console;

namespace Bsp.LocalStores.Demo;

/// <summary>Shows progress until all is settled: a live bar on a terminal, a line per change elsewhere.</summary>
internal static class ProgressScreen
{
    private const int BarCells = 50;
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);

    public static async Task<Progress> FollowAsync(Func<CancellationToken, Task<Progress>> look, Func<Progress, bool> done,
        CancellationToken ct)
    {
        if (Console.IsOutputRedirected)
        {
            return await LoopAsync(look, done, Plain(), ct);
        }

        return await AnsiConsole.Live(new Text(""))
            .StartAsync(screen => LoopAsync(look, done, (progress, since) => screen.UpdateTarget(Draw(progress, since)), ct));
    }

    private static async Task<Progress> LoopAsync(Func<CancellationToken, Task<Progress>> look, Func<Progress, bool> done,
        Action<Progress, TimeSpan> show, CancellationToken ct)
    {
        var since = Stopwatch.StartNew();
        using var timer = new PeriodicTimer(LookInterval);
        while (true)
        {
            var progress = await look(ct);
            show(progress, since.Elapsed);
            if (done(progress))
            {
                return progress;
            }

            await timer.WaitForNextTickAsync(ct);
        }
    }

    private static Action<Progress, TimeSpan> Plain()
    {
        Progress? shown = null;
        return (progress, since) =>
        {
            if (progress != shown)
            {
                shown = progress;
                Console.WriteLine(progress.Line(since));
            }
        };
    }

    private static Rows Draw(Progress p, TimeSpan since)
    {
        var filled = p.Total == 0 ? 0 : BarCells * p.Settled / p.Total;
        var counts = new Table().Border(TableBorder.Rounded)
            .AddColumns("sent", "delivered", "read", "failed", "unknown", "skipped", "per second", "to go");
        counts.AddRow($"{p.Sent}", $"[green]{p.Delivered}[/]", $"[blue]{p.Read}[/]", $"[red]{p.Failed}[/]", $"[yellow]{p.Unknown}[/]",
            $"{p.Skipped}", $"{p.Rate(since):0}", Progress.Short(p.Remaining(since)));
        return new Rows(
            new Markup($"[green]{new string('━', filled)}[/][grey]{new string('━', BarCells - filled)}[/] {p.Settled}/{p.Total}"), counts);
    }
}
