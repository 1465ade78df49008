using System.Reflection;
using System.Text.Json;

namespace Bsp.UnitTests.EventStore;

/// <summary>
/// A record of any event type, always the same one: every parameter filled (<c>whole</c>), or those left null that may be.
/// </summary>
internal static class Sample
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);
    private static readonly NullabilityInfoContext Nullability = new();

    public static object Of(Type type, bool whole) => Make(type, whole);

    private static object Make(Type type, bool whole)
    {
        var constructor = type.GetConstructors().Single(c => c.GetParameters().Length > 0);
        return constructor.Invoke([.. constructor.GetParameters()
            .Select((p, i) => !whole && MayBeNull(p) ? null : Value(p.ParameterType, p.Name!, i, whole))]);
    }

    private static object Value(Type type, string name, int index, bool whole) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        var t when t == typeof(string) => $"{name} ä😀",
        var t when t == typeof(Guid) => new Guid($"0198a000-0000-7000-8000-{index + 1:x12}"),
        var t when t == typeof(DateTimeOffset) => At.AddMinutes(index),
        var t when t == typeof(int) => 100 + index,
        var t when t == typeof(long) => 1_000L + index,
        var t when t == typeof(bool) => true,
        var t when t == typeof(double) => 0.25 + index,
        var t when t == typeof(decimal) => 1_000.000001m + index,
        var t when t == typeof(IReadOnlyDictionary<string, string>) => new Dictionary<string, string> { ["key"] = "value ä😀" },
        var t when t == typeof(JsonElement) =>
            JsonDocument.Parse("""{"body":[{"text":"Hello {{1}}","n":1.50,"none":null}]}""").RootElement.Clone(),
        var t when t == typeof(IReadOnlyList<string>) => new[] { "one", "two" },
        var t when t == typeof(IReadOnlyList<Guid>) =>
            new[] { new Guid("0198a000-0000-7000-8000-00000000aaaa"), new Guid("0198a000-0000-7000-8000-00000000bbbb") },
        var t when t.IsGenericType && t.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) => List(t.GetGenericArguments()[0], whole),
        var t => Make(t, whole),
    };

    private static Array List(Type of, bool whole)
    {
        var list = Array.CreateInstance(of, 1);
        list.SetValue(Value(of, "item", 0, whole), 0);
        return list;
    }

    private static bool MayBeNull(ParameterInfo parameter)
    {
        lock (Nullability)
        {
            return Nullability.Create(parameter).ReadState == NullabilityState.Nullable;
        }
    }
}
