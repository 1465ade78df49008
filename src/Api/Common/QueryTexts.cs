using System.Text;
using System.Text.Unicode;
using Bsp.Application.Common;

namespace Bsp.Api.Common;

/// <summary>
/// What stands in an address can be stored and compared: valid UTF-8 without NUL. 400 with the parameter's name, on every route.
/// </summary>
public sealed class QueryTexts(RequestDelegate next)
{
    // Their routes judge them themselves and have codes of their own.
    private static readonly HashSet<string> Judged = ["cursor", "limit", "as_of"];

    public Task InvokeAsync(HttpContext context)
    {
        if (context.Request.QueryString is { HasValue: true, Value: { } text } && text.Contains('%', StringComparison.Ordinal))
        {
            Check(text);
        }

        return next(context);
    }

    private static void Check(string query)
    {
        foreach (var pair in query[1..].Split('&'))
        {
            var at = pair.IndexOf('=', StringComparison.Ordinal);
            var (name, value) = at < 0 ? (pair, "") : (pair[..at], pair[(at + 1)..]);
            if (Judged.Contains(name))
            {
                continue;
            }

            if (!IsStorable(name) || !IsStorable(value))
            {
                var shown = IsStorable(name) ? Uri.UnescapeDataString(name.Replace('+', ' ')) : "query";
                throw Problem.Field("request.invalid", Domain.Common.Text.Cut(shown, 100), "must be percent-encoded UTF-8 without U+0000.");
            }
        }
    }

    private static bool IsStorable(string encoded)
    {
        var bytes = new byte[encoded.Length * 3];
        var length = 0;
        for (var i = 0; i < encoded.Length; i++)
        {
            if (encoded[i] == '%' && i + 2 < encoded.Length && char.IsAsciiHexDigit(encoded[i + 1]) && char.IsAsciiHexDigit(encoded[i + 2]))
            {
                bytes[length++] = Convert.ToByte(encoded.Substring(i + 1, 2), 16);
                i += 2;
            }
            else
            {
                var units = char.IsHighSurrogate(encoded[i]) && i + 1 < encoded.Length ? 2 : 1;
                length += Encoding.UTF8.GetBytes(encoded, i, units, bytes, length);
                i += units - 1;
            }
        }

        var text = bytes.AsSpan(0, length);
        return Utf8.IsValid(text) && !text.Contains((byte)0);
    }
}
