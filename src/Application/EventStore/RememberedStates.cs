namespace Bsp.Application.EventStore;

/// <summary>
/// States that this process has just written, so that the next decision on the same stream need not load them. A hint, never a truth: an append proves it by the version it expects,
/// and whoever would not append (nothing to do, a refusal, another version than the caller saw) loads first. Bounded: one state a slot, the newest stands.
/// </summary>
internal static class RememberedStates<TState>
{
    private const int SlotsMax = 4_096;
    private static readonly Entry?[] Slots = new Entry?[SlotsMax];

    private sealed record Entry(IEventStore Store, Guid OrganizationId, Guid StreamId, TState State, long Version);

    /// <summary>The state this process wrote last, or null.</summary>
    public static LoadedState<TState>? Find(IEventStore store, Guid organizationId, Guid streamId) =>
        Volatile.Read(ref Slots[Slot(streamId)]) is { } entry && ReferenceEquals(entry.Store, store) && entry.StreamId == streamId && entry.OrganizationId == organizationId
            ? new(entry.State, entry.Version, IsArchived: false)
            : null;

    public static void Keep(IEventStore store, Guid organizationId, Guid streamId, TState state, long version) =>
        Volatile.Write(ref Slots[Slot(streamId)], new(store, organizationId, streamId, state, version));

    public static void Forget(Guid streamId) => Volatile.Write(ref Slots[Slot(streamId)], null);

    private static int Slot(Guid streamId) => (int)((uint)streamId.GetHashCode() % SlotsMax);
}
