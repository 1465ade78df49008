using System.Diagnostics;
using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Up;

/// <summary>
/// <c>./run migrate</c> and the API program's other verbs: runs it with the stores it needs, those of a running <c>./run</c> or its own for
/// the while.
/// </summary>
internal static class ApiCommand
{
    public static async Task<int> RunAsync(string[] arguments)
    {
        using var stop = new StopRequest();
        await using var run = await LocalRun.JoinAsync(stop.Token) ?? await LocalRun.StartAsync(stop.Token);
        var start = new ProcessStartInfo("dotnet", [run.Assembly("src/Api", "Bsp.Api.dll"), .. arguments]);
        foreach (var (name, value) in run.ApiEnvironment())
        {
            start.Environment[name] = value;
        }

        using var api = Process.Start(start) ?? throw new Obstacle("dotnet could not be started.");
        await api.WaitForExitAsync(CancellationToken.None); // Ctrl-C reaches it too, and it ends in its own way
        return api.ExitCode;
    }
}
