using Bsp.Application.Common;
using Bsp.Infrastructure.Backups;

namespace Bsp.Api.Operations;

/// <summary>The verbs <c>backup</c> and <c>restore</c>.</summary>
public static class BackupCommand
{
    private const string BackupUsage = "usage: backup DIRECTORY [--without-objects]";
    private const string RestoreUsage = "usage: restore DIRECTORY [--empty-copies]";

    /// <returns>0: it is whole and was read again; 1: it could not be made; 2: the command line is wrong.</returns>
    public static async Task<int> BackUpAsync(BspOptions options, string[] arguments, CancellationToken ct)
    {
        if (!TryRead(arguments, "--without-objects", out var directory, out var without))
        {
            await Console.Error.WriteLineAsync(BackupUsage);
            return 2;
        }

        return await EndAsync(async () =>
        {
            var made = await new Backup(options, TimeProvider.System, Console.WriteLine).WriteAsync(directory, !without, ct);
            Console.WriteLine($"Backup {made.Id} is whole: {Path.GetFullPath(directory)}, "
                + $"{(made.CompletedAt - made.StartedAt).TotalSeconds:0.0} s.");
            foreach (var note in made.NotCopied.Prepend(made.ObjectsNote ?? ""))
            {
                Console.Write(note.Length == 0 ? "" : $"  {note}\n");
            }
        });
    }

    /// <returns>0: it is restored, and nothing is sent; 1: it could not be; 2: the command line is wrong.</returns>
    public static async Task<int> RestoreAsync(BspOptions options, ILoggerFactory log, string[] arguments, CancellationToken ct)
    {
        if (!TryRead(arguments, "--empty-copies", out var directory, out var empty))
        {
            await Console.Error.WriteLineAsync(RestoreUsage);
            return 2;
        }

        return await EndAsync(async () =>
        {
            var from = await new Restore(options, TimeProvider.System, log, Console.WriteLine).ReadAsync(directory, empty, ct);
            Console.WriteLine($"""
                Restored as it was at {from.Databases.Max(d => d.At):yyyy-MM-dd HH:mm:ss} UTC. NOTHING IS SENT until you say so:
                  start the API, and let it make its views anew (./run projections);
                  ./run audit --all, ./run audit --log: ledger and log are what they were;
                  what was sent after that moment is not in the log: cancel the campaigns that ran, look through what waits;
                  ./run sending resume
                """);
        });
    }

    private static async Task<int> EndAsync(Func<Task> work)
    {
        try
        {
            await work();
            return 0;
        }
        catch (BackupFault fault)
        {
            await Console.Error.WriteLineAsync(fault.Message);
            return 1;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("Stopped: nothing was left.");
            return 1;
        }
    }

    private static bool TryRead(string[] arguments, string flag, out string directory, out bool given)
    {
        given = arguments.Contains(flag);
        var rest = arguments.Where(a => a != flag).ToList();
        directory = rest is [{ Length: > 0 } one] && one[0] != '-' ? one : "";
        return directory.Length > 0 && arguments.Length == (given ? 2 : 1);
    }
}
