using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Domain.Common;

namespace Bsp.Application.EventStore;

/// <summary>Which record is stored under which name, and how its body is written.</summary>
public static class EventTypes
{
    private static readonly Dictionary<string, Type> ByName = typeof(StoredAsAttribute).Assembly.GetTypes()
        .Where(type => type.GetCustomAttribute<StoredAsAttribute>() is not null)
        .ToDictionary(type => type.GetCustomAttribute<StoredAsAttribute>()!.Name);

    private static readonly Dictionary<Type, string> ByType = ByName.ToDictionary(pair => pair.Value, pair => pair.Key);

    /// <summary>snake_case names, enums as strings, nulls left out: what a Marten application reads with <c>Casing.SnakeCase, EnumStorage.AsString</c>.</summary>
    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter() },
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Every stored name with its record.</summary>
    public static IReadOnlyDictionary<string, Type> All => ByName;

    /// <summary>Stored name of a fact.</summary>
    /// <exception cref="InvalidOperationException">The record has no <c>[StoredAs]</c>.</exception>
    public static string NameOf(object body) => ByType.TryGetValue(body.GetType(), out var name)
        ? name
        : throw new InvalidOperationException($"{body.GetType().Name} has no [StoredAs] name and cannot be appended.");

    /// <summary>True for a fact; false for what stands in for a body that could not be read.</summary>
    public static bool IsFact(object? body) => body is not null && ByType.ContainsKey(body.GetType());

    /// <summary>Stored names of all facts of a family (<c>NamesOf&lt;MessageEvent&gt;()</c>).</summary>
    public static IReadOnlyCollection<string> NamesOf<TFamily>() => [.. ByType.Where(pair => pair.Key.IsAssignableTo(typeof(TFamily))).Select(pair => pair.Value)];

    /// <summary>The body, read; null when this build does not know the name.</summary>
    public static object? Read(string name, ReadOnlySpan<byte> utf8Json) => ByName.TryGetValue(name, out var type) ? JsonSerializer.Deserialize(utf8Json, type, Json) : null;
}
