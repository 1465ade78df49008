using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Bsp.Benchmarks.Hostile;

/// <summary>
/// An <see cref="Adversary"/> in a process of its own that gets what the others leave of the processors (nice 19): attackers bring their
/// own machine, and their collections and threads must not be taken for the product's.
/// </summary>
internal sealed class AdversaryProcess : IDisposable
{
    public const string Verb = "hostile-adversary";
    private const string TargetVariable = "BSP_HOSTILE_TARGET";
    private static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(30);

    private readonly Process process;

    private AdversaryProcess(Process process) => this.process = process;

    /// <summary>Processor time used so far.</summary>
    public TimeSpan Processor => new ChildProcess(process.Id).Processor;

    /// <summary>Attacks from now on.</summary>
    public static AdversaryProcess Start(Target target)
    {
        var start = new ProcessStartInfo("nice", ["-n", "19", "dotnet", typeof(AdversaryProcess).Assembly.Location, Verb])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        };
        start.Environment[TargetVariable] = JsonSerializer.Serialize(target);
        return new(Process.Start(start)!);
    }

    /// <summary>What the process does: attacks until its standard input ends, and says what it was told.</summary>
    public static async Task<int> RunAsync()
    {
        var target = JsonSerializer.Deserialize<Target>(
            Environment.GetEnvironmentVariable(TargetVariable) ?? throw new InvalidOperationException($"{TargetVariable} is not set."))!;
        using var adversary = new Adversary(target);
        using var stop = new CancellationTokenSource();
        var attack = adversary.RunAsync(stop.Token);
        await Console.In.ReadToEndAsync();
        await stop.CancelAsync();
        await attack;
        foreach (var (what, count) in adversary.Answers)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} {what}"));
        }

        return 0;
    }

    /// <summary>Ends the attack: what each kind was told, and how often.</summary>
    public async Task<IReadOnlyList<(string What, int Count)>> EndAsync()
    {
        process.StandardInput.Close();
        var said = await process.StandardOutput.ReadToEndAsync().WaitAsync(EndsWithin);
        return [.. said.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ', 2))
            .Select(parts => (parts[1], int.Parse(parts[0], CultureInfo.InvariantCulture)))];
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill();
        }

        process.Dispose();
    }
}
