using System.Diagnostics;
using Bsp.LocalStores;

namespace Bsp.IntegrationTests.LocalStores;

/// <summary>A process of its own that holds stores in a directory, to be killed.</summary>
internal sealed class HeldStores : IAsyncDisposable
{
    private readonly Process _process;

    private HeldStores(Process process, string postgres, string redis, string clickHouse) =>
        (_process, Postgres, Redis, ClickHouse) = (process, postgres, redis, clickHouse);

    public string Postgres { get; }

    public string Redis { get; }

    public string ClickHouse { get; }

    public static async Task<HeldStores> StartAsync(string directory, CancellationToken ct)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(Stores).Assembly.Location, "stores", "--keep", directory])
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        var process = Process.Start(start)!;
        var lines = new List<string>();
        while (lines.Count < 3)
        {
            var line = await process.StandardOutput.ReadLineAsync(ct)
                ?? throw new InvalidOperationException("The stores did not start; see its error output.");
            lines.Add(line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..]);
        }

        return new HeldStores(process, lines[0], lines[1], lines[2]);
    }

    /// <summary>kill -9: nothing of its own runs any more.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>kill -9 of the holder and of the guards beside it, in one stroke.</summary>
    public async Task KillWithGuardsAsync()
    {
        var guards = Directory.EnumerateDirectories("/proc").Where(IsChild).Select(Path.GetFileName).ToList();
        guards.Count.ShouldBe(3);
        using var kill = Process.Start("kill", ["-9", $"{_process.Id}", .. guards!]);
        await kill.WaitForExitAsync();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private bool IsChild(string process)
    {
        try
        {
            return int.TryParse(Path.GetFileName(process), out _)
                && File.ReadLines(Path.Combine(process, "status")).Any(line => line == $"PPid:\t{_process.Id}");
        }
        catch (IOException)
        {
            return false; // it ended between two looks
        }
    }
}
