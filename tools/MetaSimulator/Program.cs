namespace Bsp.MetaSimulator;

/// <summary>Runs the simulator by itself. Configuration: section <c>Simulator</c> from environment and command line.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        var configuration = new ConfigurationBuilder().AddEnvironmentVariables().AddCommandLine(args).Build();
        var options = configuration.GetSection("Simulator").Get<SimulatorOptions>() ?? new();
        try
        {
            await using var simulator = await Simulator.StartAsync(options, CancellationToken.None);
            Console.WriteLine(
                $"Meta simulator: {simulator.BaseUrl} (control: {simulator.BaseUrl}_control), webhooks to {options.WebhookUrl ?? "nobody yet"}");
            await simulator.WaitForShutdownAsync(CancellationToken.None);
            return 0;
        }
        catch (ArgumentException e)
        {
            await Console.Error.WriteLineAsync($"The simulator's options are wrong: {e.Message}");
            return 1;
        }
        catch (IOException e)
        {
            await Console.Error.WriteLineAsync(
                $"The simulator cannot listen on {options.Url}: {e.Message} Set Simulator__Url to a free port.");
            return 1;
        }
    }
}
