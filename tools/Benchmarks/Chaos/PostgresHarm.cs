using System.Diagnostics;
using System.Globalization;
using Bsp.LocalStores;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>Ways in which a PostgreSQL goes away and comes back on the same port with the same data.</summary>
/// <param name="stores">Holds it; nobody else may use it.</param>
/// <param name="source">To any database of it, as superuser, not pooled.</param>
internal sealed class PostgresHarm(Stores stores, NpgsqlDataSource source)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);

    /// <summary>An orderly restart: sessions are ended, everything is written.</summary>
    /// <param name="away">How long nobody answers, beside the time it takes itself.</param>
    public async Task RestartFastAsync(TimeSpan away, CancellationToken ct)
    {
        await stores.StopAsync(StoreKinds.Postgres);
        await Task.Delay(away, ct);
        await stores.StartAgainAsync(StoreKinds.Postgres, ct);
    }

    /// <summary>pg_ctl's mode immediate (SIGQUIT): nobody is waited for, and the next start recovers from the log.</summary>
    public async Task RestartImmediateAsync(TimeSpan away, CancellationToken ct)
    {
        var (file, postmaster) = await PostmasterAsync(ct);
        await SignalAsync("-QUIT", [postmaster]);
        await StartAgainAsync(file, away, ct);
    }

    /// <summary>Postmaster and all its children in one stroke, as when the machine is lost; it does not come back.</summary>
    public async Task LoseAsync(CancellationToken ct)
    {
        var (_, postmaster) = await PostmasterAsync(ct);
        await SignalAsync("-9", [postmaster, .. ChildrenOf(postmaster)]);
        await stores.StopAsync(StoreKinds.Postgres); // it is dead; this ends its guard
    }

    /// <summary>Postmaster and all its children in one stroke, as when the machine loses power; then it is started again.</summary>
    public async Task KillAllAsync(TimeSpan away, CancellationToken ct)
    {
        var (file, postmaster) = await PostmasterAsync(ct);
        await SignalAsync("-9", [postmaster, .. ChildrenOf(postmaster)]);
        await StartAgainAsync(file, away, ct);
    }

    /// <summary>kill -9 of the postmaster alone: its backends go on until they notice, and only then may another be started.</summary>
    public async Task KillPostmasterAsync(TimeSpan away, CancellationToken ct)
    {
        var (file, postmaster) = await PostmasterAsync(ct);
        await SignalAsync("-9", [postmaster]);
        await StartAgainAsync(file, away, ct);
    }

    /// <summary>A backend with -9: PostgreSQL ends all others and recovers by itself. False: nobody fits.</summary>
    /// <param name="application">Its <c>application_name</c>.</param>
    public async Task<bool> KillBackendAsync(string application, Random random, CancellationToken ct)
    {
        var victims = await PidsAsync(application, ct);
        if (victims.Count > 0)
        {
            await SignalAsync("-9", [victims[random.Next(victims.Count)]]);
        }

        return victims.Count > 0;
    }

    /// <summary>Backends of this <c>application_name</c>.</summary>
    public async Task<List<int>> PidsAsync(string application, CancellationToken ct)
    {
        await using var connection = await ReachAsync(ct);
        await using var command =
            new NpgsqlCommand("SELECT pid FROM pg_stat_activity WHERE application_name = $1 ORDER BY pid",
                connection) { Parameters = { new() { Value = application } } };
        await using var reader = await command.ExecuteReaderAsync(ct);
        var pids = new List<int>();
        while (await reader.ReadAsync(ct))
        {
            pids.Add(reader.GetInt32(0));
        }

        return pids;
    }

    /// <summary>A connection, as soon as it has recovered.</summary>
    public async Task<NpgsqlConnection> ReachAsync(CancellationToken ct)
    {
        for (var began = Stopwatch.GetTimestamp(); ; await Task.Delay(20, ct))
        {
            try
            {
                return await source.OpenConnectionAsync(ct);
            }
            catch (NpgsqlException) when (Stopwatch.GetElapsedTime(began) < Patience)
            {
                // It is recovering.
            }
        }
    }

    private async Task<(string File, int Id)> PostmasterAsync(CancellationToken ct)
    {
        await using var connection = await ReachAsync(ct);
        await using var command = new NpgsqlCommand("SHOW data_directory", connection);
        var file = Path.Combine((string)(await command.ExecuteScalarAsync(ct))!, "postmaster.pid");
        return (file, int.Parse(File.ReadLines(file).First(), CultureInfo.InvariantCulture));
    }

    private async Task StartAgainAsync(string pidFile, TimeSpan away, CancellationToken ct)
    {
        await stores.StopAsync(StoreKinds.Postgres); // it is dead or dying; this ends its guard
        await EndedAsync(Path.GetDirectoryName(pidFile)!, ct);
        File.Delete(pidFile);
        await Task.Delay(away, ct);
        await stores.StartAgainAsync(StoreKinds.Postgres, ct);
    }

    // A server does not start while a process of the one before holds its memory: also one that was forked after the others were counted.
    private static async Task EndedAsync(string directory, CancellationToken ct)
    {
        for (var began = Stopwatch.GetTimestamp(); AnyWorksIn(directory) && Stopwatch.GetElapsedTime(began) < Patience;)
        {
            await Task.Delay(20, ct);
        }
    }

    // Every process of PostgreSQL works in its data directory.
    private static bool AnyWorksIn(string directory) => Directory.GetDirectories("/proc")
        .Any(path => int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out _) && WorksIn(path) == directory);

    private static string? WorksIn(string process)
    {
        try
        {
            return new FileInfo(Path.Combine(process, "cwd")).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // it ended between two looks, or is somebody else's
        }
    }

    private static IEnumerable<int> ChildrenOf(int parent) => Directory.GetDirectories("/proc")
        .Select(path => int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out var id) ? id : 0)
        .Where(id => id > 0 && IsChild(id, parent));

    private static bool IsChild(int id, int parent)
    {
        try
        {
            return File.ReadLines($"/proc/{id}/status").Any(line => line == $"PPid:\t{parent}");
        }
        catch (IOException)
        {
            return false; // it ended between two looks
        }
    }

    private static async Task SignalAsync(string signal, IEnumerable<int> ids)
    {
        using var kill = Process.Start("kill", [signal, .. ids.Select(id => id.ToString(CultureInfo.InvariantCulture))]);
        await kill.WaitForExitAsync();
    }
}
