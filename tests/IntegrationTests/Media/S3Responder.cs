using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Bsp.IntegrationTests.Media;

/// <summary>
/// As much of S3 as objects need, in memory: it works out the signature of every request (AWS Signature Version 4) from what came over the
/// wire and refuses what does not fit, chunk framing included. Written from AWS's documentation, not from its client.
/// </summary>
internal sealed class S3Responder : IAsyncDisposable
{
    public const string AccessKey = "AKIAIOSFODNN7EXAMPLE";
    public const string SecretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    public const string Bucket = "files";

    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, byte[]> objects = new();

    private S3Responder(WebApplication app) => this.app = app;

    public Uri Address => new(app.Urls.First());

    public IReadOnlyDictionary<string, byte[]> Objects => objects;

    /// <summary>Requests that were refused for their signatures.</summary>
    public int Refused { get; private set; }

    /// <summary>So many requests answer 503 first.</summary>
    public int Unavailable { get; set; }

    public static async Task<S3Responder> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0").ConfigureKestrel(k => k.Limits.MaxRequestBodySize = null);
        var app = builder.Build();
        var responder = new S3Responder(app);
        app.Run(responder.AnswerAsync);
        await app.StartAsync();
        return responder;
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        if (Unavailable > 0)
        {
            Unavailable--;
            await FailAsync(http, 503, "ServiceUnavailable");
            return;
        }

        if (!IsSigned(http, body.ToArray()))
        {
            Refused++;
            await FailAsync(http, 403, "SignatureDoesNotMatch");
            return;
        }

        var path = WebUtility.UrlDecode(http.Request.Path.Value!);
        var key = path.StartsWith($"/{Bucket}/", StringComparison.Ordinal) ? path[(Bucket.Length + 2)..] : "";
        await (http.Request.Method switch
        {
            "PUT" => PutAsync(http, key, body.ToArray()),
            "GET" when http.Request.Query.ContainsKey("list-type") => ListAsync(http),
            "GET" => GetAsync(http, key),
            "DELETE" => DeleteAsync(http, key),
            _ => FailAsync(http, 405, "MethodNotAllowed"),
        });
    }

    private Task PutAsync(HttpContext http, string key, byte[] body)
    {
        objects[key] = body;
        http.Response.Headers.ETag = $"\"{Convert.ToHexStringLower(MD5.HashData(body))}\"";
        return Task.CompletedTask;
    }

    private async Task GetAsync(HttpContext http, string key)
    {
        if (!objects.TryGetValue(key, out var all))
        {
            await FailAsync(http, 404, "NoSuchKey");
            return;
        }

        var from = http.Request.Headers.Range is [{ } range] ? int.Parse(range["bytes=".Length..].Split('-')[0],
            CultureInfo.InvariantCulture) : 0;
        http.Response.StatusCode = from > 0 ? 206 : 200;
        http.Response.ContentLength = all.Length - from;
        await http.Response.Body.WriteAsync(all.AsMemory(from));
    }

    private Task DeleteAsync(HttpContext http, string key)
    {
        objects.TryRemove(key, out _);
        http.Response.StatusCode = 204;
        return Task.CompletedTask;
    }

    // Two a page, so that the next page is asked for.
    private Task ListAsync(HttpContext http)
    {
        var prefix = http.Request.Query["prefix"].ToString();
        var after = http.Request.Query["continuation-token"].ToString();
        var found = objects.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal) && string.CompareOrdinal(k, after) > 0)
            .Order(StringComparer.Ordinal).ToList();
        var page = found.Take(2).ToList();
        var more = found.Count > page.Count;
        http.Response.ContentType = "application/xml";
        return http.Response.WriteAsync($"""
            <?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{Bucket}</Name>
            <IsTruncated>{(more ? "true" : "false")}</IsTruncated>
            {(more ? $"<NextContinuationToken>{page[^1]}</NextContinuationToken>" : "")}{string.Concat(page.Select(k =>
                $"<Contents><Key>{k}</Key><Size>{objects[k].Length}</Size></Contents>"))}</ListBucketResult>
            """);
    }

    private static Task FailAsync(HttpContext http, int status, string code)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/xml";
        return http.Response.WriteAsync($"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{code}</Message></Error>");
    }

    private static bool IsSigned(HttpContext http, byte[] body)
    {
        var request = http.Request;
        if (request.Headers.Authorization is not [{ } authorization]
            || !authorization.StartsWith("AWS4-HMAC-SHA256 ", StringComparison.Ordinal))
        {
            return false;
        }

        var parts = authorization["AWS4-HMAC-SHA256 ".Length..].Split(',', StringSplitOptions.TrimEntries)
            .Select(p => p.Split('=', 2)).ToDictionary(p => p[0], p => p[1]);
        var scope = parts["Credential"].Split('/');
        var payload = request.Headers["x-amz-content-sha256"].ToString();
        if (scope[0] != AccessKey || payload != Convert.ToHexStringLower(SHA256.HashData(body)))
        {
            return false;
        }

        var raw = http.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget.Split('?');
        var query = raw.Length < 2 ? "" : string.Join('&', raw[1].Split('&').Select(p => p.Contains('=') ? p : p + "=")
            .Order(StringComparer.Ordinal));
        var headers = string.Concat(parts["SignedHeaders"].Split(';')
            .Select(name => (name, Value: name == "host" ? request.Host.Value! : string.Join(',', request.Headers[name].ToArray())))
            .Select(header => $"{header.name}:{header.Value.Trim()}\n"));
        var canonical = $"{request.Method}\n{raw[0]}\n{query}\n{headers}\n{parts["SignedHeaders"]}\n{payload}";
        var toSign = $"AWS4-HMAC-SHA256\n{request.Headers["x-amz-date"]}\n{string.Join('/', scope[1..])}\n"
            + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)));
        var key = scope[1..].Aggregate(Encoding.UTF8.GetBytes("AWS4" + SecretKey),
            (k, part) => HMACSHA256.HashData(k, Encoding.UTF8.GetBytes(part)));
        return Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign))) == parts["Signature"];
    }
}
