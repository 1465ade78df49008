using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Bsp.MetaSimulator.Common;

/// <summary>Writes what Graph answers: JSON in Meta's escaping, straight into the response's buffer.</summary>
internal static class GraphAnswer
{
    private static readonly byte[] SuccessBody = """{"success":true}"""u8.ToArray();
    private static long _trace = Environment.TickCount64;

    public static Task Success(HttpContext http) => Bytes(http, 200, SuccessBody);

    public static async Task Bytes(HttpContext http, int status, ReadOnlyMemory<byte> body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json; charset=UTF-8";
        http.Response.ContentLength = body.Length;
        await http.Response.BodyWriter.WriteAsync(body);
    }

    public static Task Json(HttpContext http, Action<Utf8JsonWriter> write, int status = 200)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, MetaEncoder.WriterOptions))
        {
            write(json);
        }

        return Bytes(http, status, buffer.WrittenMemory);
    }

    public static Task Error(HttpContext http, GraphError error)
    {
        if (error.Status == 401)
        {
            http.Response.Headers.WWWAuthenticate = $"OAuth \"Facebook Platform\" \"invalid_token\" \"{error.Message}\"";
        }

        return Json(http, json => Write(json, error), error.Status);
    }

    private static void Write(Utf8JsonWriter json, GraphError error)
    {
        json.WriteStartObject();
        json.WriteStartObject("error");
        json.WriteString("message", error.Code == 190 || error.Subcode == 33 ? error.Message : $"(#{error.Code}) {error.Message}");
        json.WriteString("type", "OAuthException");
        json.WriteNumber("code", error.Code);
        if (error.Details is not null)
        {
            json.WriteStartObject("error_data");
            json.WriteString("messaging_product", "whatsapp");
            json.WriteString("details", error.Details);
            json.WriteEndObject();
        }

        if (error.Subcode is { } subcode)
        {
            json.WriteNumber("error_subcode", subcode);
        }

        json.WriteBoolean("is_transient", error.IsTransient);
        if (error.UserMessage is not null)
        {
            json.WriteString("error_user_title", error.UserTitle);
            json.WriteString("error_user_msg", error.UserMessage);
        }

        json.WriteString("fbtrace_id", Trace());
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string Trace()
    {
        Span<byte> raw = stackalloc byte[16];
        var next = (ulong)Interlocked.Increment(ref _trace);
        BitConverter.TryWriteBytes(raw, Draw.Mix(next));
        BitConverter.TryWriteBytes(raw[8..], Draw.Mix(~next));
        return "A" + Convert.ToBase64String(raw).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }
}
