using System.Text;
using System.Text.Json;
using Bsp.Api.Common;
using Microsoft.Net.Http.Headers;

namespace Bsp.Api.Analytics;

/// <summary>Rows as CSV (RFC 4180), with the names and the spelling of values that the JSON has.</summary>
internal static class AnalyticsCsv
{
    /// <summary>The caller prefers CSV to JSON.</summary>
    public static bool Wanted(HttpContext context) =>
        context.Request.GetTypedHeaders().Accept is { Count: > 0 } accept
        && accept.OrderByDescending(a => a.Quality ?? 1).First() is { } first && first.IsSubsetOf(new MediaTypeHeaderValue("text/csv"));

    public static IResult Answer<TRow>(IReadOnlyList<TRow> rows)
    {
        var text = new StringBuilder();
        text.AppendJoin(',', typeof(TRow).GetConstructors()[0].GetParameters()
            .Select(p => JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name!))).Append("\r\n");
        foreach (var row in rows)
        {
            text.AppendJoin(',', JsonSerializer.SerializeToElement(row, WireJson.Options).EnumerateObject().Select(p => Field(p.Value)))
                .Append("\r\n");
        }

        return TypedResults.Text(text.ToString(), "text/csv", Encoding.UTF8);
    }

    private static string Field(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => "",
        JsonValueKind.String => Quote(value.GetString()!),
        JsonValueKind.Object or JsonValueKind.Array => $"\"{value.GetRawText().Replace("\"", "\"\"")}\"",
        _ => value.GetRawText(),
    };

    // A text that begins like a formula would be run by a spreadsheet.
    private static string Quote(string text) =>
        text is ['=' or '+' or '-' or '@', ..] ? $"\"'{text.Replace("\"", "\"\"")}\"" : text.AsSpan().ContainsAny(",\"\r\n")
        ? $"\"{text.Replace("\"", "\"\"")}\"" : text;
}
