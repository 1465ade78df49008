using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Bsp.Application.CustomerWebhooks;
using Bsp.LocalStores.Common;

namespace Bsp.IntegrationTests.CustomerWebhooks;

/// <summary>The verifiers that the documentation gives to receivers, each in its own language, on what we sign.</summary>
public sealed class VerifierTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);
    private const string Body = """{"id":"evt_1","type":"message.sent","data":{"text":"Grüße 😀"}}""";

    // What is true of a verifier: one line for each case that it must take or refuse.
    private static List<(string Name, object Case, bool Good)> Cases()
    {
        var (secret, other) = (StandardWebhooks.NewSecret(), StandardWebhooks.NewSecret());
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        string Sign(string s, long at) => StandardWebhooks.Sign([StandardWebhooks.KeyOf(s)], "evt_1", at, Encoding.UTF8.GetBytes(Body));
        object Case(string signature, long at, string body = Body, string id = "evt_1") =>
            new { secret,
                headers = new Dictionary<string, string> { ["webhook-id"] = id, ["webhook-timestamp"] = $"{at}",
                    ["webhook-signature"] = signature }, body };
        return
        [
            ("signed", Case(Sign(secret, now), now), true),
                ("signed by both during a rotation", Case($"{Sign(other, now)} {Sign(secret, now)}", now), true),
                ("signed by another", Case(Sign(other, now), now), false),
            ("changed", Case(Sign(secret, now), now, Body + " "), false),
            ("under another id", Case(Sign(secret, now), now, id: "evt_2"), false),
            ("old", Case(Sign(secret, now - 600), now - 600), false),
            ("from the future", Case(Sign(secret, now + 600), now + 600), false), ("unsigned", Case("", now), false),
            ("of another version", Case(Sign(secret, now).Replace("v1,", "v1a,", StringComparison.Ordinal), now), false),
        ];
    }

    [Fact]
    public async Task The_one_in_JavaScript_takes_what_is_ours_and_nothing_else()
    {
        Assert.SkipWhen(Which("node") is null, "node is not installed.");
        var script = $$"""
            import { verify } from {{JsonSerializer.Serialize(new Uri(Verifier("verify.mjs")))}};
            import { readFileSync } from 'node:fs';
            console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map((c) => verify(c.secret, c.headers, Buffer.from(c.body)))));
            """;
        await ShouldAgreeAsync("node", ["--input-type=module", "-e", script]);
    }

    [Fact]
    public async Task The_one_in_Python_takes_what_is_ours_and_nothing_else()
    {
        Assert.SkipWhen(Which("python3") is null, "python3 is not installed.");
        var script = $"""
            import json, sys
            sys.path.insert(0, {JsonSerializer.Serialize(Path.GetDirectoryName(Verifier("verify.py")))})
            sys.dont_write_bytecode = True
            from verify import verify
            print(json.dumps([verify(c["secret"], c["headers"], c["body"].encode()) for c in json.load(sys.stdin)]))
            """;
        await ShouldAgreeAsync("python3", ["-c", script]);
    }

    [Fact]
    public void The_one_in_CSharp_takes_what_is_ours_and_nothing_else()
    {
        foreach (var (name, one, good) in Cases())
        {
            var c = JsonSerializer.SerializeToElement(one);
            BspWebhook.Verify(c.GetProperty("secret").GetString()!, c.GetProperty("headers").Deserialize<Dictionary<string, string>>()!,
                Encoding.UTF8.GetBytes(c.GetProperty("body").GetString()!)).ShouldBe(good, name);
        }
    }

    [Fact]
    public async Task The_standards_own_package_takes_what_is_ours_and_nothing_else()
    {
        Assert.SkipWhen(Which("npm") is null, "npm is not installed.");
        var directory = Path.Combine(Path.GetTempPath(), "bsp-standardwebhooks-1.1.1-whole");
        var package = Path.Combine(directory, "node_modules", "standardwebhooks", "package.json");
        if (!File.Exists(package))
        {
            // Installed elsewhere and then named, because somebody else's run may look for it at the same time.
            var fresh = Directory.CreateTempSubdirectory("bsp-standardwebhooks-").FullName;
            var (code, said) = await RunAsync("npm", ["install", "--prefix", fresh, "--no-audit", "--no-fund", "--ignore-scripts",
                "--fetch-retries=1", "--fetch-timeout=60000", "standardwebhooks@1.1.1"], "");
            Assert.SkipWhen(code != 0, $"npm could not install standardwebhooks: {said}");
            try
            {
                Directory.Move(fresh, directory);
            }
            catch (IOException) when (File.Exists(package))
            {
                // Somebody was faster.
            }
        }

        var script = $$"""
            const { Webhook } = require({{JsonSerializer.Serialize(Path.GetDirectoryName(package))}});
            const cases = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
            console.log(JSON.stringify(cases.map((c) => { try { new Webhook(c.secret).verify(c.body, c.headers); return true; } catch { return false; } })));
            """;
        await ShouldAgreeAsync("node", ["-e", script]);
    }

    private static async Task ShouldAgreeAsync(string program, string[] arguments)
    {
        var cases = Cases();
        var (code, said) = await RunAsync(program, arguments, JsonSerializer.Serialize(cases.ConvertAll(c => c.Case)));
        code.ShouldBe(0, said);
        var verdicts = JsonSerializer.Deserialize<bool[]>(said.Trim())!;
        cases.Select((c, i) => (c.Name, verdicts[i])).ShouldBe(cases.Select(c => (c.Name, c.Good)));
    }

    private static async Task<(int Code, string Said)> RunAsync(string program, string[] arguments, string input)
    {
        using var process =
            Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true,
                RedirectStandardError = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        try
        {
            await process.WaitForExitAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            return (-1, $"{program} did not end within {Patience.TotalMinutes:0} minutes.");
        }

        return (process.ExitCode, process.ExitCode == 0 ? await output : await output + await errors);
    }

    private static string Verifier(string name) => Path.Combine(Checkout.Root!, "docs", "webhooks", "verifiers", name);

    private static string? Which(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(d => Path.Combine(d, program)).FirstOrDefault(File.Exists);
}
