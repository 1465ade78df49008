using System.Globalization;
using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Postgres;

/// <summary>An installed PostgreSQL: the directory of its programs and its major version.</summary>
internal sealed record PostgresBinaries(string Directory, int Major)
{
    /// <summary>The oldest version whose features the schema uses.</summary>
    public const int OldestMajor = 15;

    private const string DebianRoot = "/usr/lib/postgresql";

    public string Postgres => Path.Combine(Directory, "postgres");

    public string InitDb => Path.Combine(Directory, "initdb");

    /// <summary>All that are installed and new enough, newest first: Debian's directories, then the one on PATH.</summary>
    public static async Task<IReadOnlyList<PostgresBinaries>> InstalledAsync(CancellationToken ct)
    {
        var debian = System.IO.Directory.Exists(DebianRoot)
            ? System.IO.Directory.EnumerateDirectories(DebianRoot).Select(d => Path.Combine(d, "bin")) : [];
        var onPath = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        var found = new List<PostgresBinaries>();
        foreach (var directory in debian.Concat(onPath)
            .Where(d => File.Exists(Path.Combine(d, "postgres")) && File.Exists(Path.Combine(d, "initdb"))))
        {
            // "postgres (PostgreSQL) 15.18 (Debian …)"
            var said = await Command.MustRunAsync(Path.Combine(directory, "postgres"), ["--version"], null, ct);
            var major = int.Parse(said.Split(' ')[2].Split('.')[0], CultureInfo.InvariantCulture);
            if (major >= OldestMajor)
            {
                found.Add(new PostgresBinaries(directory, major));
            }
        }

        return [.. found.OrderByDescending(b => b.Major)];
    }
}
