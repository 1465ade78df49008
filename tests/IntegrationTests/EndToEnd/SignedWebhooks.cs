using System.Security.Cryptography;
using System.Text;
using Bsp.IntegrationTests.Common;
using Bsp.MetaSimulator;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Webhooks as Meta posts them.</summary>
internal static class SignedWebhooks
{
    /// <summary>Posts the bytes, signed with the app secret unless another is given.</summary>
    public static Task<Answer> PostWebhookAsync(this EndToEndApp app, byte[] body, string? secret = null) =>
        app.PostAsync("/webhooks/meta", body, secret ?? new SimulatorOptions().AppSecret);

    /// <summary>Posts to an organization's own address, signed with its own app's secret.</summary>
    public static Task<Answer> PostOwnWebhookAsync(this EndToEndApp app, Guid organizationId, string secret, string body) =>
        app.PostAsync($"/webhooks/meta/{organizationId}", Encoding.UTF8.GetBytes(body), secret);

    /// <summary>Posts to an application in a process of its own.</summary>
    public static async Task<Answer> PostWebhookAsync(this ApiProcess api, string body)
    {
        using var client = new HttpClient { BaseAddress = api.Address };
        return await PostAsync(client, "/webhooks/meta", Encoding.UTF8.GetBytes(body), api.Meta.State.Options.AppSecret);
    }

    private static Task<Answer> PostAsync(this EndToEndApp app, string path, byte[] body, string secret) =>
        PostAsync(app.Anonymous, path, body, secret);

    private static async Task<Answer> PostAsync(HttpClient client, string path, byte[] body, string secret)
    {
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));
        using var request =
            new HttpRequestMessage(HttpMethod.Post,
                path) { Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } } };
        request.Headers.Add("X-Hub-Signature-256", $"sha256={signature}");
        using var response = await client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var type = response.Content.Headers.ContentType?.MediaType;
        return new((int)response.StatusCode, type?.EndsWith("json", StringComparison.Ordinal) == true
            ? System.Text.Json.JsonSerializer.Deserialize<System.Text.Json.JsonElement>(text) : default, response.Headers, text, type);
    }

    public static Task<Answer> PostWebhookAsync(this EndToEndApp app, string body, string? secret = null) =>
        app.PostWebhookAsync(Encoding.UTF8.GetBytes(body), secret);

    /// <summary>How often exactly these bytes lie in the journal.</summary>
    public static async Task<int> KeptAsync(this EndToEndApp app, byte[] body) =>
        int.Parse(await app.Views.ScalarAsync("SELECT count(*) FROM bsp.webhook_journal WHERE body = $1", body),
            System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Nothing of any webhook is left aside, when what was postponed has been carried out; the message shows the errors.</summary>
    public static async Task NoneAsideAsync(this EndToEndApp app)
    {
        await Patience.UntilAsync(() => app.Views.ScalarAsync("SELECT count(*) FROM bsp.webhook_set_aside WHERE reason = 'postponed'"),
            n => n == "0", "what was postponed is carried out");
        var failed =
            await app.Views.ScalarAsync(
                "SELECT coalesce(string_agg(DISTINCT concat_ws(' ', a.part, a.error), E'\\n'), '') FROM bsp.webhook_set_aside a");
        failed.Length.ShouldBe(0, failed);
    }

    /// <summary>No webhook was noted as failed or set aside; the message shows the errors.</summary>
    public static async Task NoneFailedAsync(this EndToEndApp app)
    {
        await app.NoneAsideAsync();
        var failed =
            await app.Views.ScalarAsync(
                "SELECT coalesce(string_agg(DISTINCT n.detail, E'\\n'), '') FROM bsp.webhook_notes n WHERE n.reason = 'failed'");
        failed.Length.ShouldBe(0, failed);
    }

    /// <summary>An envelope with one change of the field "messages".</summary>
    /// <param name="items">JSON of the rest of the value, such as <c>"statuses":[…]</c>.</param>
    public static string Envelope(Tenant tenant, string items) => $$$"""
        {"object":"whatsapp_business_account","entry":[{"id":"{{{tenant.WabaId}}}","changes":[{"field":"messages","value":{"messaging_product":"whatsapp",
        "metadata":{"display_phone_number":"15550001111","phone_number_id":"{{{tenant.PhoneNumberId}}}"},{{{items}}}}}]}]}
        """;
}
