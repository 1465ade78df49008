using System.Reflection;
using System.Text.Json;
using FluentValidation.Results;

namespace Bsp.Application.Common;

/// <summary>
/// Every text and every piece of JSON that a request carries as its own property can be kept (<see cref="KeptJson"/>), whoever sends it
/// and whatever its validator looks at. What is deeper inside comes from
/// webhooks, which are mended instead of refused, or was read by the HTTP layer, which asks the same of whole bodies.
/// </summary>
public static class KeptRequest<TRequest>
{
    private static readonly (string Name, Func<TRequest, object?> Value)[] Properties =
    [
        .. typeof(TRequest).GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(p => p.GetIndexParameters().Length == 0 && IsKept(p.PropertyType))
        .Select(p => (Rules.OnTheWire(p.Name), (Func<TRequest, object?>)(request => p.GetValue(request)))),
    ];

    /// <summary>One failure a property, named as on the wire; a merge patch is named by its member.</summary>
    public static IEnumerable<ValidationFailure> Faults(TRequest request)
    {
        foreach (var (name, read) in Properties)
        {
            if (Fault(name, read(request)) is { } failure)
            {
                yield return failure;
            }
        }
    }

    private static bool IsKept(Type type)
    {
        var inner = type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Optional<>) ? type.GetGenericArguments()[0] : type;
        return inner == typeof(string) || typeof(IEnumerable<string>).IsAssignableFrom(inner)
            || (Nullable.GetUnderlyingType(inner) ?? inner) == typeof(JsonElement);
    }

    private static ValidationFailure? Fault(string name, object? value) => value switch
    {
        string text => KeptJson.TextFault(text) is { } fault ? new(name, fault) : null,
        IEnumerable<string?> texts =>
            texts.Any(t => t is not null && KeptJson.TextFault(t) is not null) ? new(name, KeptJsonWalk.TextMessage) : null,
        JsonElement json => KeptJson.Fault(json) is not { } fault ? null
            : name == "patch" ? new(fault.Member, fault.For(fault.Member)) : new(name, fault.For("")),
        Optional<string> optional => Fault(name, optional.Value),
        Optional<IReadOnlyList<string>> optional => Fault(name, optional.Value),
        Optional<JsonElement> optional => Fault(name, optional.IsSet ? optional.Value : null),
        Optional<JsonElement?> optional => Fault(name, optional.Value),
        _ => null,
    };
}
