using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Domain.Common;

namespace Bsp.Application.EventStore;

/// <summary>Which record is stored under which name, and how its body is written.</summary>
public static class EventTypes
{
    /// <summary>
    /// snake_case names, enums as strings, nulls left out: what a Marten application reads with <c>Casing.SnakeCase,
    /// EnumStorage.AsString</c>.
    /// </summary>
    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter() },
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly EventCatalogue Catalogue =
        new([.. typeof(StoredAsAttribute).Assembly.GetTypes().Where(type => type.GetCustomAttribute<StoredAsAttribute>() is not null)],
            Json);

    /// <inheritdoc cref="EventCatalogue.All"/>
    public static IReadOnlyDictionary<string, Type> All => Catalogue.All;

    /// <inheritdoc cref="EventCatalogue.NameOf"/>
    public static string NameOf(object body) => Catalogue.NameOf(body);

    /// <inheritdoc cref="EventCatalogue.IsFact"/>
    public static bool IsFact(object? body) => Catalogue.IsFact(body);

    /// <summary>Stored names of all facts of a family (<c>NamesOf&lt;MessageEvent&gt;()</c>), earlier versions included.</summary>
    public static IReadOnlyCollection<string> NamesOf<TFamily>() => Catalogue.NamesOf<TFamily>();

    /// <inheritdoc cref="EventCatalogue.Read"/>
    public static object? Read(string name, ReadOnlySpan<byte> utf8Json) => Catalogue.Read(name, utf8Json);
}
