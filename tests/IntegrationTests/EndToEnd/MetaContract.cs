using System.Diagnostics;
using System.Security.Cryptography;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Meta's own schema of a message, checked by the script beside the repository, installed once in a folder of its own.</summary>
internal static class MetaContract
{
    private static readonly TimeSpan InstallPatience = TimeSpan.FromMinutes(5);

    /// <summary>
    /// What the script says about these bodies, and whether it found fault. Skips the calling test where the script, node or its packages
    /// are not to be had.
    /// </summary>
    public static async Task<(bool Passed, string Said)> CheckAsync(IReadOnlyList<(string Name, ReadOnlyMemory<byte> Body)> bodies)
    {
        var contract = await InstalledAsync(Shared.FolderOrSkip("tools", "meta-contract"));
        var folder = Directory.CreateTempSubdirectory("bsp-bodies-");
        try
        {
            foreach (var (name, body) in bodies)
            {
                await File.WriteAllBytesAsync(Path.Combine(folder.FullName, $"{name}.json"), body.ToArray());
            }

            var (code, said) =
                await RunAsync("node",
                    ["validate.mjs", "patched.yaml", "Message", .. Directory.GetFiles(folder.FullName).Order(StringComparer.Ordinal)],
                    contract);
            return (code == 0, said);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<string> InstalledAsync(string source)
    {
        var version = Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(source, "package.json"))))[..12];
        var target = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"bsp-contract-{version}")).FullName;
        foreach (var file in Directory.GetFiles(source))
        {
            var (bytes, copy) = (await File.ReadAllBytesAsync(file), Path.Combine(target, Path.GetFileName(file)));
            if (!File.Exists(copy) || !(await File.ReadAllBytesAsync(copy)).AsSpan().SequenceEqual(bytes))
            {
                await File.WriteAllBytesAsync(copy, bytes); // never under the eyes of another run that reads it
            }
        }

        if (!Directory.Exists(Path.Combine(target, "node_modules", "ajv")))
        {
            var (code, said) = await RunAsync("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"], target);
            Assert.SkipWhen(code != 0, $"npm install of the contract's packages failed: {said}");
        }

        return target;
    }

    private static async Task<(int Code, string Said)> RunAsync(string program, IEnumerable<string> arguments, string directory)
    {
        try
        {
            using var process =
                Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = directory, RedirectStandardOutput = true,
                    RedirectStandardError = true })!;
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            using var patience = new CancellationTokenSource(InstallPatience);
            await process.WaitForExitAsync(patience.Token);
            return (process.ExitCode, await output + await error);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            Assert.Skip($"{program} cannot be started: {e.Message}");
            throw;
        }
    }
}
