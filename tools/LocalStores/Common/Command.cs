using System.Diagnostics;

namespace Bsp.LocalStores.Common;

/// <summary>Runs a program to its end.</summary>
internal static class Command
{
    /// <summary>Runs without a shell and returns exit code and all that it wrote. Cancelling kills it.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string program, IEnumerable<string> arguments, string? directory,
        CancellationToken ct)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory ?? "/",
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start) ?? throw new Obstacle($"{program} could not be started.");
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(ct);
        var error = process.StandardError.ReadToEndAsync(ct);
        try
        {
            await process.WaitForExitAsync(ct);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return (process.ExitCode, (await output + await error).Trim());
    }

    /// <summary>As <see cref="RunAsync"/>, and a failure is an <see cref="Obstacle"/> with what the program said.</summary>
    public static async Task<string> MustRunAsync(string program, IEnumerable<string> arguments, string? directory, CancellationToken ct)
    {
        var (code, output) = await RunAsync(program, arguments, directory, ct);
        return code == 0 ? output : throw new Obstacle($"{Path.GetFileName(program)} failed with exit code {code}: {output}");
    }
}
