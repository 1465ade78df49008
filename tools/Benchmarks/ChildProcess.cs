using System.Globalization;
using Bsp.LocalStores.Common;

namespace Bsp.Benchmarks;

/// <summary>What the kernel says of a process.</summary>
internal sealed record ChildProcess(int Id)
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux architecture that .NET runs on

    /// <summary>Found by its working directory and a word of its command line.</summary>
    public static ChildProcess In(string directory, string word) =>
        Directory.GetDirectories("/proc").Select(path => (path, Id: int.TryParse(Path.GetFileName(path), out var id) ? id : 0))
        .Where(p => p.Id > 0 && IsIn(p.path, directory, word)).Select(p => new ChildProcess(p.Id)).FirstOrDefault()
        ?? throw new Obstacle($"{word} does not run in {directory}.");

    /// <summary>Resident memory now, MB of 1,000,000 bytes.</summary>
    public double MemoryMb => Kilobytes("VmRSS") / 1000;

    /// <summary>Most resident memory so far, MB.</summary>
    public double MemoryPeakMb => Kilobytes("VmHWM") / 1000;

    /// <summary>Processor time used so far.</summary>
    public TimeSpan Processor => Ticks($"/proc/{Id}", fields: 2);

    /// <summary>
    /// Processor time used so far by all that work in this directory or below it, and by those of their children that have ended.
    /// </summary>
    public static TimeSpan ProcessorIn(string directory) =>
        Directory.GetDirectories("/proc").Where(path => int.TryParse(Path.GetFileName(path), out _)).Aggregate(TimeSpan.Zero, (sum, path) =>
    {
        try
        {
            var at = new FileInfo(Path.Combine(path, "cwd")).LinkTarget;
            return at == directory || at?.StartsWith(directory + "/", StringComparison.Ordinal) is true ? sum + Ticks(path, fields: 4)
                : sum;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return sum; // it ended while we looked
        }
    });

    // utime and stime; then the same of the children that were waited for.
    private static TimeSpan Ticks(string process, int fields) => TimeSpan.FromSeconds(
        File.ReadAllText(process + "/stat").Split(") ")[1].Split(' ').Skip(11).Take(fields)
        .Sum(field => long.Parse(field, CultureInfo.InvariantCulture)) / TicksPerSecond);

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
        double.Parse(File.ReadLines($"/proc/{Id}/status").First(line => line.StartsWith(name, StringComparison.Ordinal)).Split(':')[1]
            .Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) * 1.024;
}
