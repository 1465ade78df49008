using Bsp.LocalStores.Postgres;

namespace Bsp.LocalStores.Common;

/// <summary>A directory that one start at a time holds, by a lock that the kernel releases when the holder dies.</summary>
internal sealed class StoresDirectory : IAsyncDisposable
{
    private const string LockName = "lock";
    private const int RemoveAttemptsMax = 100;
    private readonly FileStream _lock;
    private readonly bool _throwAway;

    private StoresDirectory(string path, FileStream held, bool throwAway)
    {
        Path = path;
        _lock = held;
        _throwAway = throwAway;
    }

    public string Path { get; }

    /// <exception cref="Obstacle">another start holds it</exception>
    public static StoresDirectory Open(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        Directory.CreateDirectory(path);
        var held = TryLock(path)
            ?? throw new Obstacle($"The stores in {path} are in use by another start: stop that one first (Ctrl-C where it runs).");
        return new StoresDirectory(path, held, throwAway: false);
    }

    /// <summary>True: a start is at work in it at this moment.</summary>
    public static bool IsHeld(string path)
    {
        if (!File.Exists(System.IO.Path.Combine(path, LockName)))
        {
            return false;
        }

        using var mine = TryLock(path);
        return mine is null;
    }

    /// <summary>
    /// A new directory below <paramref name="parent"/>, removed at the end. Those that killed starts left there are removed first.
    /// </summary>
    public static async Task<StoresDirectory> OpenThrowAwayAsync(string parent, CancellationToken ct)
    {
        parent = System.IO.Path.GetFullPath(parent);
        Directory.CreateDirectory(parent);
        await SweepAsync(parent, ct);
        var path = System.IO.Path.Combine(parent, Guid.CreateVersion7().ToString("N"));
        Directory.CreateDirectory(path);
        return new StoresDirectory(path, TryLock(path)!, throwAway: true);
    }

    /// <summary>
    /// Call when everything in it was told to stop. What is still at it (children of a PostgreSQL that outlived its grace write to the end)
    /// is stopped before a throw-away goes.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (_throwAway)
        {
            await EmptyAsync(Path, CancellationToken.None);
        }

        _lock.Dispose();
    }

    private static async Task SweepAsync(string parent, CancellationToken ct)
    {
        foreach (var path in Directory.EnumerateDirectories(parent))
        {
            using var held = TryLock(path);
            if (held is not null)
            {
                await EmptyAsync(path, ct);
            }
        }
    }

    private static async Task EmptyAsync(string path, CancellationToken ct)
    {
        await Leftovers.StopAsync(path, ct);
        if (PostgresPlace.Noted(path) is { } outside)
        {
            await Leftovers.StopAsync(outside, ct);
        }

        Remove(path);
    }

    private static void Remove(string path)
    {
        if (PostgresPlace.Noted(path) is { } outside)
        {
            RemoveTree(outside);
        }

        RemoveTree(path);
    }

    // The lock goes with the rest, so a start that sweeps at this moment may be removing the same tree.
    private static void RemoveTree(string path)
    {
        for (var attempt = 1; Directory.Exists(path); attempt++)
        {
            try
            {
                Directory.Delete(path, recursive: true);
            }
            catch (IOException) when (attempt < RemoveAttemptsMax)
            {
            }
        }
    }

    private static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(System.IO.Path.Combine(path, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
