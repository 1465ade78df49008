using System.Text.RegularExpressions;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.WebConsole;

/// <summary>The server's side of the console: its files, sessions of browsers, second factors, mails.</summary>
public sealed partial class ConsoleTests(ConsoleApp app) : IClassFixture<ConsoleApp>
{
    [Fact]
    public async Task The_page_says_how_to_build_it_and_is_there_when_it_is_built_with_a_nonce_for_once_and_nothing_else_may_run()
    {
        if (Directory.Exists(app.ConsoleDirectory))
        {
            Directory.Delete(app.ConsoleDirectory, recursive: true); // another test's
        }

        var client = app.Client(null);
        var missing = await client.SendAsync("GET", "/console");
        (missing.Status, missing.ContentType).ShouldBe((404, "text/html"));
        missing.Text.ShouldContain("scripts/console");
        await BuildAsync();
        var first = await PageAsync(client, "/console");
        foreach (var path in new[] { "/console/", "/console/campaigns/5e0c", "/console/index.html", "/console/a.b/c" })
        {
            (await PageAsync(client, path)).Nonce.ShouldNotBe(first.Nonce);
        }

        first.Text.ShouldContain($"<script nonce=\"{first.Nonce}\" type=\"module\"");
        first.Text.ShouldContain($"<link nonce=\"{first.Nonce}\" rel=\"stylesheet\"");
        first.Text.ShouldContain($"<head><meta property=\"csp-nonce\" nonce=\"{first.Nonce}\">");
    }

    [Fact]
    public async Task Files_are_packed_and_kept_for_ever_and_nothing_beside_them_is_found()
    {
        await BuildAsync();
        using var client = new HttpClient { BaseAddress = app.Address };
        foreach (var (accepted, coding) in new[] { ("br, gzip", "br"), ("gzip", "gzip"), ("gzip;q=0", null), ("identity", null) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/console/assets/index-abc123.js");
            request.Headers.TryAddWithoutValidation("Accept-Encoding", accepted);
            using var answer = await client.SendAsync(request);
            ((int)answer.StatusCode, answer.Content.Headers.ContentEncoding.SingleOrDefault()).ShouldBe((200, coding), accepted);
            answer.Content.Headers.ContentType!.MediaType.ShouldBe("text/javascript");
            answer.Headers.CacheControl!.ToString().ShouldBe("public, max-age=31536000, immutable");
            answer.Headers.Vary.ShouldBe(["Accept-Encoding"]);
            (await answer.Content.ReadAsStringAsync()).ShouldBe(coding ?? "plain");
        }

        (await client.SendAsync("GET", "/console/assets/none.js")).ShouldBeProblem(404, "route.unknown");
        foreach (var path in new[] { "/console/..%2Fsecret.txt", "/console/assets/..%2f..%2fsecret.txt", "/console/.hidden.txt" })
        {
            (await client.SendAsync("GET", path)).Text.ShouldNotContain("secret");
        }
    }

    private static async Task<(string Text, string Nonce)> PageAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync(path);
        ((int)answer.StatusCode, answer.Content.Headers.ContentType!.MediaType).ShouldBe((200, "text/html"));
        answer.Headers.CacheControl!.NoStore.ShouldBeTrue();
        var policy = answer.Headers.GetValues("Content-Security-Policy").Single();
        policy.ShouldContain("frame-ancestors 'none'");
        policy.ShouldNotContain("unsafe");
        var nonce = Nonce().Match(policy).Groups[1].Value;
        nonce.Length.ShouldBeGreaterThan(20);
        return (await answer.Content.ReadAsStringAsync(), nonce);
    }

    private async Task BuildAsync()
    {
        var assets = Directory.CreateDirectory(Path.Combine(app.ConsoleDirectory, "assets")).FullName;
        await File.WriteAllTextAsync(Path.Combine(app.Files, "secret.txt"), "secret");
        await File.WriteAllTextAsync(Path.Combine(app.ConsoleDirectory, ".hidden.txt"), "secret");
        foreach (var (name, text) in new[] { ("index-abc123.js", "plain"), ("index-abc123.js.br", "br"), ("index-abc123.js.gz", "gzip") })
        {
            await File.WriteAllTextAsync(Path.Combine(assets, name), text);
        }

        await File.WriteAllTextAsync(Path.Combine(app.ConsoleDirectory, "index.html"), """
            <!doctype html><html><head><script type="module" src="/console/assets/index-abc123.js"></script>
            <link rel="stylesheet" href="/console/assets/index.css"></head><body><div id="root"></div></body></html>
            """);
    }

    [GeneratedRegex("script-src 'nonce-([^']+)';")]
    private static partial Regex Nonce();
}
