using System.Text.Json;
using System.Text.RegularExpressions;
using Bsp.Application.Common;

namespace Bsp.Api.Common;

/// <summary>What is wrong with a body, in the caller's words: field names of the wire, no names of ours.</summary>
public static partial class JsonProblems
{
    public static Problem From(BadHttpRequestException bad) => bad.InnerException is JsonException json ? From(json) : bad.StatusCode switch
    {
        413 => new(413, "request.too_large", "The body is too large."),
        415 => new(415, "request.content_type", "Send application/json."),
        408 => new(408, "request.timeout", "The body came too slowly."),
        _ when MissingBody().IsMatch(bad.Message) => new(400, "request.body_missing", "The request needs a JSON body."),
        _ when Parameter().Match(bad.Message) is { Success: true } found =>
            Problem.Field("request.invalid", JsonNamingPolicy.SnakeCaseLower.ConvertName(found.Groups[1].Value),
                "is missing or has the wrong form."),
        _ => new(bad.StatusCode, "request.malformed", "The request cannot be read."),
    };

    public static Problem From(JsonException json)
    {
        if (json is NestedJsonFault nested)
        {
            return At(nested);
        }

        if (Unmapped().Match(json.Message) is { Success: true } unknown)
        {
            return Problem.Field("request.unknown_field", unknown.Groups[1].Value, "is not a field of this request.");
        }

        if (Missing().Match(json.Message) is { Success: true } missing)
        {
            var fields = Quoted().Matches(missing.Groups[1].Value).Select(m => m.Groups[1].Value).ToList();
            return new(400, "request.invalid", $"Missing: {string.Join(", ", fields)}.",
                fields.ToDictionary(f => f, _ => new[] { "is required." }));
        }

        if (json.InnerException is JsonException || json.Path is null)
        {
            return new(400, "request.malformed", $"The body is not JSON (line {json.LineNumber + 1}, byte {json.BytePositionInLine + 1}).");
        }

        var path = json.Path is ['$', '.', .. var rest] ? rest : json.Path;
        return Problem.Field("request.invalid", path, $"must be {Wanted(json.Message)}.");
    }

    // Optional fields read their values by themselves, so that the path has two parts.
    private static Problem At(NestedJsonFault nested)
    {
        var inner = From(nested.Inner);
        var outer = nested.Path is ['$', '.', .. var rest] ? rest : nested.Path ?? "";
        if (inner.Errors is null || inner.Code == "request.unknown_field")
        {
            return inner;
        }

        return new(inner.Status, inner.Code, inner.Message.Replace("$ ", $"{outer} ", StringComparison.Ordinal),
            inner.Errors.ToDictionary(
                e => e.Key is "$" ? outer : e.Key.StartsWith("$[", StringComparison.Ordinal) ? outer + e.Key[1..]
                : $"{outer}.{e.Key}", e => e.Value));
    }

    private static string Wanted(string message) => WantedType().Match(message).Groups[1].Value switch
    {
        "System.String" => "a text",
        "System.Int32" or "System.Int64" => "a whole number",
        "System.Decimal" => "a decimal number in quotation marks, such as \"12.34\"",
        "System.Boolean" => "true or false",
        "System.Guid" => "an id (UUID)",
        "System.DateTimeOffset" => "a time such as 2026-01-31T12:00:00.000Z",
        _ => "of another type or form",
    };

    [GeneratedRegex(@"The JSON property '([^']*)' could not be mapped")]
    private static partial Regex Unmapped();

    [GeneratedRegex(@"missing required properties including: (.*)\z")]
    private static partial Regex Missing();

    [GeneratedRegex(@"'([^']*)'")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"could not be converted to (?:System\.Nullable`1\[)?(?:[\w.]*Optional`1\[)?([\w.]+)")]
    private static partial Regex WantedType();

    [GeneratedRegex(@"parameter ""\S+ (\w+)""")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"was not provided from body|Implicit body inferred")]
    private static partial Regex MissingBody();
}
