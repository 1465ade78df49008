using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bsp.Infrastructure.Media;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Bsp.IntegrationTests.Media;

/// <summary>Files from upload to Meta, and from a customer to whoever reads them, until they are erased.</summary>
public sealed class MediaTests(TenantApp app) : IClassFixture<TenantApp>
{
    private static readonly byte[] PngStart = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    // A picture as far as anybody here looks; no two are the same.
    private static byte[] Png(int length = 200_000) => [.. PngStart, .. RandomNumberGenerator.GetBytes(length - PngStart.Length)];

    [Fact]
    public async Task A_file_is_taken_by_what_it_is_and_served_so_that_nothing_of_it_runs()
    {
        var png = Png();
        var media = await UploadedAsync(png, "image/png", "../päth/cat.png");
        (media["kind"].GetString(), media["mime_type"].GetString(), media["file_size"].GetInt64(), media["filename"].GetString(),
            media["status"].GetString()).ShouldBe(("image", "image/png", png.Length, "cat.png", "ready"));
        media["sha256"].GetString().ShouldBe(Convert.ToHexStringLower(SHA256.HashData(png)));
        (await app.Tenant.Api.SendAsync("GET", $"/v1/media/{media["id"].GetGuid()}"))["id"].GetGuid().ShouldBe(media["id"].GetGuid());
        using var whole = await app.Tenant.Api.GetAsync(media["url"].GetString());
        (await whole.Content.ReadAsByteArrayAsync()).ShouldBe(png);
        whole.Content.Headers.ContentType!.MediaType.ShouldBe("image/png");
        whole.Content.Headers.ContentDisposition!.DispositionType.ShouldBe("attachment");
        whole.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        whole.Headers.GetValues("Content-Security-Policy").Single().ShouldStartWith("sandbox;");
        using var request = new HttpRequestMessage(HttpMethod.Get, media["url"].GetString());
        request.Headers.Range = new RangeHeaderValue(70_000, 140_000);
        using var part = await app.Tenant.Api.SendAsync(request);
        part.StatusCode.ShouldBe(HttpStatusCode.PartialContent);
        (await part.Content.ReadAsByteArrayAsync()).ShouldBe(png[70_000..140_001]);

        // Sealed where it lies, once for the same file, and gone with its row.
        Stored(png).ShouldHaveSingleItem().ShouldNotContain("cat");
        File.ReadAllBytes(Stored(png)[0]).AsSpan().IndexOf(png.AsSpan(1_000, 32)).ShouldBe(-1);
        (await UploadedAsync(png, "image/png", "cat.png"))["id"].GetGuid().ShouldBe(media["id"].GetGuid());
        (await ListedAsync("kind=image&source=upload")).ShouldContain(m => m.GetProperty("id").GetGuid() == media["id"].GetGuid());
        (await app.Tenant.Api.SendAsync("DELETE", $"/v1/media/{media["id"].GetGuid()}")).Status.ShouldBe(204);
        (await app.Tenant.Api.SendAsync("GET", $"/v1/media/{media["id"].GetGuid()}/content")).ShouldBeProblem(404, "media.unknown");
        (await app.Tenant.Api.SendAsync("DELETE", $"/v1/media/{media["id"].GetGuid()}")).ShouldBeProblem(404, "media.unknown");
        await SweptAsync(() => Stored(png).Length == 0);
    }

    [Fact]
    public async Task A_text_that_is_a_page_comes_as_bytes()
    {
        var page = Encoding.UTF8.GetBytes($"<html><script>alert('{Guid.NewGuid()}')</script></html>");
        var media = await UploadedAsync(page, "text/plain", "a.html");
        using var answer = await app.Tenant.Api.GetAsync(media["url"].GetString());
        (answer.Content.Headers.ContentType!.MediaType, answer.Content.Headers.ContentDisposition!.DispositionType)
            .ShouldBe(("application/octet-stream", "attachment"));
    }

