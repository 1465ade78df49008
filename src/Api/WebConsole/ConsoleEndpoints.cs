using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Bsp.Api.Common;
using Carter;
using Microsoft.Net.Http.Headers;

namespace Bsp.Api.WebConsole;

/// <summary>
/// The console: one page, whatever the address below <c>/console</c>, and its files. The page runs nothing but what its own nonce marks;
/// every answer has another. Nothing is asked of any other host. docs/decisions/0360.
/// </summary>
public sealed partial class ConsoleEndpoints : ICarterModule
{
    private const int NonceBytes = 16;
    private const string Assets = "assets/";

    // An uploaded file of our own origin is no script: only what has the nonce runs, and what that imports.
    private const string Policy = "default-src 'none'; script-src 'nonce-{0}'; style-src 'self' 'nonce-{0}'; img-src 'self' blob: data:; "
        + "media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
        + "frame-ancestors 'none'";

    private const string Missing = """
        <!doctype html><html lang="en"><meta charset="utf-8"><title>Bsp</title>
        <p>The console is not built here. <code>./run</code> builds it where Node.js 20 and npm are installed (Debian's packages
        <code>nodejs</code> and <code>npm</code>); <code>scripts/console</code> builds it alone. Then load this page again: nothing needs
        to be restarted. The API works without it: <a href="/docs">/docs</a>.</p></html>
        """;

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapGet("/console", (HttpContext http, ConsoleFiles files, CancellationToken ct) => PageAsync(http, files, ct))
            .ExcludeFromDescription();
        app.MapGet("/console/{**path}", FileAsync).ExcludeFromDescription();
    }

    private static async Task<IResult> FileAsync(string? path, HttpContext http, ConsoleFiles files, CancellationToken ct)
    {
        if (path is null || path == "index.html")
        {
            return await PageAsync(http, files, ct);
        }

        if (files.Find(path, Accepted(http.Request)) is not { } found)
        {
            // an address of the page's own, which it reads itself
            return path.StartsWith(Assets, StringComparison.Ordinal) ? TypedResults.NotFound() : await PageAsync(http, files, ct);
        }

        var headers = http.Response.Headers;
        headers.CacheControl = path.StartsWith(Assets, StringComparison.Ordinal) ? "public, max-age=31536000, immutable" : "no-cache";
        headers.Vary = "Accept-Encoding";
        if (found.Encoding is { } coding)
        {
            headers.ContentEncoding = coding;
        }

        return TypedResults.Stream(found.File.CreateReadStream(), found.Type, lastModified: found.File.LastModified,
            entityTag: new EntityTagHeaderValue($"\"{found.File.LastModified.UtcTicks:x}-{found.File.Length:x}-{found.Encoding}\""));
    }

    private static async Task<IResult> PageAsync(HttpContext http, ConsoleFiles files, CancellationToken ct)
    {
        http.Response.Headers.CacheControl = "no-store"; // its nonce is for once
        if (await files.PageAsync(ct) is not { } page)
        {
            return TypedResults.Content(Missing, "text/html; charset=utf-8", statusCode: 404);
        }

        var nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(NonceBytes));
        http.Response.Headers.ContentSecurityPolicy = string.Format(null, Policy, nonce);
        http.Response.Headers["Cross-Origin-Opener-Policy"] = "same-origin";
        return TypedResults.Content(Marked(page, nonce), "text/html; charset=utf-8");
    }

    /// <summary>The page with the nonce on whatever may run or style, and where its loader looks for it.</summary>
    public static string Marked(string page, string nonce) =>
        Head().Replace(Runs().Replace(page, $"<$1 nonce=\"{nonce}\""), $"$0<meta property=\"csp-nonce\" nonce=\"{nonce}\">", 1);

    private static List<string> Accepted(HttpRequest request) =>
        StringWithQualityHeaderValue.TryParseList(request.Headers.AcceptEncoding.OfType<string>().ToList(), out var codings)
            ? [.. codings.Where(c => c.Quality is not 0).Select(c => c.Value.Value!)] : [];

    [GeneratedRegex(@"<(script|link|style)(?=[\s>])", RegexOptions.IgnoreCase)]
    private static partial Regex Runs();

    [GeneratedRegex("<head[^>]*>", RegexOptions.IgnoreCase)]
    private static partial Regex Head();
}
