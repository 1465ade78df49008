using System.Globalization;
using Bsp.LocalStores.Common;

namespace Bsp.Benchmarks.Chaos;

/// <summary>A file system of its own in memory, that can really be full. It takes the right to mount; gone when disposed of.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private const string Prefix = "bsp-disk-";
    private const int Step = 64 * 1024;

    private SmallDisk(string path) => Path = path;

    /// <summary>Where it is mounted; everybody may write there.</summary>
    public string Path { get; }

    private string Ballast => System.IO.Path.Combine(Path, "ballast");

    /// <summary>Null: this account may not mount anything.</summary>
    /// <param name="megabytes">All that fits.</param>
    public static async Task<SmallDisk?> TryMountAsync(int megabytes, CancellationToken ct)
    {
        await SweepAsync(ct);
        var name = $"{Prefix}{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}-{Guid.NewGuid():N}";
        var path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), name);
        Directory.CreateDirectory(path);
        var size = megabytes.ToString(CultureInfo.InvariantCulture);
        if (OperatingSystem.IsLinux()
            && (await Command.RunAsync("mount", ["-t", "tmpfs", "-o", $"size={size}m,mode=0777", "tmpfs", path], null, ct)).ExitCode == 0)
        {
            return new(path);
        }

        Directory.Delete(path);
        return null;
    }

    /// <summary>Not a byte more fits.</summary>
    public void Fill()
    {
        using var file = new FileStream(Ballast, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        var some = new byte[Step];
        for (var length = Step; length > 0;)
        {
            try
            {
                file.Write(some, 0, length);
            }
            catch (IOException) // what is left is less than that
            {
                length /= 2;
            }
        }
    }

    /// <summary>There is room again.</summary>
    public void Free() => File.Delete(Ballast);

    public async ValueTask DisposeAsync() => await UnmountAsync(Path, CancellationToken.None);

    // Of processes that were killed: their memory would be held for ever.
    private static async Task SweepAsync(CancellationToken ct)
    {
        foreach (var path in Directory.EnumerateDirectories(System.IO.Path.GetTempPath(), $"{Prefix}*"))
        {
            var owner = System.IO.Path.GetFileName(path)[Prefix.Length..].Split('-')[0];
            if (int.TryParse(owner, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && !Directory.Exists($"/proc/{pid}"))
            {
                await UnmountAsync(path, ct);
            }
        }
    }

    private static async Task UnmountAsync(string path, CancellationToken ct)
    {
        await Command.RunAsync("umount", ["-l", path], null, ct);
        try
        {
            Directory.Delete(path);
        }
        catch (IOException)
        {
            // Something of it is still mounted: the next one sweeps it.
        }
    }
}
