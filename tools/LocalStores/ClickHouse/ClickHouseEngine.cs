using System.Runtime.InteropServices;
using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.ClickHouse;

/// <summary>
/// Where the engine's library lies: once per user, outside every checkout. <c>scripts/prepare</c> puts it there by the same rule.
/// </summary>
internal static class ClickHouseEngine
{
    private const string Missing =
        "The ClickHouse engine (libchdb) is not installed: run scripts/prepare, which needs npm and the network once.";

    /// <summary>The version that engine.env pins.</summary>
    public static string Version { get; } = ReadVersion();

    /// <summary>Path of libchdb.so; <c>BSP_CLICKHOUSE_LIB</c> overrides it.</summary>
    /// <exception cref="Obstacle">it is not there</exception>
    public static string Library() => Candidates().FirstOrDefault(File.Exists) ?? throw new Obstacle(Missing);

    public static bool IsInstalled => Candidates().Any(File.Exists);

    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable("BSP_CLICKHOUSE_LIB") is { Length: > 0 } given)
        {
            return [given];
        }

        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg
            : Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/nonexistent", ".cache");
        var name = Path.Combine($"chdb-{Version}-{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}", "libchdb.so");
        string[] roots =
            [Path.Combine(cache, "bsp"), .. Checkout.Root is { } root ? [Path.Combine(root, ".local", "cache")] : Array.Empty<string>()];
        return roots.Select(r => Path.Combine(r, name));
    }

    private static string ReadVersion()
    {
        using var stream = typeof(ClickHouseEngine).Assembly.GetManifestResourceStream("engine.env")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n').First(l => l.StartsWith("CHDB_VERSION=", StringComparison.Ordinal))["CHDB_VERSION=".Length..]
            .Trim();
    }
}
