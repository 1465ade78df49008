using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Postgres;

/// <summary>A private PostgreSQL cluster on loopback: TCP only, scram passwords, no Unix socket.</summary>
internal sealed class PostgresServer(PostgresPlace place, PostgresBinaries binaries, string log) : LocalServer("PostgreSQL")
{
    /// <summary>For a developer's machine of two to four cores. fsync stays on: what is measured and tested is what is promised.</summary>
    internal static readonly string[] Settings =
    [
        "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "shared_buffers=1GB", "effective_cache_size=2GB",
        "work_mem=16MB", "maintenance_work_mem=128MB", "max_wal_size=2GB", "checkpoint_timeout=15min", "wal_compression=on",
        "random_page_cost=1.1", "jit=off", "timezone=UTC", "log_timezone=UTC", "cluster_name=bsp",
        // Which statement costs how much, by database: asked by tests and benchmarks, and by whoever wonders. Comes with PostgreSQL, as
        // pg_trgm does.
        "shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=all", "pg_stat_statements.max=20000",
    ];

    private string _password = "";

    protected override TimeSpan StartPatience => TimeSpan.FromSeconds(60); // recovery after a kill reads the log since the last checkpoint

    public override string ConnectionString =>
        $"Host=127.0.0.1;Port={Port};Username=postgres;Password={_password};Database=postgres";

    /// <summary>Chooses the installed version that fits the cluster, and creates the cluster when there is none.</summary>
    public static async Task<PostgresServer> PrepareAsync(string directory, string log, CancellationToken ct)
    {
        var installed = await PostgresBinaries.InstalledAsync(ct);
        if (installed.Count == 0)
        {
            throw new Obstacle($"PostgreSQL {PostgresBinaries.OldestMajor} or newer is not installed: run scripts/prepare as root.");
        }

        var place = await PostgresPlace.InAsync(directory, ct);
        var server = new PostgresServer(place, Fitting(installed, place), log);
        await Leftovers.StopAsync(place.Root, ct);
        await server.CreateClusterAsync(ct);
        File.Delete(Path.Combine(place.Data, "postmaster.pid")); // nothing runs here any more, whatever it says
        return server;
    }

    // A killed server's shared memory is freed by the system a moment after the last of its processes is gone from its list.
    protected override bool Passes(Obstacle obstacle) =>
        obstacle.Message.Contains("pre-existing shared memory block", StringComparison.Ordinal);

    protected override ChildProgram Program() => new("PostgreSQL", binaries.Postgres,
        ["-D", place.Data, "-p", $"{Port}", .. Settings.SelectMany(s => (string[])["-c", s])], place.Root, log)
    { User = place.User, StopSignal = "INT", GraceSeconds = 30 };

    /// <summary>The last line of postmaster.pid says so; this is what pg_ctl waits for.</summary>
    protected override async Task<bool> AnswersAsync(CancellationToken ct)
    {
        var file = Path.Combine(place.Data, "postmaster.pid");
        return File.Exists(file) && (await File.ReadAllLinesAsync(file, ct)) is [_, _, _, _, _, _, _, var status, ..]
            && status.Trim() == "ready";
    }

    private static PostgresBinaries Fitting(IReadOnlyList<PostgresBinaries> installed, PostgresPlace place)
    {
        var version = Path.Combine(place.Data, "PG_VERSION");
        if (!File.Exists(version))
        {
            return installed[0];
        }

        var wanted = File.ReadAllText(version).Trim();
        return installed.FirstOrDefault(b => $"{b.Major}" == wanted) ?? throw new Obstacle(
            $"The cluster in {place.Data} was made by PostgreSQL {wanted}, which is no longer installed: install postgresql-{wanted}, or remove that directory to begin with an empty one.");
    }

    /// <summary>initdb beside, then a rename: a kill on the way leaves no half cluster that looks whole.</summary>
    private async Task CreateClusterAsync(CancellationToken ct)
    {
        _password = Secret.LoadOrCreate(place.Password, Secret.Create);
        if (File.Exists(Path.Combine(place.Data, "PG_VERSION")))
        {
            return;
        }

        var unfinished = place.Data + ".new";
        if (Directory.Exists(unfinished))
        {
            Directory.Delete(unfinished, recursive: true);
        }

        string[] initdb =
            [binaries.InitDb, "-D", unfinished, "-U", "postgres", "--auth=scram-sha-256", $"--pwfile={place.Password}", "--encoding=UTF8",
                "--locale=C.UTF-8", "--no-sync"];
        if (place.User is { } user)
        {
            await Command.MustRunAsync("chown", [user, place.Password], null, ct);
            await Command.MustRunAsync("setpriv", ["--reuid", user, "--regid", user, "--init-groups", "--", .. initdb], place.Root, ct);
        }
        else
        {
            await Command.MustRunAsync(initdb[0], initdb[1..], place.Root, ct);
        }

        Directory.Move(unfinished, place.Data);
    }
}
