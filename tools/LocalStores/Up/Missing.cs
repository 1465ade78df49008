using System.Diagnostics;
using Bsp.LocalStores.ClickHouse;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Postgres;
using Bsp.LocalStores.Redis;

namespace Bsp.LocalStores.Up;

/// <summary>Has <c>scripts/prepare</c> install what is to be started and is not there.</summary>
internal static class Missing
{
    public static async Task InstallAsync(StoresOptions options, string checkout, CancellationToken ct)
    {
        var missing = new List<string>();
        if (options.Postgres is null && (await PostgresBinaries.InstalledAsync(ct)).Count == 0)
        {
            missing.Add("postgres");
        }

        if (options.Redis is null && !RedisServer.IsInstalled)
        {
            missing.Add("redis");
        }

        if (options.ClickHouse is null && !ClickHouseEngine.IsInstalled)
        {
            missing.Add("clickhouse");
        }

        if (missing.Count == 0)
        {
            return;
        }

        // It talks to the person itself, so its output stays where ours goes.
        using var prepare =
            Process.Start(new ProcessStartInfo(Path.Combine(checkout, "scripts", "prepare"), missing) { WorkingDirectory = checkout })!;
        await prepare.WaitForExitAsync(ct);
        if (prepare.ExitCode != 0)
        {
            throw new Obstacle("Nothing was started: see the line above.");
        }
    }
}
