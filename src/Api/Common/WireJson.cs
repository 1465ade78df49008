using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Bsp.Application.Common;

namespace Bsp.Api.Common;

/// <summary>
/// How the contract writes JSON: snake_case, times in UTC with milliseconds, money as decimal strings, nothing unknown, nothing twice.
/// </summary>
public static class WireJson
{
    /// <summary>The one set of options.</summary>
    public static readonly JsonSerializerOptions Options = Configure(new());

    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.DictionaryKeyPolicy = null;
        options.PropertyNameCaseInsensitive = false;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.AllowDuplicateProperties = false;
        options.RespectNullableAnnotations = true;
        options.RespectRequiredConstructorParameters = true;
        options.MaxDepth = 32;
        options.Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        options.Converters.Add(new UtcTime());
        options.Converters.Add(new Money());
        options.TypeInfoResolver = new DefaultJsonTypeInfoResolver().WithAddedModifier(OptionalFieldsMayBeAbsent);
        return options;
    }

    /// <summary>A time as the contract takes it, in UTC. Without an offset a time could mean anything: refused.</summary>
    public static bool TryTime(string? text, out DateTimeOffset time)
    {
        var read = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out time);
        return read && text is { Length: <= 40 } && text.Contains('T')
            && (text.EndsWith('Z') || text.LastIndexOfAny(['+', '-']) > text.IndexOf('T'));
    }

    // A nullable parameter without a default, or an Optional, is not required.
    private static void OptionalFieldsMayBeAbsent(JsonTypeInfo type)
    {
        foreach (var property in type.Properties.Where(p => p.IsRequired))
        {
            var optional = property.PropertyType.IsGenericType && property.PropertyType.GetGenericTypeDefinition() is var definition
                && (definition == typeof(Nullable<>) || definition == typeof(Optional<>));
            property.IsRequired = !optional && !property.IsSetNullable && property.AssociatedParameter is not { IsNullable: true };
        }
    }

    private sealed class UtcTime : JsonConverter<DateTimeOffset>
    {
        private const string Written = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && TryTime(reader.GetString(), out var time)
                ? time
                : throw new JsonException($"The JSON value could not be converted to {typeToConvert}.");

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.UtcDateTime.ToString(Written, CultureInfo.InvariantCulture));
    }

    private sealed class Money : JsonConverter<decimal>
    {
        // Strings only: a JSON number has often been through a binary float before it arrives.
        public override decimal Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && reader.GetString() is { Length: <= 32 } text
            && decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
                out var value)
                ? value
                : throw new JsonException($"The JSON value could not be converted to {typeToConvert}.");

        public override void Write(Utf8JsonWriter writer, decimal value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString("0.000000", CultureInfo.InvariantCulture));
    }
}
