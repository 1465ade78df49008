using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Bsp.Benchmarks.Hostile;

/// <summary>A webhook as Meta posts it.</summary>
internal static class SignedPost
{
    public static HttpRequestMessage Of(string url, string body, string secret)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(bytes) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.TryAddWithoutValidation("X-Hub-Signature-256",
            "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), bytes)));
        return request;
    }

    /// <summary>One change of the field "messages".</summary>
    /// <param name="items">JSON of the rest of the value.</param>
    public static string Envelope(string waba, string number, string items) => $$$"""
        {"object":"whatsapp_business_account","entry":[{"id":"{{{waba}}}","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"14155552671","phone_number_id":"{{{number}}}"},{{{items}}}}}]}]}
        """;
}
