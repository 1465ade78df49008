using System.Diagnostics;

namespace Bsp.LocalStores.Common;

/// <summary>A program to run beside this one.</summary>
/// <param name="Name">For messages, and the log's name.</param>
/// <param name="Directory">Its working directory; by it a later start recognises what a killed one left (<see cref="Leftovers"/>).</param>
internal sealed record ChildProgram(string Name, string Program, IReadOnlyList<string> Arguments, string Directory, string LogPath)
{
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>What asks it to stop: a signal's name without SIG.</summary>
    public string StopSignal { get; init; } = "TERM";

    /// <summary>Seconds between the request to stop and KILL.</summary>
    public int GraceSeconds { get; init; } = 15;

    /// <summary>The account to run as; null: ours.</summary>
    public string? User { get; init; }
}

/// <summary>
/// A running program that ends when this process ends, however that happens. Between the two stands a shell that holds one end of a pipe:
/// when the
/// other end closes (we stop it, or we are killed) it asks the child to stop and, after its grace, kills it. Should the shell itself be
/// killed, the
/// kernel asks the child to stop (PR_SET_PDEATHSIG, set by setpriv *after* the change of user, which would clear it).
/// It runs in a session of its own, so that Ctrl-C reaches only us and things stop in our order.
/// </summary>
internal sealed class Child : IAsyncDisposable
{
    // dash ignores SIGINT in what it starts with '&'; PostgreSQL, the only one stopped by INT, installs its own handler.
    private const string Guard = """
        log=$1 signal=$2 grace=$3; shift 3
        exec 3<&0 </dev/null >>"$log" 2>&1
        "$@" 3<&- &
        child=$!
        {
            while read -r _; do :; done
            kill -s "$signal" "$child"
            tenths=$((grace * 10))
            while [ "$tenths" -gt 0 ] && kill -0 "$child" 2>/dev/null; do sleep 0.1; tenths=$((tenths - 1)); done
            kill -0 "$child" 2>/dev/null && kill -s KILL "$child"
        } <&3 3<&- &
        watch=$!
        exec 3<&-
        wait "$child"; code=$?
        kill "$watch" 2>/dev/null
        exit $code
        """;

    private const int LogTailLines = 20;
    private static readonly TimeSpan BeyondGrace = TimeSpan.FromSeconds(5);

    private readonly ChildProgram _program;
    private readonly Process _guard;

    private Child(ChildProgram program, Process guard)
    {
        _program = program;
        _guard = guard;
        Exited = WaitAsync(guard);
    }

    public string Name => _program.Name;

    /// <summary>Completes with the exit code once the program has ended.</summary>
    public Task<int> Exited { get; }

    /// <exception cref="Obstacle">the shell or setpriv is missing</exception>
    public static Child Start(ChildProgram program)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(program.LogPath)!);
        if (File.Exists(program.LogPath))
        {
            File.Move(program.LogPath, program.LogPath + ".1", overwrite: true);
        }

        string[] asUser = program.User is { } user ? ["--reuid", user, "--regid", user, "--init-groups"] : [];
        var start = new ProcessStartInfo("setsid",
        [
            "sh", "-c", Guard, "guard", program.LogPath, program.StopSignal, $"{program.GraceSeconds}",
            "setpriv", .. asUser, "--pdeathsig", program.StopSignal, "--", program.Program, .. program.Arguments,
        ])
        { WorkingDirectory = program.Directory, RedirectStandardInput = true };
        foreach (var (name, value) in program.Environment)
        {
            start.Environment[name] = value;
        }

        try
        {
            return new Child(program, Process.Start(start)!);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new Obstacle("'setsid' could not be started: install Debian's package util-linux.", e);
        }
    }

    /// <summary>Waits until <paramref name="probe"/> says that the program serves.</summary>
    /// <exception cref="Obstacle">it ended or stayed silent; the message carries its last log lines</exception>
    public async Task ReadyAsync(Func<CancellationToken, Task<bool>> probe, TimeSpan patience, CancellationToken ct)
    {
        var ready = await Until.TrueAsync(async token => Exited.IsCompleted || await probe(token), patience, ct);
        if (Exited.IsCompleted)
        {
            throw new Obstacle(
                $"{Name} ended with exit code {await Exited} instead of starting; its log ({_program.LogPath}) ends:\n{LogTail()}");
        }

        if (!ready)
        {
            throw new Obstacle(
                $"{Name} did not answer within {patience.TotalSeconds:0} s; its log ({_program.LogPath}) ends:\n{LogTail()}");
        }
    }

    /// <summary>The last lines it wrote, at most 20.</summary>
    public string LogTail() =>
        File.Exists(_program.LogPath) ? string.Join('\n', File.ReadLines(_program.LogPath).TakeLast(LogTailLines)) : "(no log)";

    /// <summary>Asks it to stop, waits its grace and kills it if it must. Stopping twice changes nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!Exited.IsCompleted)
        {
            _guard.StandardInput.Close();
            var patience = TimeSpan.FromSeconds(_program.GraceSeconds) + BeyondGrace;
            try
            {
                await Exited.WaitAsync(patience);
            }
            catch (TimeoutException)
            {
                _guard.Kill(entireProcessTree: true);
            }
        }
    }

    private static async Task<int> WaitAsync(Process process)
    {
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
