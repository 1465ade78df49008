using System.Collections.Concurrent;
using System.IO.Compression;
using System.Text;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Http;

/// <summary>In whatever form a body comes: it is read, or a problem says what is taken.</summary>
public sealed class BodyFormTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const int RoutesAtOnce = 12; // most of a request is waiting

    private static readonly string[] Types =
    [
        "application/json; charset=utf8", "application/json; charset=\"utf-8\"", "application/json; charset=\"utf8\"",
            "application/json; charset=", "application/json; charset=\"\"", "application/json; charset=\"", "application/json; charset",
        "application/json;", "application/json;;", "application/json; charset=x-unknown", "application/json; charset=utf-16",
        "application/json; charset=utf-32", "application/json; charset=utf-7", "application/json; charset=us-ascii",
        "application/json; charset=utf-8; charset=utf-16", "application/json; charset=\0",
        "application/json; charset=" + new string('x', 300), "application/json; charset=%F0%9F", "application/json; boundary=x",
        "APPLICATION/JSON; CHARSET=UTF-8",
        "application/json, application/json", "application/merge-patch+json; charset=utf8", "text/json", "text/csv; charset=utf8",
        "text/csv; charset=x-unknown", "text/csv; charset=utf-7", "*/*", "application/*", "/", ";", "json", "multipart/form-data",
    ];

    private static readonly string[] Encodings = ["gzip", "x-gzip", "br", "deflate", "identity", "gzip, gzip", "zstd", "", "*", "utf-8"];

    [Fact]
    public async Task No_form_of_a_body_is_500_on_any_route()
    {
        var organization = await app.NewOrganizationAsync();
        var broken = new ConcurrentBag<string>();
        var routes = app.Routes().Where(r => r.Method is "POST" or "PATCH" or "PUT" or "DELETE").ToList();
        routes.Count.ShouldBeGreaterThan(40);
        await Parallel.ForEachAsync(routes, new ParallelOptions { MaxDegreeOfParallelism = RoutesAtOnce }, async (route, _) =>
        {
            string[] key = RouteWalk.KeyOf(route, organization) is { } line ? [line] : [];
            async Task TryAsync(string what, IEnumerable<string> headers, byte[] body, long? announced = null)
            {
                var answer = await RawHttp.SendAsync(app.Address, route.Method, route.Target, key.Concat(headers), body, announced);
                var answered = answer.Status is >= 200 and < 500
                    && (answer.Status < 400 || answer.Status == 400 && answer.Text.Length == 0
                        || answer.ContentType == "application/problem+json");
                if (!answered && !(announced is not null && answer.Status == 0)) // half a request need not be answered
                {
                    broken.Add($"{route} {what}: {answer.Status} {answer.Text}");
                }
            }

            foreach (var type in Types)
            {
                await TryAsync(type, [$"Content-Type: {type}"], "{}"u8.ToArray());
            }

            foreach (var encoding in Encodings)
            {
                await TryAsync($"packed with {encoding}", ["Content-Type: application/json", $"Content-Encoding: {encoding}"],
                    "{}"u8.ToArray());
            }

            await TryAsync("no type", [], "{}"u8.ToArray());
            await TryAsync("two types", ["Content-Type: application/json", "Content-Type: text/csv"], "{}"u8.ToArray());
            await TryAsync("cut gzip", ["Content-Type: application/json", "Content-Encoding: gzip"], Gzip("{}"u8.ToArray())[..^6]);
            await TryAsync("no UTF-8", ["Content-Type: application/json"],
                [(byte)'{', (byte)'"', 0xFF, (byte)'"', (byte)':', (byte)'1', (byte)'}']);
            await TryAsync("a mark alone", ["Content-Type: application/json"], [0xEF, 0xBB, 0xBF]);
            await TryAsync("zeros", ["Content-Type: application/json"], new byte[64]);
            await TryAsync("cut JSON", ["Content-Type: application/json"], "{\"a"u8.ToArray());
            await TryAsync("cut body", ["Content-Type: application/json"], "{\"a"u8.ToArray(), announced: 100);
            await TryAsync("cut CSV", ["Content-Type: text/csv"], "phone_number\n+4"u8.ToArray(), announced: 100);
            await TryAsync("bad chunk", ["Content-Type: application/json", "Transfer-Encoding: chunked"],
                "zz\r\n{}\r\n0\r\n\r\n"u8.ToArray(), announced: -1);
            await TryAsync("empty chunk", ["Content-Type: application/json", "Transfer-Encoding: chunked"], "0\r\n\r\n"u8.ToArray(),
                announced: -1);
        });

        broken.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("application/json; charset=utf8", "utf-8")]
    [InlineData("application/json; charset=\"utf-8\"", "utf-8")]
    [InlineData("application/json; charset=", "utf-8")]
    [InlineData("application/json; charset=utf-16", "utf-16")]
    [InlineData("application/json; charset=utf-16", "utf-16BE with a mark")]
    [InlineData("application/json; charset=utf-16be", "utf-16BE")]
    [InlineData("application/json; charset=iso-8859-1", "iso-8859-1")]
    [InlineData("application/json; charset=windows-1252", "windows-1252")]
    [InlineData("application/json", "utf-8 with a mark")]
    public async Task JSON_is_read_in_the_character_set_that_it_names(string type, string written)
    {
        var organization = await app.NewOrganizationAsync();
        var encoding = written.StartsWith("utf-16BE", StringComparison.Ordinal) ? Encoding.BigEndianUnicode
            : Encoding.GetEncoding(written.Split(' ')[0]);
        var body = encoding.GetBytes("""{"name":"Käufer"}""");
        var marked = written.EndsWith("mark", StringComparison.Ordinal) ? [.. encoding.GetPreamble(), .. body] : body;
        var answer =
            await RawHttp.SendAsync(app.Address, "POST", "/v1/lists",
                [$"Authorization: Bearer {organization.AdminKey}", $"Content-Type: {type}"], marked);
        answer.Status.ShouldBe(201, answer.Text);
        answer["name"].GetString().ShouldBe("Käufer");
    }

    [Theory]
    [InlineData("application/json; charset=x-unknown", null, 415, "request.content_type", "x-unknown")]
    [InlineData("application/json; charset=utf-7", null, 415, "request.content_type", "utf-7")]
    [InlineData("text/plain", null, 415, "request.content_type", "application/json")]
    [InlineData("application/json", "br", 415, "request.content_encoding", "gzip")]
    [InlineData("application/json", "gzip", 400, "request.malformed", "gzip")]
    [InlineData("application/json; charset=utf-16", null, 400, "request.malformed", "")]
    public async Task What_is_not_taken_says_what_is(string type, string? encoding, int status, string code, string says)
    {
        var organization = await app.NewOrganizationAsync();
        string[] headers =
            [$"Authorization: Bearer {organization.AdminKey}", $"Content-Type: {type}", .. encoding is null ? []
                : new[] { $"Content-Encoding: {encoding}" }];
        var answer = await RawHttp.SendAsync(app.Address, "POST", "/v1/lists", headers, """{"name":"A"}"""u8.ToArray());
        answer.ShouldBeProblem(status, code)["detail"].GetString()!.ShouldContain(says);
        answer.Header("Accept-Encoding").ShouldBe(code == "request.content_encoding" ? "gzip" : null);
    }

    [Fact]
    public async Task The_wrong_type_on_the_CSV_route_says_what_is_taken()
    {
        var organization = await app.NewOrganizationAsync();
        var answer =
            await organization.Admin.SendAsync("POST", "/v1/contacts/import", "phone_number\n+4915112345678\n",
                ("Content-Type", "application/vnd.ms-excel"));
        answer.ShouldBeProblem(415, "request.content_type")["detail"].GetString()!.ShouldContain("text/csv");
    }

    [Fact]
    public async Task A_packed_body_is_unpacked_up_to_its_bound()
    {
        var organization = await app.NewOrganizationAsync();
        string[] headers = [$"Authorization: Bearer {organization.AdminKey}", "Content-Type: application/json", "Content-Encoding: gzip"];
        (await RawHttp.SendAsync(app.Address, "POST", "/v1/lists", headers, Gzip("""{"name":"Packed"}"""u8.ToArray())))["name"].GetString()
            .ShouldBe("Packed");
        var bomb = Gzip(new byte[64 * 1024 * 1024]);
        bomb.Length.ShouldBeLessThan(1_000_000);
        (await RawHttp.SendAsync(app.Address, "POST", "/v1/lists", headers, bomb)).ShouldBeProblem(413, "request.too_large");
        (await RawHttp.SendAsync(app.Address, "POST", "/v1/auth/login", headers[1..], Gzip(new byte[1024 * 1024])))
            .ShouldBeProblem(413, "request.too_large");
    }

    [Fact]
    public async Task A_field_of_a_merge_patch_is_named_like_any_other()
    {
        var organization = await app.NewOrganizationAsync();
        var answer = await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}", """{"name":17}""");
        answer.ShouldBeProblem(400, "request.invalid")["errors"].TryGetProperty("name", out _).ShouldBeTrue(answer.Text);
        answer = await organization.Admin.SendAsync("PATCH", $"/v1/conversations/{Guid.NewGuid()}", """{"tags":["a",1]}""");
        answer.ShouldBeProblem(400, "request.invalid")["errors"].TryGetProperty("tags[1]", out _).ShouldBeTrue(answer.Text);
    }

    internal static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }
}
