using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Bsp.Application.Templates;

/// <summary>The parameters do not give what the template needs; the message says what.</summary>
internal sealed class MissingParameter(string message) : Exception(message);

/// <summary>A campaign's <c>template_parameters</c>, read.</summary>
internal sealed class TemplateParameters
{
    private readonly JsonElement? header;
    private readonly JsonElement? body;
    private readonly JsonElement? buttons;
    private readonly JsonElement? carousel;
    private readonly JsonElement? offer;

    private TemplateParameters(JsonElement? header, JsonElement? body, JsonElement? buttons, JsonElement? carousel = null,
        JsonElement? offer = null) =>
        (this.header, this.body, this.buttons, this.carousel, this.offer) = (header, body, buttons, carousel, offer);

    /// <summary>A list alone is the body's.</summary>
    public static TemplateParameters Read(JsonElement? parameters) => parameters switch
    {
        { ValueKind: JsonValueKind.Array } list => new(null, list, null),
        { ValueKind: JsonValueKind.Object } json =>
            new(Member(json, "header"), Member(json, "body"), Member(json, "buttons"), Member(json, "carousel"),
                Member(json, "limited_time_offer")),
        null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => new(null, null, null),
        _ => throw new MissingParameter("template_parameters must be an object with header, body and buttons."),
    };

    /// <summary>Those of one card of a carousel, from 0; none when there are none for it.</summary>
    public TemplateParameters Card(int index) => carousel switch
    {
        { ValueKind: JsonValueKind.Array } list => Read(index < list.GetArrayLength() ? list[index] : null),
        { ValueKind: JsonValueKind.Object } json => Read(Member(json, index.ToString(CultureInfo.InvariantCulture))),
        null => Read(null),
        _ => throw new MissingParameter("template_parameters.carousel must be a list, one for each card."),
    };

    /// <summary>Unix time at which a limited-time offer ends.</summary>
    public string OfferEndMs()
    {
        var end = offer is { ValueKind: JsonValueKind.Object } json ? Member(json, "expiration_time_ms") : offer;
        return end is { } given && Scalar(given) is { } text && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _)
            ? text
            : throw new MissingParameter(
                "limited_time_offer: template_parameters.limited_time_offer must give {\"expiration_time_ms\":…}, a Unix time in milliseconds.");
    }

    public string Body(string variable, int position) => Text("body", body, variable, position);

    public string Header(string variable, int position) => Text("header", header, variable, position);

    /// <summary>What a media or location header shows: an object, or an address alone.</summary>
    public JsonObject HeaderMedia(string format)
    {
        var first = header is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray().Cast<JsonElement?>().FirstOrDefault()
            : header;
        var media = first switch
        {
            { ValueKind: JsonValueKind.String } address => new JsonObject { ["link"] = address.GetString() },
            { ValueKind: JsonValueKind.Object } json =>
                (Member(json, format.ToLowerInvariant()) ?? json) is { ValueKind: JsonValueKind.Object } inner
                ? JsonNode.Parse(inner.GetRawText())!.AsObject() : null,
            _ => null,
        };
        media?.Remove("type");
        var complete = format == "LOCATION" ? media?.ContainsKey("latitude") is true && media.ContainsKey("longitude")
            : media?.ContainsKey("link") is true || media?.ContainsKey("id") is true;
        return complete ? media!
            : throw new MissingParameter(
                $"header: template_parameters.header must give the {format} as {(format == "LOCATION" ? "{\"latitude\":…,\"longitude\":…}" : "{\"link\":…} or {\"id\":…}")}.");
    }

    /// <summary>
    /// The value of the button with this index, named so or by its place among those that need one; null when none is given.
    /// </summary>
    public string? Button(int index, int? order)
    {
        switch (buttons)
        {
            case { ValueKind: JsonValueKind.Object } byIndex:
                return Member(byIndex, index.ToString(CultureInfo.InvariantCulture)) is { } value ? Scalar(value) : null;
            case { ValueKind: JsonValueKind.Array } list:
                var items = list.EnumerateArray().ToList();
                var named = items.Find(i => i.ValueKind == JsonValueKind.Object && Member(i, "index") is { } at
                    && Scalar(at) == index.ToString(CultureInfo.InvariantCulture));
                if (named.ValueKind == JsonValueKind.Object)
                {
                    return new[] { "text", "payload", "coupon_code", "code", "value" }.Select(name => Member(named, name))
                        .FirstOrDefault(m => m is not null) is { } found ? Scalar(found) : null;
                }

                var unnamed = items.FindAll(i => i.ValueKind != JsonValueKind.Object);
                return order is { } place && place < unnamed.Count ? Scalar(unnamed[place]) : null;
            default:
                return null;
        }
    }

    private static string Text(string part, JsonElement? values, string variable, int position)
    {
        JsonElement? found = values switch
        {
            { ValueKind: JsonValueKind.Array } list => position < list.GetArrayLength() ? list[position] : null,
            { ValueKind: JsonValueKind.Object } json => Member(json, variable),
            { ValueKind: JsonValueKind.String } single when position == 0 => single,
            _ => null,
        };
        if (found is { ValueKind: JsonValueKind.Object } inner)
        {
            found = Member(inner, "text");
        }

        return found is { } value && Scalar(value) is { } text ? text
            : throw new MissingParameter($"{part} {variable}: template_parameters.{part} has no value for {{{{{variable}}}}}.");
    }

    private static string? Scalar(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
        _ => null,
    };

    private static JsonElement? Member(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}

