using System.Globalization;
using Bsp.LocalStores.Common;

namespace Bsp.Benchmarks;

/// <summary>What the kernel says of a process.</summary>
internal sealed record ChildProcess(int Id)
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux architecture that .NET runs on

    /// <summary>Found by its working directory and a word of its command line.</summary>
    public static ChildProcess In(string directory, string word) => Directory.GetDirectories("/proc").Select(path => (path, Id: int.TryParse(Path.GetFileName(path), out var id) ? id : 0))
        .Where(p => p.Id > 0 && IsIn(p.path, directory, word)).Select(p => new ChildProcess(p.Id)).FirstOrDefault() ?? throw new Obstacle($"{word} does not run in {directory}.");

    /// <summary>Resident memory now, MB of 1,000,000 bytes.</summary>
    public double MemoryMb => Kilobytes("VmRSS") / 1000;

    /// <summary>Most resident memory so far, MB.</summary>
    public double MemoryPeakMb => Kilobytes("VmHWM") / 1000;

    /// <summary>Processor time used so far.</summary>
    public TimeSpan Processor
    {
        get
        {
            var fields = File.ReadAllText($"/proc/{Id}/stat").Split(") ")[1].Split(' ');
            return TimeSpan.FromSeconds((long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond);
        }
    }

    private static bool IsIn(string process, string directory, string word)
    {
        try
        {
            var command = File.ReadAllText(Path.Combine(process, "cmdline")).Split('\0');
            return Path.GetFileName(command[0]) == "dotnet" && command.Any(part => part.EndsWith(word, StringComparison.Ordinal))
                && new FileInfo(Path.Combine(process, "cwd")).LinkTarget == directory;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // it ended while we looked
        }
    }

    private double Kilobytes(string name) =>
        double.Parse(File.ReadLines($"/proc/{Id}/status").First(line => line.StartsWith(name, StringComparison.Ordinal)).Split(':')[1].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) * 1.024;
}
