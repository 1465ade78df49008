using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Bsp.Infrastructure.Backups;

/// <summary>PostgreSQL's own programs: <c>pg_dump</c>, <c>pg_restore</c>, <c>psql</c>, all of one version.</summary>
/// <param name="directory">Where they lie.</param>
internal sealed class PgTools(string directory, int major)
{
    private const string DebianRoot = "/usr/lib/postgresql";
    private const int ErrorLinesShown = 5;

    public int Major => major;

    /// <summary>The newest that are installed: Debian's directories, then those on PATH.</summary>
    /// <exception cref="BackupFault">There are none.</exception>
    public static async Task<PgTools> FindAsync(CancellationToken ct)
    {
        var debian = Directory.Exists(DebianRoot) ? Directory.GetDirectories(DebianRoot).Select(d => Path.Combine(d, "bin")) : [];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        PgTools? newest = null;
        foreach (var place in debian.Concat(path).Where(d => File.Exists(Path.Combine(d, "pg_dump"))
            && File.Exists(Path.Combine(d, "pg_restore")) && File.Exists(Path.Combine(d, "psql"))))
        {
            // "pg_dump (PostgreSQL) 15.18 (Debian …)"
            using var asked = Process.Start(new ProcessStartInfo(Path.Combine(place, "pg_dump"), ["--version"])
            {
                RedirectStandardOutput = true,
            })!;
            var said = (await asked.StandardOutput.ReadToEndAsync(ct)).Split(' ');
            await asked.WaitForExitAsync(ct);
            if (said.Length > 2 && int.TryParse(said[2].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var found)
                && found > (newest?.Major ?? 0))
            {
                newest = new(place, found);
            }
        }

        return newest ?? throw new BackupFault("pg_dump, pg_restore and psql are not installed here: install PostgreSQL's client programs "
            + "(Debian: postgresql-client), of the server's version or newer.");
    }

    /// <summary>A program that is about to start; its errors are gathered, its output is the caller's.</summary>
    /// <param name="server">Null: it talks to none.</param>
    public PgRun Start(string program, NpgsqlConnectionStringBuilder? server, params IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(directory, program), arguments)
        {
            RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true,
        };
        foreach (var (name, value) in server is null ? [] : Variables(server))
        {
            start.Environment[name] = value;
        }

        return new(program, Process.Start(start)!);
    }

    // By the environment, because arguments are shown to every user of the machine.
    private static IEnumerable<(string Name, string? Value)> Variables(NpgsqlConnectionStringBuilder server)
    {
        yield return ("PGHOST", server.Host);
        yield return ("PGPORT", server.Port.ToString(CultureInfo.InvariantCulture));
        yield return ("PGUSER", server.Username);
        yield return ("PGDATABASE", server.Database);
        yield return ("PGPASSWORD", server.Password);
        yield return ("PGAPPNAME", "bsp backup");
        yield return ("PGSSLMODE", server.SslMode switch
        {
            SslMode.VerifyCA => "verify-ca", SslMode.VerifyFull => "verify-full", var mode => mode.ToString().ToLowerInvariant(),
        });
        if (server.RootCertificate is { Length: > 0 } root)
        {
            yield return ("PGSSLROOTCERT", root);
        }
    }

    internal static string Last(string errors) => string.Join(" ", errors.Split('\n', StringSplitOptions.RemoveEmptyEntries
        | StringSplitOptions.TrimEntries).TakeLast(ErrorLinesShown));
}

/// <summary>One of PostgreSQL's programs at work. Disposed before its end it is killed.</summary>
internal sealed class PgRun : IAsyncDisposable
{
    private readonly string program;
    private readonly Process process;
    private readonly Task<string> errors;

    public PgRun(string program, Process process) =>
        (this.program, this.process, errors) = (program, process, process.StandardError.ReadToEndAsync());

    public Stream Output => process.StandardOutput.BaseStream;

    public StreamWriter Input => process.StandardInput;

    /// <exception cref="BackupFault">It did not end well: with what it said.</exception>
    public async Task EndAsync(string doing, CancellationToken ct)
    {
        process.StandardInput.Close();
        await process.WaitForExitAsync(ct);
        var said = await errors;
        if (process.ExitCode != 0)
        {
            throw new BackupFault($"{doing}: {program} ended with {process.ExitCode}: {PgTools.Last(said)}");
        }
    }

    /// <summary>What it complained of; waits for its end.</summary>
    public async Task<string> ErrorsAsync() => PgTools.Last(await errors);

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }

        process.Dispose();
    }
}
