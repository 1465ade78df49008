using Bsp.LocalStores.Common;
using Npgsql;

namespace Bsp.LocalStores.Postgres;

/// <summary>A streaming replica of a cluster that runs here: a base backup, and whatever comes after it over a connection.</summary>
internal sealed class PostgresStandby(PostgresPlace place, PostgresBinaries binaries, string password, string log)
    : LocalServer("PostgreSQL's replica")
{
    protected override TimeSpan StartPatience => TimeSpan.FromSeconds(60);

    public override string ConnectionString =>
        $"Host=127.0.0.1;Port={Port};Username=postgres;Password={password};Database=postgres";

    /// <param name="primary">As the role that owns the cluster.</param>
    /// <param name="directory">Its own; what is in it goes with whoever owns that.</param>
    /// <exception cref="Obstacle">The backup cannot be taken, or the replica does not start.</exception>
    public static async Task<PostgresStandby> StartAsync(string primary, string directory, CancellationToken ct)
    {
        Directory.CreateDirectory(directory);
        var (from, place) = (new NpgsqlConnectionStringBuilder(primary), await PostgresPlace.InAsync(directory, ct));
        var installed = await PostgresBinaries.InstalledAsync(ct);
        string[] backup =
        [
            Path.Combine(installed[0].Directory, "pg_basebackup"), "-D", place.Data, "-R", "-X", "stream", "-c", "fast", "-d",
            $"host={from.Host} port={from.Port} user={from.Username} password={from.Password} application_name=standby",
        ];
        await (place.User is { } user
            ? Command.MustRunAsync("setpriv", ["--reuid", user, "--regid", user, "--init-groups", "--", .. backup], place.Root, ct)
            : Command.MustRunAsync(backup[0], backup[1..], place.Root, ct));
        var standby = new PostgresStandby(place, installed[0], from.Password!, Path.Combine(directory, "standby.log"));
        await standby.StartAsync(ct);
        return standby;
    }

    /// <summary>It and its data are gone, wherever they lie.</summary>
    public async Task RemoveAsync()
    {
        await StopAsync();
        Directory.Delete(place.Root, recursive: true);
    }

    protected override ChildProgram Program() => new("PostgreSQL's replica", binaries.Postgres,
        ["-D", place.Data, "-p", $"{Port}", .. PostgresServer.Settings.SelectMany(s => (string[])["-c", s])], place.Root, log)
    { User = place.User, StopSignal = "INT", GraceSeconds = 30 };

    protected override async Task<bool> AnswersAsync(CancellationToken ct)
    {
        var file = Path.Combine(place.Data, "postmaster.pid");
        return File.Exists(file) && (await File.ReadAllLinesAsync(file, ct)) is [_, _, _, _, _, _, _, var status, ..]
            && status.Trim() is "ready" or "standby";
    }
}
