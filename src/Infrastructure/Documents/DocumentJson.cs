using Bsp.Application.Common;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Bsp.Application.Conversations;

namespace Bsp.Infrastructure.Documents;

/// <summary>
/// How documents are written as JSON: the specification's names, nulls left out, times in UTC with milliseconds, ids as 24 hex digits.
/// </summary>
public static class DocumentJson
{
    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new IdConverter(), new TimeConverter() },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { NameTheId } },
    };

    /// <summary>The document as text. PostgreSQL's jsonb cannot hold U+0000, which a customer may send: it becomes U+FFFD.</summary>
    public static string Write<T>(T document)
    {
        var json = JsonSerializer.Serialize(document, Options);
        return json.Contains("\\u0000", StringComparison.Ordinal) ? WithoutNul(json) : json;
    }

    /// <summary>The same as UTF-8, for pages of them: half the memory.</summary>
    public static byte[] WriteUtf8<T>(T document)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(document, Options);
        return json.AsSpan().IndexOf("\\u0000"u8) < 0 ? json : Encoding.UTF8.GetBytes(Write(document));
    }

    /// <exception cref="JsonException">Written by another build in another shape: rebuild the view.</exception>
    public static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, Options)!;

    /// <inheritdoc cref="Read{T}(string)"/>
    public static T Read<T>(ReadOnlySpan<byte> utf8Json) => JsonSerializer.Deserialize<T>(utf8Json, Options)!;

    // Only an escape (an odd number of backslashes before the u) is the character; \\u0000 is text that looks like it.
    private static string WithoutNul(string json) =>
        System.Text.RegularExpressions.Regex.Replace(json, @"(?<!\\)((?:\\\\)*)\\u0000", "$1\uFFFD");

    private static void NameTheId(JsonTypeInfo type)
    {
        foreach (var property in type.Properties.Where(p => p.PropertyType == typeof(DocumentId) && p.Name == "id"))
        {
            property.Name = "_id";
        }
    }

    private sealed class IdConverter : JsonConverter<DocumentId>
    {
        public override DocumentId Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            DocumentId.TryParse(reader.GetString(), out var id) ? id : throw new JsonException("not an id of ours");

        public override void Write(Utf8JsonWriter writer, DocumentId value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }

    private sealed class TimeConverter : JsonConverter<DateTimeOffset>
    {
        private const string Format = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            reader.GetDateTimeOffset().ToUniversalTime();

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options)
        {
            Span<char> text = stackalloc char[24];
            value.UtcDateTime.TryFormat(text, out _, Format, CultureInfo.InvariantCulture);
            writer.WriteStringValue(text);
        }
    }
}
