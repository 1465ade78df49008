using System.Diagnostics;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.WebConsole;

/// <summary>
/// The console's sources against this very application: its types are made anew from the application's own document, so that a route or
/// a field that the console uses and that changed is named by the compiler, with file and line.
/// </summary>
public sealed class ConsoleSourcesTests(ConsoleApp app) : IClassFixture<ConsoleApp>
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);
    private static readonly string Sources = Path.Combine(FindRoot(), "src", "Console");

    [Fact]
    public async Task The_console_fits_the_applications_own_document_and_its_pure_parts_do_what_they_should()
    {
        Assert.SkipUnless(Directory.Exists(Path.Combine(Sources, "node_modules", "typescript")),
            "The console's packages are not installed: scripts/console does so where Node.js is.");
        var document = (await app.Anonymous.SendAsync("GET", "/openapi/v1.json")).Text;
        await File.WriteAllTextAsync(Path.Combine(Sources, "openapi.json"), document);
        foreach (var script in new[] { "types", "check", "test" })
        {
            var (code, said) = await NpmAsync(script);
            code.ShouldBe(0, $"npm run {script}:\n{said}");
        }
    }

    [Fact]
    public void The_lock_file_names_no_registry()
    {
        var file = Path.Combine(Sources, "package-lock.json");
        Assert.SkipUnless(File.Exists(file), "There is no console here.");
        File.ReadAllText(file).ShouldNotContain("\"resolved\"", Case.Sensitive, "npm config set omit-lockfile-registry-resolved true");
    }

    private static async Task<(int Code, string Said)> NpmAsync(string script)
    {
        using var npm = Process.Start(new ProcessStartInfo("npm", ["run", "--silent", script])
        {
            WorkingDirectory = Sources, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var (said, faults) = (npm.StandardOutput.ReadToEndAsync(), npm.StandardError.ReadToEndAsync());
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            await npm.WaitForExitAsync(limit.Token);
        }
        finally
        {
            if (!npm.HasExited)
            {
                npm.Kill(entireProcessTree: true);
            }
        }

        var text = await said + await faults;
        return (npm.ExitCode, text.Length <= 4_000 ? text : text[..4_000]);
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Bsp.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Bsp.sln is in no folder above the tests.");
        }

        return folder;
    }
}
