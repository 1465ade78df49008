using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.Queue;

/// <summary>The real BullMQ in a Node process of its own, on one queue. Its package is installed outside the repository, once.</summary>
public sealed class NodeBullMq : IAsyncDisposable
{
    private static readonly TimeSpan InstallTimeout = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(60);
    // By its text: another checkout's lies beside it.
    private static readonly string Driver = $"driver-{Hash(File.ReadAllText(Path.Combine(SourceDirectory(), "node", "driver.mjs")))}.mjs";
    private static readonly Lazy<(string? Directory, string? Problem)> Installed = new(Install);

    private readonly Process process;

    private NodeBullMq(Process process) => this.process = process;

    /// <summary>Skips the calling test, with the reason, where Node or the package is not to be had.</summary>
    public static NodeBullMq Start(string connectionString, string queue)
    {
        var (directory, problem) = Installed.Value;
        Assert.SkipWhen(directory is null, problem ?? "");
        var (host, port) = EndPoint(connectionString);
        return new(Process.Start(new ProcessStartInfo("node", [Path.Combine(directory!, Driver), host, port, queue])
        {
            WorkingDirectory = directory, RedirectStandardInput = true, RedirectStandardOutput = true,
        })!);
    }

    public async Task<JsonNode?> Do(string operation, object? arguments = null)
    {
        var request = JsonSerializer.SerializeToNode(arguments ?? new { }, JsonSerializerOptions.Web)!.AsObject();
        request["operation"] = operation;
        await process.StandardInput.WriteLineAsync(request.ToJsonString());
        await process.StandardInput.FlushAsync();
        var line = await process.StandardOutput.ReadLineAsync().WaitAsync(AnswerTimeout)
            ?? throw new InvalidOperationException("The Node process ended.");
        var answer = JsonNode.Parse(line)!;
        return answer["error"] is { } error ? throw new InvalidOperationException($"{operation}: {error}") : answer["value"];
    }

    /// <summary>kill -9, as when a machine is lost.</summary>
    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
    }

    public ValueTask DisposeAsync()
    {
        if (!process.HasExited) Kill();
        process.Dispose();
        return ValueTask.CompletedTask;
    }

    private static (string Host, string Port) EndPoint(string connectionString)
    {
        var endPoint = $"{ConfigurationOptions.Parse(connectionString).EndPoints[0]}".Replace("Unspecified/", "");
        var colon = endPoint.LastIndexOf(':');
        return (endPoint[..colon], endPoint[(colon + 1)..]);
    }

    private static (string?, string?) Install()
    {
        var source = Path.Combine(SourceDirectory(), "node");
        var package = File.ReadAllText(Path.Combine(source, "package.json"));
        var version = Hash(package);
        var target = Path.Combine(Path.GetTempPath(), $"bsp-bullmq-{version}");
        Directory.CreateDirectory(target);
        File.Copy(Path.Combine(source, "package.json"), Path.Combine(target, "package.json"), overwrite: true);
        File.Copy(Path.Combine(source, "driver.mjs"), Path.Combine(target, Driver), overwrite: true);
        if (Directory.Exists(Path.Combine(target, "node_modules", "bullmq"))) return (target, null);
        return NpmInstall(target) is { } problem ? (null, problem) : (target, null);
    }

    private static string? NpmInstall(string directory)
    {
        try
        {
            using var npm =
                Process.Start(new ProcessStartInfo("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"])
            {
                WorkingDirectory = directory, RedirectStandardError = true, RedirectStandardOutput = true,
            })!;
            if (!npm.WaitForExit(InstallTimeout))
            {
                npm.Kill(entireProcessTree: true);
                return "npm install of bullmq did not end within four minutes.";
            }

            return npm.ExitCode == 0 ? null : $"npm install of bullmq failed: {npm.StandardError.ReadToEnd()}";
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            return $"npm cannot be started: {error.Message}";
        }
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)))[..12];

    private static string SourceDirectory([System.Runtime.CompilerServices.CallerFilePath] string path = "") =>
        Path.GetDirectoryName(path)!;
}
