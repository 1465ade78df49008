using System.Globalization;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Spectre.Console;

namespace Bsp.Api.Operations;

/// <summary>
/// The verb <c>projections</c>: lists the views, or orders something of one and follows a rebuild with a bar, or line by line where the
/// output is no terminal.
/// </summary>
/// <param name="join">Takes part in running the projections: called before waiting for work that perhaps nobody else does.</param>
public sealed class ProjectionsCommand(IProjections projections, Func<Task> join)
{
    private const string Usage =
        "usage: projections [list] | rebuild|cancel|pause|resume|retry NAME   (NAME with or without its version; rebuild all)";
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>0: done; 1: the rebuild stopped or was left before its end; 2: not understood.</summary>
    public async Task<int> RunAsync(string[] arguments, CancellationToken ct)
    {
        switch (arguments)
        {
            case [] or ["list"]:
                Draw(await projections.ListAsync(ct));
                return 0;
            case [var word, var name] when Enum.TryParse<ProjectionOrder>(word, ignoreCase: true, out var order)
                && !char.IsAsciiDigit(word[0]):
                return await OrderAsync(name, order, ct);
            default:
                await Console.Error.WriteLineAsync(Usage);
                return 2;
        }
    }

    private async Task<int> OrderAsync(string name, ProjectionOrder order, CancellationToken ct)
    {
        var names = (await projections.ListAsync(ct)).Select(p => p.Name).Distinct()
            .Where(full => full == name || full.Split('.')[0] == name || (name == "all" && order == ProjectionOrder.Rebuild)).ToList();
        var ordered = new HashSet<string>();
        foreach (var full in names.DefaultIfEmpty(name))
        {
            try
            {
                await projections.OrderAsync(full, order, ct);
                ordered.Add(full);
            }
            catch (Refusal refusal) when (refusal.Code == "projection.no_rebuild" && name == "all")
            {
                // It makes no view.
            }
            catch (Refusal refusal)
            {
                await Console.Error.WriteLineAsync(refusal.Message);
                return 2;
            }
        }

        if (order is not (ProjectionOrder.Rebuild or ProjectionOrder.Retry))
        {
            return 0; // taken up by whoever runs it, now or when somebody does
        }

        try
        {
            await join();
            return await FollowAsync(ordered, ct) ? 0 : 1;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("Left; the rebuild goes on in whichever process runs the projections.");
            return 1;
        }
    }

    // True: all are done. False: one stopped.
    private Task<bool> FollowAsync(HashSet<string> names, CancellationToken ct)
    {
        if (Console.IsOutputRedirected)
        {
            var said = new Dictionary<string, string>();
            return LoopAsync(names, (key, percent, text) =>
            {
                if (said.GetValueOrDefault(key) != text)
                {
                    Console.WriteLine($"{key}  {percent.ToString("0.0", CultureInfo.InvariantCulture)} %  {said[key] = text}");
                }
            }, ct);
        }

        return AnsiConsole.Progress().AutoRefresh(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(screen =>
        {
            var bars = new Dictionary<string, ProgressTask>();
            return LoopAsync(names, (key, percent, text) =>
            {
                if (!bars.TryGetValue(key, out var bar))
                {
                    bars[key] = bar = screen.AddTask(Markup.Escape(key));
                }

                bar.Value = percent;
                bar.Description = Markup.Escape($"{key}  {text}");
            }, ct);
        });
    }

    private async Task<bool> LoopAsync(HashSet<string> names, Action<string, double, string> show, CancellationToken ct)
    {
        using var timer = new PeriodicTimer(LookEvery);
        while (true)
        {
            var all = (await projections.ListAsync(ct)).Where(p => names.Contains(p.Name)).ToList();
            foreach (var view in all)
            {
                var (percent, text) = Progress(view);
                show($"{view.Name} {view.Shard}", percent, text);
            }

            if (all.Find(p => p is { Pending: null, Rebuild.State: "stopped" }) is { } stopped)
            {
                await Console.Error.WriteLineAsync($"{stopped.Name} on {stopped.Shard} stopped: {stopped.Rebuild!.Error}");
                return false;
            }

            if (all.TrueForAll(p => p is { Pending: null, Rebuild: null }))
            {
                return true;
            }

            await timer.WaitForNextTickAsync(ct);
        }
    }

    private static (double Percent, string Text) Progress(ProjectionView view) => view switch
    {
        { Pending: { } asked } => (0, $"{asked} asked for"),
        { Rebuild: { } r } =>
            (r.Percent, r.Error
                ?? string.Create(CultureInfo.InvariantCulture,
                    $"{r.EventsPerSecond:0} events/s, {(r.EtaSeconds is { } left ? $"{TimeSpan.FromSeconds(left):h\\:mm\\:ss} to go" : r.State)}")),
        _ => (100, "serves"),
    };

    private static void Draw(IReadOnlyList<ProjectionView> all)
    {
        if (Console.IsOutputRedirected)
        {
            foreach (var p in all)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{p.Name}  {p.Shard}  {p.State}  lag {p.Lag}  {p.EventsPerSecond:0} events/s  parked {p.Parked}  {p.Error}")
                    .TrimEnd());
            }

            return;
        }

        var table = new Table().Border(TableBorder.Rounded)
            .AddColumns("name", "shard", "state", "lag", "events/s", "parked", "rebuild", "error");
        foreach (var p in all)
        {
            table.AddRow(new[] { p.Name, p.Shard, p.State, $"{p.Lag}", $"{p.EventsPerSecond:0}", $"{p.Parked}", p.Rebuild is { } r
                ? $"{r.Percent:0.0} %" : "", p.Error ?? p.Rebuild?.Error ?? "" }.Select(Markup.Escape).ToArray());
        }

        AnsiConsole.Write(table);
    }
}
