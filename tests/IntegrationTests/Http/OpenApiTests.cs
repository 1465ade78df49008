using System.Diagnostics;
using Bsp.Api.Common;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Http;

/// <summary>The document that client generators and reviewers read.</summary>
public sealed class OpenApiTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const string Redocly = "@redocly/cli@2.77.0";

    [Fact]
    public async Task It_says_under_which_licence_where_and_who_may()
    {
        var document = (await app.Anonymous.SendAsync("GET", "/openapi/v1.json")).Body;
        document.GetProperty("info").GetProperty("license").GetProperty("name").GetString().ShouldBe("MIT");
        document.GetProperty("servers")[0].GetProperty("url").GetString().ShouldBe("/");
        foreach (var path in document.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject())
            {
                var open = Access.Of(operation.Name.ToUpperInvariant(), path.Name)!.Least == Role.Anonymous;
                operation.Value.GetProperty("security").GetArrayLength().ShouldBe(open ? 0 : 2, $"{operation.Name} {path.Name}");
            }
        }
    }

    [Fact]
    public async Task Every_chapter_says_what_it_is_about()
    {
        var document = (await app.Anonymous.SendAsync("GET", "/openapi/v1.json")).Body;
        var chapters = document.GetProperty("tags").EnumerateArray()
            .ToDictionary(t => t.GetProperty("name").GetString()!, t => t.GetProperty("description").GetString()!);
        chapters.Where(c => c.Value == c.Key).ShouldBeEmpty("described by [Chapter] on the endpoint module");
        document.GetProperty("paths").EnumerateObject().SelectMany(p => p.Value.EnumerateObject())
            .SelectMany(o => o.Value.GetProperty("tags").EnumerateArray())
            .Select(t => t.GetString()!).Distinct().Order().ShouldBe(chapters.Keys.Order());
    }

    [Fact]
    public async Task Redocly_finds_nothing_to_say()
    {
        var folder = Directory.CreateTempSubdirectory("bsp-redocly-").FullName;
        try
        {
            var (installed, log) = await RunAsync("npm", folder, "install", "--no-audit", "--no-fund", "--prefix", folder, Redocly);
            Assert.SkipUnless(installed, $"npm cannot install {Redocly} here: {log}");
            await File.WriteAllTextAsync(Path.Combine(folder, "openapi.json"),
                (await app.Anonymous.SendAsync("GET", "/openapi/v1.json")).Text);
            var (clean, said) =
                await RunAsync(Path.Combine(folder, "node_modules", ".bin", "redocly"), folder, "lint", "openapi.json", "--format=stylish");
            clean.ShouldBeTrue(said);
            said.Replace("Deprecation warning", "", StringComparison.Ordinal).ShouldNotContain("warning", Case.Insensitive, said);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // False: it is not there, failed or took too long.
    private static async Task<(bool Succeeded, string Output)> RunAsync(string program, string folder, params string[] arguments)
    {
        using var within = new CancellationTokenSource(TimeSpan.FromMinutes(8));
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true,
            RedirectStandardError = true };
        start.Environment["REDOCLY_SUPPRESS_UPDATE_NOTICE"] = "true";
        start.Environment["REDOCLY_TELEMETRY"] = "off";
        try
        {
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEndAsync(within.Token);
            var errors = process.StandardError.ReadToEndAsync(within.Token);
            try
            {
                await process.WaitForExitAsync(within.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                return (false, "it took more than eight minutes.");
            }

            return (process.ExitCode == 0, $"{await output}\n{await errors}");
        }
        catch (System.ComponentModel.Win32Exception absent)
        {
            return (false, absent.Message);
        }
    }
}
