using Bsp.LocalStores.ClickHouse;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Demo;
using Bsp.LocalStores.Listen;
using Bsp.LocalStores.Up;

namespace Bsp.LocalStores;

internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        try
        {
            return args switch
            {
                ["clickhouse-host", var library, var data, var port, .. var options] => ClickHouseHost.Run(library, data, port, options),
                ["stores"] => await HoldStoresAsync(StoresOptions.ForTests()),
                ["stores", "--keep", var directory] => await HoldStoresAsync(new StoresOptions(directory) { Persistent = true }),
                ["up"] => await UpCommand.RunAsync(),
                ["demo"] => await DemoCommand.RunAsync(),
                ["listen", .. var arguments] => await ListenCommand.RunAsync(arguments),
                ["api", .. var arguments] => await ApiCommand.RunAsync(arguments),
                _ => Usage(),
            };
        }
        catch (Obstacle e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }

    /// <summary>Stores for a person or another program: prints their connection strings, holds them until a signal.</summary>
    private static async Task<int> HoldStoresAsync(StoresOptions options)
    {
        using var asked = new StopRequest();
        await using var stores = await Stores.StartAsync(options, asked.Token);
        Console.WriteLine($"BSP_TEST_POSTGRES={stores.Postgres}\nBSP_TEST_REDIS={stores.Redis}\nBSP_TEST_CLICKHOUSE={stores.ClickHouse}");
        await asked.WaitAsync();
        return 0;
    }

    private static int Usage()
    {
        Console.Error.WriteLine("usage: Bsp.LocalStores up | demo | listen [options] | stores [--keep DIRECTORY] | api <verb> [arguments]");
        return 2;
    }
}