    [Fact]
    public async Task What_Meta_would_not_take_is_refused_and_says_why()
    {
        (await UploadAsync(Encoding.UTF8.GetBytes("<svg/>"), "image/svg+xml", "a.svg")).ShouldBeProblem(415, "media.type_not_supported");
        (await UploadAsync(Encoding.UTF8.GetBytes("<html>"), "image/png", "a.png")).ShouldBeProblem(415, "media.type_mismatch");
        (await UploadAsync([0x4D, 0x5A, 0x90, 0], null, "a.exe")).ShouldBeProblem(415, "media.type_not_supported");
        (await UploadAsync([], "image/png", "a.png")).ShouldBeProblem(400, "media.empty");
        (await UploadAsync(Png((5 << 20) + 1), "image/png", "a.png")).ShouldBeProblem(413, "media.too_large").Text.ShouldContain("5242880");
        (await UploadAsync(Png((5 << 20) + 1), null, "a.png")).ShouldBeProblem(413, "media.too_large");
        byte[] sticker = [.. "RIFF"u8, 0, 0, 0, 0, .. "WEBP"u8, .. new byte[110 * 1024]];
        (await UploadAsync(sticker, "image/webp", "a.webp")).ShouldBeProblem(413, "media.too_large").Text.ShouldContain("102400");
        using var none = new MultipartFormDataContent { { new StringContent("image/png"), "type" } };
        (await PostAsync(none)).ShouldBeProblem(400, "request.invalid")["errors"].GetProperty("file")[0].GetString().ShouldNotBeNull();
        foreach (var (type, body) in new[] { ("multipart/form-data", "x"), ("multipart/form-data; boundary=b", "--b\r\nnonsense"),
            ("multipart/form-data; boundary=b", ""),
            ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=file\r\n\r\nx") })
        {
            using var odd = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            odd.Headers.TryAddWithoutValidation("Content-Type", type);
            (await PostAsync(odd)).Status.ShouldBe(400, $"{type} {body}");
        }

        (await app.Tenant.Api.SendAsync("POST", "/v1/media", new { a = 1 })).ShouldBeProblem(415, "request.content_type");
        (await app.Tenant.Api.SendAsync("GET", "/v1/media?kind=poem")).Status.ShouldBe(400);
    }

    [Fact]
    public async Task An_Idempotency_Key_stands_for_one_file()
    {
        var (png, key) = (Png(10_000), Guid.NewGuid().ToString());
        var first = await UploadAsync(png, "image/png", "a.png", key, boundary: "b1");
        var again = await UploadAsync(png, "image/png", "a.png", key, boundary: "b1");
        (again.Status, again["id"].GetGuid(), again.Header("Idempotency-Replayed")).ShouldBe((201, first["id"].GetGuid(), "true"));
        (await UploadAsync(Png(10_000), "image/png", "a.png", key, boundary: "b1")).ShouldBeProblem(422, "idempotency.other_body");
    }

    [Fact]
    public async Task Two_uploads_at_once_do_not_pass_the_quota_together()
    {
        using var other = await app.NewTenantAsync();
        await app.AdminAsync("INSERT INTO bsp.media_usage (organization_id, bytes) VALUES ($1, $2)", other.Id,
            (10_240L << 20) - 15_000);
        var answers = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => UploadAsync(Png(10_000), "image/png", $"{i}.png",
            client: other.Api)));
        answers.Select(a => a.Status).Order().ShouldBe([201, 409, 409]);
        answers.First(a => a.Status == 409).ShouldBeProblem(409, "media.quota_reached");
        var kept = answers.Single(a => a.Status == 201)["id"].GetGuid();
        (await other.Api.SendAsync("DELETE", $"/v1/media/{kept}")).Status.ShouldBe(204);
        (await UploadAsync(Png(10_000), "image/png", "again.png", client: other.Api)).Status.ShouldBe(201);
    }

    [Fact]
    public async Task A_file_is_given_to_Meta_once_for_a_number_and_again_when_Meta_has_lost_it_or_its_time_is_over()
    {
        var media = (await UploadedAsync(Png(), "image/png", "cat.png"))["id"].GetGuid();
        await WindowAsync("919871239001", "wamid.media.1");
        app.Meta.State.MediaFaults.Upload = 1; // the first try fails, which is told to nobody
        var uploads = app.Meta.State.MediaUploads;
        var first = await SentAsync(media, "919871239001");
        (await SentAsync(media, "919871239001")).ShouldBe(first);
        app.Meta.State.MediaUploads.ShouldBe(uploads + 1);
        app.Meta.State.LoseMedia(first).ShouldBeTrue();
        var second = await SentAsync(media, "919871239001");
        second.ShouldNotBe(first);
        await app.AdminAsync("UPDATE bsp.media_at_meta SET expires_at = now() WHERE media_id = $1", media);
        app.Services.GetRequiredService<MediaForSending>().Forget();
        (await SentAsync(media, "919871239001")).ShouldNotBe(second);
        (await SendAsync("video", media, "919871239001")).ShouldBeProblem(400, "media.kind_mismatch");
        (await SendAsync("image", Guid.NewGuid(), "919871239001")).ShouldBeProblem(404, "media.unknown");
    }

