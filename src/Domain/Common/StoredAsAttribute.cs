namespace Bsp.Domain.Common;

/// <summary>
/// The name under which an event is stored (<c>mt_events.type</c>). It equals Marten's default alias of the record's name, so that a Marten
/// application
/// needs only <c>AddEventType&lt;T&gt;()</c>; it is written out because a renamed class must not rename stored facts. A test asserts both.
/// </summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class StoredAsAttribute(string name) : Attribute
{
    /// <summary>snake_case, unique among all events; a next version of the same fact ends in <c>_v2</c>.</summary>
    public string Name { get; } = name;
}
