using System.Text.Json;
using System.Text.Json.Serialization;

namespace Bsp.Application.Common;

/// <summary>A field of a JSON merge patch: absent (leave it), or a value, where null means "clear it".</summary>
[JsonConverter(typeof(OptionalConverter))]
public readonly record struct Optional<T>(T Value, bool IsSet)
{
    /// <summary>A present value.</summary>
    public static implicit operator Optional<T>(T value) => new(value, true);
}

/// <summary>Reads a present field; an absent one never reaches a converter and stays <c>default</c>.</summary>
public sealed class OptionalConverter : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) =>
        typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(Optional<>);

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(Of<>).MakeGenericType(typeToConvert.GetGenericArguments()))!;

    private sealed class Of<T> : JsonConverter<Optional<T>>
    {
        public override bool HandleNull => true;

        public override Optional<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            try
            {
                return new(JsonSerializer.Deserialize<T>(ref reader, options)!, true);
            }
            catch (JsonException inner)
            {
                throw new NestedJsonFault(inner);
            }
        }

        public override void Write(Utf8JsonWriter writer, Optional<T> value, JsonSerializerOptions options) =>
            JsonSerializer.Serialize(writer, value.Value, options);
    }
}

/// <summary>
/// A field's value is not what it should be. Its <see cref="JsonException.Path"/> is the field's; that of <see cref="Inner"/> begins at
/// the value.
/// </summary>
public sealed class NestedJsonFault(JsonException inner) : JsonException(inner.Message)
{
    /// <summary>What was wrong.</summary>
    public JsonException Inner { get; } = inner;
}