    [Fact]
    public async Task A_customers_file_is_fetched_whatever_goes_wrong_at_first_and_is_erased_with_them()
    {
        const string person = "919871239002";
        var jpg = (byte[])[0xFF, 0xD8, 0xFF, .. RandomNumberGenerator.GetBytes(100_000)];
        var (faults, meta) = (app.Meta.State.MediaFaults, app.Meta.State);
        (faults.Describe, faults.Download, faults.WrongBytes) = (1, 1, 1);
        var webhook = Inbound(person, "wamid.media.2", $$"""
            "type":"image","image":{"id":"{{meta.AddMedia("image/jpeg", jpg)}}","mime_type":"image/jpeg","url":"https://meta.example/short"}
            """);
        (await app.PostWebhookAsync(webhook)).Status.ShouldBe(200);
        var message = await Patience.UntilAsync(async () => (await MessagesAsync(person)).FirstOrDefault(),
            m => m.ValueKind == JsonValueKind.Object, "the message is shown");
        var url = message.GetProperty("content").GetProperty("media_url").GetString()!;
        url.ShouldStartWith("/v1/media/");
        using var answer = await Patience.UntilAsync(() => HurriedAsync(url), a => a.IsSuccessStatusCode, "the file is fetched");
        (await answer.Content.ReadAsByteArrayAsync()).ShouldBe(jpg);
        var known = await app.Tenant.Api.SendAsync("GET", url[..^"/content".Length]);
        (known["source"].GetString(), known["message_id"].GetGuid(), known["mime_type"].GetString())
            .ShouldBe(("message", message.GetProperty("id").GetGuid(), "image/jpeg"));
        Stored(jpg).ShouldHaveSingleItem();
        var contact = message.GetProperty("contact_id").GetGuid();
        (await app.Tenant.Api.SendAsync("POST", $"/v1/contacts/{contact}/erase")).Status.ShouldBeOneOf(200, 202);
        await Patience.UntilAsync(() => app.Tenant.Api.SendAsync("POST", $"/v1/contacts/{contact}/erase"), a => a.Status == 200,
            "the erasure is completed");
        Stored(jpg).ShouldBeEmpty();
        (await app.Tenant.Api.SendAsync("GET", url)).ShouldBeProblem(404, "media.unknown");

        // What Meta repeats brings nothing back.
        (await app.PostWebhookAsync(webhook)).Status.ShouldBe(200);
        await app.Views.InboxEmptyAsync();
        (await app.Tenant.Api.SendAsync("GET", url)).ShouldBeProblem(404, "media.unknown");
        Stored(jpg).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_file_that_a_killed_process_had_taken_up_is_fetched_by_the_next_and_what_it_had_stored_is_removed()
    {
        var shard = app.Services.GetRequiredService<Shards>().All[0];
        var (id, pdf) = (Guid.NewGuid(), Encoding.ASCII.GetBytes($"%PDF-1.7 {Guid.NewGuid()}"));
        var orphan = $"media/{app.Tenant.Id}/orphan-{id:N}";
        Directory.CreateDirectory(Path.Combine(app.Files, "media", $"{app.Tenant.Id}"));
        await File.WriteAllTextAsync(Path.Combine(app.Files, orphan), "what it had stored");
        await app.AdminAsync("INSERT INTO bsp.object_removals (object_key, organization_id, due_at) VALUES ($1, $2, now())", orphan,
            app.Tenant.Id);
        await app.AdminAsync("""
            INSERT INTO bsp.media (id, organization_id, source, status, account_id, contact_id, kind, meta_media_id, attempts, due_at)
            VALUES ($1, $2, 'message', 'waiting', $3, $4, 'document', $5, 1, now() - interval '1 second')
            """, id, app.Tenant.Id, app.Tenant.AccountId, Guid.NewGuid(), app.Meta.State.AddMedia("application/pdf", pdf));
        var file = await Patience.UntilAsync(() => app.Tenant.Api.SendAsync("GET", $"/v1/media/{id}"),
            m => m["status"].GetString() == "ready", "the file is fetched");
        file["mime_type"].GetString().ShouldBe("application/pdf");
        await SweptAsync(() => !File.Exists(Path.Combine(app.Files, orphan)));
        await app.Services.GetRequiredService<MediaWorker>().RoundAsync(shard, CancellationToken.None);
        (await app.Tenant.Api.SendAsync("GET", $"/v1/media/{id}/content")).Text.ShouldBe(Encoding.ASCII.GetString(pdf));
    }

    [Fact]
    public async Task A_file_that_Meta_does_not_have_is_given_up_and_says_so()
    {
        (await app.PostWebhookAsync(Inbound("919871239003", "wamid.media.3",
            "\"type\":\"document\",\"document\":{\"id\":\"99999999999\",\"mime_type\":\"application/pdf\",\"filename\":\"bill.pdf\"}")))
            .Status.ShouldBe(200);
        var failed = await Patience.UntilAsync(async () =>
        {
            await app.AdminAsync("UPDATE bsp.media SET due_at = now() WHERE meta_media_id = '99999999999' AND status = 'waiting'");
            return (await ListedAsync("source=message")).FirstOrDefault(m =>
                m.GetProperty("filename").GetString() == "bill.pdf");
        }, m => m.ValueKind == JsonValueKind.Object && m.GetProperty("status").GetString() == "failed", "it is given up");
        failed.GetProperty("error").GetString()!.ShouldContain("does not exist");
        (await app.Tenant.Api.SendAsync("GET", $"/v1/media/{failed.GetProperty("id").GetGuid()}/content"))
            .ShouldBeProblem(409, "media.not_ready");
    }

    [Fact]
    public async Task A_link_is_fetched_and_no_address_of_ours_is_whatever_leads_there()
    {
        var png = Png(50_000);
        await using var server = await ServerAsync(async http =>
        {
            switch (http.Request.Path.Value)
            {
                case "/cat.png":
                    http.Response.ContentType = "image/png";
                    await http.Response.Body.WriteAsync(png);
                    break;
                case "/around":
                    http.Response.Redirect("/around");
                    break;
                case "/there":
                    http.Response.Redirect("/cat.png");
                    break;
                case "/metadata":
                    http.Response.Redirect("http://169.254.169.254/latest/meta-data/");
                    break;
                case "/six":
                    http.Response.Redirect("http://[::ffff:10.0.0.1]/x");
                    break;
                default:
                    http.Response.StatusCode = 404;
                    break;
            }
        });
        var root = server.Urls.First();
        var fetched = await FetchAsync($"{root}/there");
        fetched.Status.ShouldBe(201, fetched.Text);
        (fetched["source"].GetString(), fetched["file_size"].GetInt32()).ShouldBe(("link", png.Length));
        foreach (var refused in new[] { $"{root}/metadata", $"{root}/six", "http://169.254.169.254/", "http://[fd00::1]/",
            "http://0x0a000001/",
            "http://user:secret@example.com/", "http://[::ffff:192.168.0.1]:8080/a" })
        {
            (await FetchAsync(refused)).ShouldBeProblem(400, "media.link_refused");
        }

        (await FetchAsync($"{root}/around")).ShouldBeProblem(502, "media.link_failed");
        (await FetchAsync($"{root}/none")).ShouldBeProblem(502, "media.link_failed");
        (await FetchAsync("http://127.0.0.1:1/")).ShouldBeProblem(502, "media.link_failed");
        (await FetchAsync("file:///etc/passwd")).ShouldBeProblem(400, "request.invalid");
    }

    private async Task<IReadOnlyList<JsonElement>> ListedAsync(string query) =>
        [.. (await app.Tenant.Api.SendAsync("GET", $"/v1/media?limit=200&{query}"))["data"].EnumerateArray()];

    private Task<Answer> FetchAsync(string link) => app.Tenant.Api.SendAsync("POST", "/v1/media/fetch", new { link });

    // The pauses between tries are hurried: what is due is taken up again at once.
    private async Task<HttpResponseMessage> HurriedAsync(string url)
    {
        await app.AdminAsync("UPDATE bsp.media SET due_at = now() WHERE status = 'waiting' AND due_at < now() + interval '1 minute'");
        return await app.Tenant.Api.GetAsync(url);
    }

    private async Task SweptAsync(Func<bool> done)
    {
        var sweep = app.Services.GetRequiredService<MediaSweep>();
        await Patience.UntilAsync(async () =>
        {
            await sweep.RoundAsync(app.Services.GetRequiredService<Shards>().All[0], CancellationToken.None);
            return done();
        }, gone => gone, "the object is removed");
    }

    private string[] Stored(byte[] content) => Directory.Exists(Path.Combine(app.Files, "media")) ? Directory.GetFiles(app.Files,
        "*", SearchOption.AllDirectories).Where(f => f.Contains(Convert.ToHexStringLower(SHA256.HashData(content)))).ToArray() : [];

    private async Task<Answer> SendAsync(string type, Guid media, string to) => await app.Tenant.Api.SendAsync("POST", "/v1/messages",
        new Dictionary<string, object?> { ["account_id"] = app.Tenant.AccountId, ["to"] = "+" + to, ["type"] = type,
            [type] = new { id = media, caption = "Look" } });

    // Meta's id under which it left.
    private async Task<string> SentAsync(Guid media, string to)
    {
        var sent = await SendAsync("image", media, to);
        sent.Status.ShouldBe(201, sent.Text);
        var message = await Patience.UntilAsync(() => Task.FromResult(app.Meta.State.Messages().LastOrDefault(m =>
            m.CallbackData == sent["id"].GetString() && m.RefusedWith is null)), m => m is not null, "the message reaches Meta");
        return JsonDocument.Parse(message!.Body).RootElement.GetProperty("image").GetProperty("id").GetString()!;
    }

    private async Task WindowAsync(string from, string wamid)
    {
        (await app.PostWebhookAsync(Inbound(from, wamid, "\"type\":\"text\",\"text\":{\"body\":\"Hi\"}"))).Status.ShouldBe(200);
        await Patience.UntilAsync(() => MessagesAsync(from), m => m.Count > 0, "the window is open");
    }

    private async Task<IReadOnlyList<JsonElement>> MessagesAsync(string person)
    {
        var all = await app.Tenant.AllAsync("/v1/conversations");
        var own = all.FirstOrDefault(c => c.GetProperty("contact").GetProperty("phone_number").GetString() == "+" + person);
        return own.ValueKind == JsonValueKind.Undefined ? []
            : await app.Tenant.AllAsync($"/v1/conversations/{own.GetProperty("id").GetGuid()}/messages");
    }

    private string Inbound(string from, string wamid, string content) => SignedWebhooks.Envelope(app.Tenant, $$$"""
        "contacts":[{"wa_id":"{{{from}}}","profile":{"name":"Asha"}}],
        "messages":[{"from":"{{{from}}}","id":"{{{wamid}}}","timestamp":"{{{Now}}}",{{{content}}} }]
        """);

    private static string Now => $"{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}";

    private async Task<Answer> UploadedAsync(byte[] content, string? type, string name)
    {
        var answer = await UploadAsync(content, type, name);
        answer.Status.ShouldBe(201, answer.Text);
        return answer;
    }

    private Task<Answer> UploadAsync(byte[] content, string? type, string name, string? key = null, string? boundary = null,
        HttpClient? client = null)
    {
        var part = new ByteArrayContent(content);
        if (type is not null)
        {
            part.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        var form = boundary is null ? new MultipartFormDataContent() : new MultipartFormDataContent(boundary);
        form.Add(part, "file", name);
        return PostAsync(form, key, client);
    }

    private async Task<Answer> PostAsync(HttpContent content, string? key = null, HttpClient? client = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/media") { Content = content };
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        using var response = await (client ?? app.Tenant.Api).SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return new((int)response.StatusCode, JsonDocument.Parse(text).RootElement.Clone(), response.Headers, text,
            response.Content.Headers.ContentType?.MediaType);
    }

    private static async Task<WebApplication> ServerAsync(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = builder.Build();
        server.Run(answer);
        await server.StartAsync();
        return server;
    }
}
