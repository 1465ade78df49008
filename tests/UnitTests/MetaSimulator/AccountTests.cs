using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Bsp.MetaSimulator;

namespace Bsp.UnitTests.MetaSimulator;

public sealed class AccountTests
{
    private static readonly byte[] Png = [0x89, 0x50, 0x4e, 0x47, 1, 2, 3];

    [Fact]
    public async Task A_number_shows_the_fields_asked_for()
    {
        await using var stage = await Stage.Set(new() { MpsLimit = 80 });
        var phone = (
            await stage.Get(
                $"v25.0/{Stage.Phone}?fields=id,display_phone_number,quality_rating,status,throughput,whatsapp_business_manager_messaging_limit")).Body;
        phone.GetProperty("id").GetString().ShouldBe(Stage.Phone);
        phone.GetProperty("display_phone_number").GetString().ShouldBe("+15550001234");
        phone.GetProperty("status").GetString().ShouldBe("CONNECTED");
        phone.GetProperty("throughput").GetProperty("level").GetString().ShouldBe("STANDARD");
        phone.TryGetProperty("verified_name", out _).ShouldBeFalse();
        var list = (await stage.Get($"v25.0/{Stage.Waba}/phone_numbers")).Body.GetProperty("data");
        list[0].GetProperty("id").GetString().ShouldBe(Stage.Phone);
    }

    [Fact]
    public async Task An_unknown_id_is_an_error_unless_fields_of_a_number_are_asked_for()
    {
        await using var stage = await Stage.Set();
        var unknown = await stage.Get("v25.0/123456");
        (unknown.Status, unknown.Code, unknown.Subcode).ShouldBe((400, 100, 33));
        (await stage.Get("v25.0/123456?fields=display_phone_number")).Status.ShouldBe(200);
        (await stage.Get("v25.0/a/b/c")).Status.ShouldBe(400);
    }

    [Fact]
    public async Task Registering_needs_the_pin_and_ends_after_ten_times()
    {
        await using var stage = await Stage.Set();
        Task<Answered> Register(string pin) => stage.Post($"v25.0/{Stage.Phone}/register", new { messaging_product = "whatsapp", pin });

        (await stage.Post($"v25.0/{Stage.Phone}/deregister", new { })).Status.ShouldBe(200);
        (await stage.SendText("+491511234567")).Code.ShouldBe(133010);
        (await Register("12")).Code.ShouldBe(100);
        (await Register("123456")).Status.ShouldBe(200);
        (await Register("654321")).Code.ShouldBe(133005);
        (await stage.SendText("+491511234567")).Status.ShouldBe(200);
        for (var i = 3; i < 10; i++)
        {
            await Register("123456");
        }

        (await Register("123456")).Code.ShouldBe(133016);
    }

    [Fact]
    public async Task Media_go_up_and_come_down_again()
    {
        await using var stage = await Stage.Set();
        var id = (await Upload(stage, Png, "image/png")).Body.GetProperty("id").GetString()!;
        var media = (await stage.Get($"v25.0/{id}?phone_number_id={Stage.Phone}")).Body;
        media.GetProperty("mime_type").GetString().ShouldBe("image/png");
        media.GetProperty("file_size").GetInt32().ShouldBe(Png.Length);
        media.GetProperty("sha256").GetString().ShouldBe(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Png)));
        (await stage.Http.GetByteArrayAsync(media.GetProperty("url").GetString())).ShouldBe(Png);
        (await stage.Post($"v25.0/{Stage.Phone}/messages",
            new { messaging_product = "whatsapp", to = "+491511234567", type = "image", image = new { id } })).Status.ShouldBe(200);
        using (var stranger = new HttpClient())
        {
            ((int)(await stranger.GetAsync(media.GetProperty("url").GetString())).StatusCode).ShouldBe(401);
        }

        (await stage.Delete($"v25.0/{id}")).Body.GetProperty("success").GetBoolean().ShouldBeTrue();
        (await stage.Get($"v25.0/{id}")).Subcode.ShouldBe(33);
        ((int)(await stage.Http.GetAsync(media.GetProperty("url").GetString())).StatusCode).ShouldBe(404);
    }

    [Fact]
    public async Task Media_of_a_wrong_kind_or_size_are_refused()
    {
        await using var stage = await Stage.Set();
        (await Upload(stage, Png, "application/x-msdownload")).Code.ShouldBe(100);
        (await Upload(stage, new byte[(5 << 20) + 1], "image/png")).Code.ShouldBe(100);
        (await Upload(stage, new byte[6 << 20], "audio/mpeg")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_resumable_upload_gives_a_handle()
    {
        await using var stage = await Stage.Set();
        var upload = (await stage.Post("v25.0/123/uploads?file_length=7&file_type=image/png", new { })).Body.GetProperty("id").GetString()!;
        upload.ShouldStartWith("upload:");
        using var content = new ByteArrayContent(Png);
        using var answer = await stage.Http.PostAsync($"v25.0/{Uri.EscapeDataString(upload)}", content);
        JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("h").GetString()!.ShouldStartWith("4::");
    }

    [Fact]
    public async Task A_waba_can_name_a_callback_of_its_own()
    {
        await using var stage = await Stage.Set();
        await using var own = await Receiver.Start();
        own.VerifyToken = "own";
        (await stage.Post($"v25.0/{Stage.Waba}/subscribed_apps",
            new { override_callback_uri = own.Url, verify_token = "wrong" })).Code.ShouldBe(2200);
        (await stage.Post($"v25.0/{Stage.Waba}/subscribed_apps",
            new { override_callback_uri = own.Url, verify_token = "own" })).Status.ShouldBe(200);
        (await stage.Get($"v25.0/{Stage.Waba}/subscribed_apps")).Body.GetProperty("data")[0].GetProperty("override_callback_uri")
            .GetString().ShouldBe(own.Url);
        await stage.SendText("+491511234567");
        await stage.Settled();
        own.All.SelectMany(r => r.Statuses).Count().ShouldBe(3);
        stage.Receiver.All.ShouldBeEmpty();
        await stage.Delete($"v25.0/{Stage.Waba}/subscribed_apps");
        (await stage.Get($"v25.0/{Stage.Waba}/subscribed_apps")).Body.GetProperty("data").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task A_profile_is_kept()
    {
        await using var stage = await Stage.Set();
        (await stage.Post($"v25.0/{Stage.Phone}/whatsapp_business_profile",
            new { messaging_product = "whatsapp", about = "Open" })).Status.ShouldBe(200);
        (await stage.Get($"v25.0/{Stage.Phone}/whatsapp_business_profile?fields=about")).Body.GetProperty("data")[0].GetProperty("about")
            .GetString().ShouldBe("Open");
    }

    private static async Task<Answered> Upload(Stage stage, byte[] bytes, string mimeType)
    {
        using var file = new ByteArrayContent(bytes);
        file.Headers.ContentType = new MediaTypeHeaderValue(mimeType);
        using var product = new StringContent("whatsapp", Encoding.UTF8);
        using var form = new MultipartFormDataContent { { product, "messaging_product" }, { file, "file", "a.bin" } };
        using var answer = await stage.Http.PostAsync($"v25.0/{Stage.Phone}/media", form);
        return new((int)answer.StatusCode, JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync()).RootElement);
    }
}
