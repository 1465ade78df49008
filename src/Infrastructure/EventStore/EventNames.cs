using System.Collections.Frozen;
using Bsp.Application.EventStore;

namespace Bsp.Infrastructure.EventStore;

/// <summary>The two names under which Marten looks a record up.</summary>
/// <param name="Alias"><c>mt_events.type</c>.</param>
/// <param name="Dotnet"><c>mt_events.mt_dotnet_type</c>: <c>Full.Name, Assembly</c>, without version or culture.</param>
internal readonly record struct EventName(string Alias, string Dotnet)
{
    private static readonly FrozenDictionary<Type, EventName> ByType =
        EventTypes.All.Where(pair => !pair.Value.IsAssignableTo(typeof(Domain.Common.ISuperseded))).ToFrozenDictionary(
        pair => pair.Value, pair => new EventName(pair.Key, $"{pair.Value.FullName}, {pair.Value.Assembly.GetName().Name}"));

    /// <exception cref="InvalidOperationException">The record has no <c>[StoredAs]</c>, or is superseded.</exception>
    // the latter throws
    public static EventName Of(object body) => ByType.TryGetValue(body.GetType(), out var name) ? name : new(EventTypes.NameOf(body), "");
}
