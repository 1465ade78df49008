using System.Security.Cryptography;
using System.Text;
using Bsp.IntegrationTests.Common;
using Bsp.MetaSimulator;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Webhooks as Meta posts them.</summary>
internal static class SignedWebhooks
{
    /// <summary>Posts the bytes, signed with the app secret unless another is given.</summary>
    public static async Task<Answer> PostWebhookAsync(this EndToEndApp app, byte[] body, string? secret = null)
    {
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret ?? new SimulatorOptions().AppSecret), body));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/webhooks/meta") { Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } } };
        request.Headers.Add("X-Hub-Signature-256", $"sha256={signature}");
        using var response = await app.Anonymous.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var type = response.Content.Headers.ContentType?.MediaType;
        return new((int)response.StatusCode, type?.EndsWith("json", StringComparison.Ordinal) == true ? System.Text.Json.JsonSerializer.Deserialize<System.Text.Json.JsonElement>(text) : default, response.Headers, text, type);
    }

    public static Task<Answer> PostWebhookAsync(this EndToEndApp app, string body, string? secret = null) => app.PostWebhookAsync(Encoding.UTF8.GetBytes(body), secret);

    /// <summary>How often exactly these bytes lie in the journal.</summary>
    public static async Task<int> KeptAsync(this EndToEndApp app, byte[] body) => int.Parse(await app.Views.ScalarAsync("SELECT count(*) FROM bsp.webhook_journal WHERE body = $1", body), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>No webhook was noted as failed; the message shows the errors.</summary>
    public static async Task NoneFailedAsync(this EndToEndApp app)
    {
        var failed = await app.Views.ScalarAsync("SELECT coalesce(string_agg(DISTINCT n.detail, E'\\n'), '') FROM bsp.webhook_notes n WHERE n.reason = 'failed'");
        failed.Length.ShouldBe(0, failed);
    }

    /// <summary>An envelope with one change of the field "messages".</summary>
    /// <param name="items">JSON of the rest of the value, such as <c>"statuses":[…]</c>.</param>
    public static string Envelope(Tenant tenant, string items) => $$$"""
        {"object":"whatsapp_business_account","entry":[{"id":"{{{tenant.WabaId}}}","changes":[{"field":"messages","value":{"messaging_product":"whatsapp",
        "metadata":{"display_phone_number":"15550001111","phone_number_id":"{{{tenant.PhoneNumberId}}}"},{{{items}}}}}]}]}
        """;
}
