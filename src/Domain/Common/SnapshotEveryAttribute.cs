namespace Bsp.Domain.Common;

/// <summary>
/// Put on the state of an aggregate whose streams grow long: who had to fold this many events leaves the state for the next one. The state
/// must survive being written as JSON
/// and read again (a test asserts it), and hold personal data only as sealed as its events do.
/// </summary>
/// <param name="events">Events after the last snapshot, 10 or more. Below some dozens a snapshot costs more than it saves.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class SnapshotEveryAttribute(int events) : Attribute
{
    public int Events { get; } = events;
}
