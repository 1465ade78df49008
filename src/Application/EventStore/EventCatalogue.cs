using System.Reflection;
using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Application.EventStore;

/// <summary>Stored names and the records they are read into.</summary>
/// <param name="records">Each with a <c>[StoredAs]</c> of its own.</param>
/// <param name="json">How bodies are written.</param>
public sealed class EventCatalogue(IEnumerable<Type> records, JsonSerializerOptions json)
{
    private readonly Dictionary<string, Type> byName = records.ToDictionary(StoredName);
    private readonly Dictionary<Type, string> byType = records.ToDictionary(type => type, StoredName);

    /// <summary>Every stored name with its record.</summary>
    public IReadOnlyDictionary<string, Type> All => byName;

    /// <summary>The name under which a fact is appended.</summary>
    /// <exception cref="InvalidOperationException">The record has no <c>[StoredAs]</c>, or a newer version has superseded it.</exception>
    public string NameOf(object body) => body is ISuperseded
        ? throw new InvalidOperationException($"{body.GetType().Name} is superseded and only read: append its next version.")
        : byType.TryGetValue(body.GetType(), out var name) ? name
        : throw new InvalidOperationException($"{body.GetType().Name} has no [StoredAs] name and cannot be appended.");

    /// <summary>True for a fact; false for what stands in for a body that could not be read.</summary>
    public bool IsFact(object? body) => body is not null && byType.ContainsKey(body.GetType());

    /// <summary>Stored names that read as facts of a family: those of its records and of what they supersede.</summary>
    public IReadOnlyCollection<string> NamesOf<TFamily>() =>
        [.. byName.Where(pair => Latest(pair.Value).IsAssignableTo(typeof(TFamily))).Select(pair => pair.Key)];

    /// <summary>The body in its latest version; null when this build does not know the name.</summary>
    /// <exception cref="JsonException">It knows the name and cannot read the body.</exception>
    public object? Read(string name, ReadOnlySpan<byte> utf8Json)
    {
        var body = byName.TryGetValue(name, out var type) ? JsonSerializer.Deserialize(utf8Json, type, json) : null;
        return body is null ? null : Newest(body);
    }

    /// <summary>The fact in its latest version.</summary>
    public static object Newest(object body)
    {
        while (body is ISuperseded earlier)
        {
            body = earlier.Next();
        }

        return body;
    }

    /// <summary>The name a record is stored under.</summary>
    public static string StoredName(Type record) => record.GetCustomAttribute<StoredAsAttribute>()!.Name;

    /// <summary>The record of the latest version; itself when nothing supersedes it.</summary>
    public static Type Latest(Type record) =>
        record.GetInterfaces()
        .FirstOrDefault(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(ISuperseded<>)) is { } superseded
        ? Latest(superseded.GetGenericArguments()[0]) : record;
}