/// <summary>One parameter of a component: how its text is filled and which JSON it becomes.</summary>
internal sealed partial class TemplateParameter
{
    private const int TextCharactersMax = 1024;
    private const int CouponCharactersMax = 20;
    private readonly IReadOnlyList<Piece> pieces;
    private readonly Func<string, JsonObject> shape;
    private readonly int charactersMax;

    private TemplateParameter(string path, string name, string text, int charactersMax, Func<string, JsonObject> shape)
    {
        Path = path;
        Name = name;
        this.charactersMax = charactersMax;
        this.shape = shape;
        pieces = Cut(name, text);
    }

    /// <summary>The variable, or the button's index.</summary>
    public string Name { get; }

    /// <summary>As it is called among all of the template: <c>body.1</c>, <c>carousel.0.buttons.1</c>.</summary>
    public string Path { get; }

    /// <summary>It holds a placeholder.</summary>
    public bool DependsOnContact => pieces.Any(p => p.Field is not null);

    /// <summary>Why nobody can be sent it, or only by a fallback that was meant for few; null: nothing.</summary>
    public string? Fault =>
        pieces.FirstOrDefault(p => p.Field is not null && !ContactValues.Knows(p.Field)) is { } unknown
            ? $"{{{{contact.{unknown.Field}}}}} is nothing that a contact has: use first_name, last_name, name, email, phone_number or custom_fields.<key>."
            : !DependsOnContact && Fill(Nobody, out var missing) is null ? missing : null;

    private static readonly ContactValues Nobody = new(null, null, null, null, default);

    public static TemplateParameter Text(string path, string name, string text, bool named, int charactersMax = TextCharactersMax) =>
        new(path, name, text, charactersMax, filled => named
        ? new() { ["type"] = "text", ["parameter_name"] = name, ["text"] = filled }
        : new() { ["type"] = "text", ["text"] = filled });

    public static TemplateParameter Payload(string path, string name, string text) =>
        new(path, name, text, 128, filled => new() { ["type"] = "payload", ["payload"] = filled });

    public static TemplateParameter Coupon(string path, string name, string text) =>
        new(path, name, text, CouponCharactersMax, filled => new() { ["type"] = "coupon_code", ["coupon_code"] = filled });

    public static TemplateParameter Action(string path, string name) =>
        new(path, name, "flow", TextCharactersMax, _ => new() { ["type"] = "action", ["action"] = new JsonObject() });

    public static TemplateParameter Offer(string path, string endMs) => new(path, "end", endMs, TextCharactersMax, filled => new()
    {
        ["type"] = "limited_time_offer",
            ["limited_time_offer"] = new JsonObject { ["expiration_time_ms"] = long.Parse(filled, CultureInfo.InvariantCulture) },
    });

    public static TemplateParameter Media(string path, string format, JsonObject media) =>
        new(path, "1", (media["link"] ?? media["id"] ?? "-").ToString(), 2000, filled =>
    {
        var type = format == "GIF" ? "video" : format.ToLowerInvariant();
        var json = media.DeepClone().AsObject();
        if (json.ContainsKey("link"))
        {
            json["link"] = filled; // an address may hold a placeholder too
        }

        return new() { ["type"] = type, [type] = json };
    });

    /// <summary>The parameter for one contact; null when a value without a fallback is missing, and then why.</summary>
    public JsonObject? Fill(ContactValues contact, out string? missing)
    {
        missing = null;
        var text = new StringBuilder();
        foreach (var piece in pieces)
        {
            var value = piece.Field is null ? piece.Text : contact.Of(piece.Field) ?? piece.Text;
            if (value is null)
            {
                missing = $"the contact has no {piece.Field}, and the parameter no fallback.";
                return null;
            }

            text.Append(value);
        }

        var filled = Tidy(text.ToString());
        if (filled.Length == 0 || filled.Length > charactersMax)
        {
            missing = filled.Length == 0 ? "the value is empty." : $"the value has more than {charactersMax} characters.";
            return null;
        }

        return shape(filled);
    }

    // Meta refuses a parameter with line ends, tabs or more than four blanks in a row (error 132018).
    private static string Tidy(string text) => Blanks().Replace(text, " ").Trim();

    // People must not be sent the braces of a mistyped placeholder.
    private static List<Piece> Cut(string name, string text)
    {
        var pieces = new List<Piece>();
        var done = 0;
        foreach (Match match in Placeholder().Matches(text))
        {
            pieces.Add(new(null, text[done..match.Index]));
            pieces.Add(new(match.Groups[1].Value, match.Groups[2].Success ? match.Groups[2].Value : null));
            done = match.Index + match.Length;
        }

        pieces.Add(new(null, text[done..]));
        return pieces.Exists(p => p.Field is null && p.Text!.Contains("{{", StringComparison.Ordinal))
            ? throw new MissingParameter(
                $"{name}: '{text}' holds a placeholder that is none: write {{{{contact.first_name}}}}, {{{{contact.custom_fields.city|there}}}} or the like.")
            : pieces;
    }

    /// <param name="Field">Of the contact; null: a literal.</param>
    /// <param name="Text">The literal, or the fallback; null: no fallback.</param>
    private sealed record Piece(string? Field, string? Text);

    [GeneratedRegex(@"\{\{\s*contact\.([^{}|]+?)\s*(?:\|([^{}]*))?\}\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"[\r\n\t]+| {4,}")]
    private static partial Regex Blanks();
}
