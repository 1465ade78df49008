using System.Globalization;
using System.Runtime.InteropServices;

namespace Bsp.LocalStores.Common;

/// <summary>
/// Finds and stops what an earlier, killed start left running in a directory. The caller holds the directory's lock, so nobody living owns
/// them.
/// </summary>
internal static partial class Leftovers
{
    private const int Interrupt = 2, Kill = 9, Terminate = 15;
    private static readonly string[] OurPrograms = ["postgres", "redis-server", "dotnet"];
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Stops every server whose working directory is <paramref name="directory"/> or lies below it: asked first, killed after 15 s.
    /// </summary>
    public static async Task StopAsync(string directory, CancellationToken ct)
    {
        var found = In(directory);
        if (found.Count == 0)
        {
            return;
        }

        foreach (var (pid, _, program) in found.Where(p => found.All(other => other.Pid != p.Parent)))
        {
            Signal(pid, program == "postgres" ? Interrupt : Terminate); // PostgreSQL's own children stop at their parent's word
        }

        if (await Until.TrueAsync(() => In(directory).Count == 0, Grace, ct))
        {
            return;
        }

        foreach (var (pid, _, _) in In(directory))
        {
            Signal(pid, Kill);
        }

        if (!await Until.TrueAsync(() => In(directory).Count == 0, Grace, ct))
        {
            throw new Obstacle(
                $"Processes {string.Join(", ", In(directory).Select(p => p.Pid))} of an earlier start cannot be stopped: stop them, then start again.");
        }
    }

    /// <summary>The servers at work in or below the directory. Others' processes that we may not look into are passed over.</summary>
    public static IReadOnlyList<(int Pid, int Parent, string Program)> In(string directory)
    {
        var found = new List<(int Pid, int Parent, string Program)>();
        foreach (var process in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(process), CultureInfo.InvariantCulture, out var pid) && pid != Environment.ProcessId
                && WorkingDirectory(process) is { } cwd && (cwd == directory || cwd.StartsWith(directory + "/", StringComparison.Ordinal))
                && Program(process) is { } program && OurPrograms.Contains(program))
            {
                found.Add((pid, Parent(process), program));
            }
        }

        return found;
    }

    private static string? WorkingDirectory(string process) => Look(() => new DirectoryInfo(Path.Combine(process, "cwd")).LinkTarget);

    private static string? Program(string process) => Look(() => File.ReadAllText(Path.Combine(process, "comm")).Trim());

    private static int Parent(string process) =>
        Look(() => File.ReadLines(Path.Combine(process, "status"))
            .FirstOrDefault(line => line.StartsWith("PPid:", StringComparison.Ordinal))) is { } line
            ? int.Parse(line["PPid:".Length..], CultureInfo.InvariantCulture)
            : 0;

    // A process may end, or belong to somebody else, between two looks at it: then it is none of ours.
    private static string? Look(Func<string?> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // The result is not looked at: a process that ended meanwhile is what we want, one that stays is found by the next look.
    private static void Signal(int pid, int signal) => _ = Send(pid, signal);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Send(int pid, int signal);
}
