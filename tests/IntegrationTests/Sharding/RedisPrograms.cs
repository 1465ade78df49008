using System.Diagnostics;

namespace Bsp.IntegrationTests.Sharding;

/// <summary>Redis servers that a test starts in a form of its own; all end with it.</summary>
internal sealed class RedisPrograms : IAsyncDisposable
{
    private const string Server = "/usr/bin/redis-server";
    private const string Client = "/usr/bin/redis-cli";

    private readonly List<Process> running = [];

    /// <summary>They are installed.</summary>
    public static bool Are => File.Exists(Server) && File.Exists(Client);

    /// <summary>Each of them still runs.</summary>
    public bool AllRun => running.TrueForAll(one => !one.HasExited);

    /// <summary>Starts one, on loopback, without saving anything.</summary>
    /// <param name="more">Further arguments.</param>
    public Process Start(int port, string directory, params string[] more)
    {
        var one = Process.Start(new ProcessStartInfo(Server,
        [
            .. more is ["--sentinel", var file, ..] ? [file, "--sentinel"] : Array.Empty<string>(),
            "--port", $"{port}", "--bind", "127.0.0.1", "--dir", directory, "--logfile", Path.Combine(directory, "redis.log"),
            .. more is ["--sentinel", ..] ? [] : new[] { "--save", "", "--appendonly", "no" }.Concat(more),
        ]))!;
        running.Add(one);
        return one;
    }

    /// <summary>What redis-cli says.</summary>
    public static async Task<string> AskAsync(params IEnumerable<string> arguments)
    {
        using var asked = Process.Start(
            new ProcessStartInfo(Client, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (said, faults) = (asked.StandardOutput.ReadToEndAsync(), asked.StandardError.ReadToEndAsync());
        await asked.WaitForExitAsync();
        return await said + await faults;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var one in running)
        {
            one.Kill();
            await one.WaitForExitAsync();
            one.Dispose();
        }
    }
}
