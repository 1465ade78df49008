using Bsp.Domain.Common;

namespace Bsp.Application.EventStore;

/// <summary>
/// States that this process has just written, so that the next decision on the same stream need not load them. A hint, never a truth: an
/// append proves it by the version it expects,
/// and whoever would not append (nothing to do, a refusal, another version than the caller saw) loads first. Bounded: one state a slot, the
/// newest stands.
/// States that ask for it (<see cref="NotRememberedAttribute"/>) are not kept.
/// </summary>
internal static class RememberedStates<TState>
{
    private const int SlotsMax = 4_096;
    private static readonly Entry?[]? Slots = typeof(TState).IsDefined(typeof(NotRememberedAttribute), inherit: false) ? null
        : new Entry?[SlotsMax];

    private sealed record Entry(IEventStore Store, Guid OrganizationId, Guid StreamId, TState State, long Version);

    /// <summary>The state this process wrote last, or null.</summary>
    public static LoadedState<TState>? Find(IEventStore store, Guid organizationId, Guid streamId) =>
        Slots is not null && Volatile.Read(ref Slots[Slot(streamId)]) is { } entry && ReferenceEquals(entry.Store, store)
        && entry.StreamId == streamId && entry.OrganizationId == organizationId
            ? new(entry.State, entry.Version, IsArchived: false)
            : null;

    public static void Keep(IEventStore store, Guid organizationId, Guid streamId, TState state, long version) =>
        Write(streamId, new(store, organizationId, streamId, state, version));

    public static void Forget(Guid streamId) => Write(streamId, null);

    private static void Write(Guid streamId, Entry? entry)
    {
        if (Slots is not null)
        {
            Volatile.Write(ref Slots[Slot(streamId)], entry);
        }
    }

    private static int Slot(Guid streamId) => (int)((uint)streamId.GetHashCode() % SlotsMax);
}
