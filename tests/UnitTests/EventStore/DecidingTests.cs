using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;

namespace Bsp.UnitTests.EventStore;

/// <summary>
/// Load, fold, decide, append, against the log in memory: what happens when somebody else is faster, nothing changes, or the caller names a
/// version.
/// </summary>
public sealed class DecidingTests
{
    private readonly MemoryEventStore store = new();
    private readonly Guid organization = Uuid.New();
    private readonly Guid door = Uuid.New();

    [Fact]
    public async Task The_first_decision_on_a_stream_begins_it_and_says_its_version()
    {
        (await OpenAsync()).ShouldBe(new Done(door, 1));
        store.Bodies(organization, door).ShouldBe([new DoorOpened()]);
    }

    [Fact]
    public async Task A_repeat_writes_nothing_and_says_the_version_found()
    {
        await OpenAsync();
        (await OpenAsync()).ShouldBe(new Done(door, 1));
        store.Appends.ShouldBe(1);
    }

    [Fact]
    public async Task Whoever_is_slower_decides_again_on_what_is_stored_by_then()
    {
        store.BeforeAppend = appends => Elsewhere(appends, new DoorOpened(), new DoorClosed(), new DoorOpened());
        (await OpenAsync()).ShouldBe(new Done(door, 3)); // it is open by then: nothing to do
        store.Bodies(organization, door).Count.ShouldBe(3);
    }

    [Fact]
    public async Task After_some_conflicts_the_decision_is_written_once()
    {
        store.BeforeAppend = appends =>
        {
            if (appends < 5)
            {
                store.Write(organization, [new(door, Door.StreamType, null, [new DoorClosed()])]);
            }
        };
        (await OpenAsync()).Version.ShouldBe(6);
        store.Appends.ShouldBe(6);
        store.Bodies(organization, door).OfType<DoorOpened>().Count().ShouldBe(1);
    }

    [Fact]
    public async Task Who_never_gets_through_is_told_so_after_a_hundred_tries()
    {
        store.BeforeAppend = _ => store.Write(organization, [new(door, Door.StreamType, null, [new DoorClosed()])]);
        (await Should.ThrowAsync<VersionConflict>(OpenAsync())).Named.ShouldBeFalse();
        store.Appends.ShouldBe(100);
        store.Bodies(organization, door).OfType<DoorOpened>().ShouldBeEmpty();
    }

    [Fact]
    public async Task A_stale_named_version_is_refused_and_nothing_is_tried_again()
    {
        await OpenAsync();
        (await Should.ThrowAsync<VersionConflict>(CloseAsync(seen: 0))).Named.ShouldBeTrue();
        store.Appends.ShouldBe(1);
        (await CloseAsync(seen: 1)).Version.ShouldBe(2);
    }

    [Fact]
    public async Task A_named_version_that_somebody_passes_meanwhile_is_refused()
    {
        await OpenAsync();
        store.BeforeAppend = appends => Elsewhere(appends - 1, new DoorClosed(), new DoorOpened());
        (await Should.ThrowAsync<VersionConflict>(CloseAsync(seen: 1))).Named.ShouldBeTrue();
        store.Bodies(organization, door)[^1].ShouldBe(new DoorOpened());
    }

    [Fact]
    public async Task A_refusal_by_what_is_remembered_is_given_only_if_the_stored_state_says_the_same()
    {
        await OpenAsync(); // remembered: open
        store.Write(organization, [new(door, Door.StreamType, 1, [new DoorClosed(), new DoorSealed()])]); // another process
        (await Should.ThrowAsync<Refusal>(OpenAsync())).Code.ShouldBe("door.sealed");
        store.Write(organization, [new(door, Door.StreamType, null, [new DoorUnsealed()])]);
        (await OpenAsync()).Version.ShouldBe(5);
    }

    [Fact]
    public async Task An_archived_stream_takes_nothing_whether_it_is_remembered_or_not()
    {
        await OpenAsync();
        await store.ArchiveAsync(organization, [(door, 1)], default);
        (await Should.ThrowAsync<Refusal>(CloseAsync())).Code.ShouldBe("stream.archived"); // remembered
        (await Should.ThrowAsync<Refusal>(CloseAsync())).Code.ShouldBe("stream.archived"); // read
        await store.RestoreAsync(organization, [door], default);
        (await CloseAsync()).Version.ShouldBe(2);
    }

    [Fact]
    public async Task A_neighbours_stream_of_the_same_id_is_another_stream()
    {
        await OpenAsync();
        (await store.Decide<Door, DoorEvent>(Uuid.New(), door, Door.Open, null, default)).Version.ShouldBe(1);
        store.Bodies(organization, door).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Of_fifty_at_once_one_writes_and_all_are_told_the_same()
    {
        var done = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => OpenAsync())));
        done.ShouldAllBe(one => one == new Done(door, 1));
        store.Bodies(organization, door).Count.ShouldBe(1);
    }

    [Fact]
    public async Task What_is_remembered_spares_the_reading()
    {
        await OpenAsync();
        await CloseAsync();
        await OpenAsync();
        store.Loads.ShouldBe(1);
        store.Bodies(organization, door).Count.ShouldBe(3);
    }

    [Fact]
    public async Task A_cancelled_call_writes_nothing()
    {
        using var over = new CancellationTokenSource();
        store.BeforeAppend = _ => store.Write(organization, [new(door, Door.StreamType, null, [new DoorClosed()])]);
        await over.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(store.Decide<Door, DoorEvent>(organization, door, Door.Open, null, over.Token));
        store.Bodies(organization, door).ShouldBeEmpty();
    }

    private Task<Done> OpenAsync() => store.Decide<Door, DoorEvent>(organization, door, Door.Open, null, default);

    private Task<Done> CloseAsync(long? seen = null) => store.Decide<Door, DoorEvent>(organization, door, Door.Close, seen, default);

    private void Elsewhere(int appends, params object[] events)
    {
        if (appends == 0)
        {
            store.Write(organization, [new(door, Door.StreamType, null, events)]);
        }
    }

    internal abstract record DoorEvent;

    [StoredAs("door_opened")]
    internal sealed record DoorOpened : DoorEvent;

    [StoredAs("door_closed")]
    internal sealed record DoorClosed : DoorEvent;

    [StoredAs("door_sealed")]
    internal sealed record DoorSealed : DoorEvent;

    [StoredAs("door_unsealed")]
    internal sealed record DoorUnsealed : DoorEvent;

    internal sealed record Door(bool IsOpen, bool IsSealed) : IAggregate<Door, DoorEvent>
    {
        public static string StreamType => "door";

        public static Door Initial { get; } = new(IsOpen: false, IsSealed: false);

        public static Door Evolve(Door state, DoorEvent @event) => @event switch
        {
            DoorOpened => state with { IsOpen = true },
            DoorClosed => state with { IsOpen = false },
            DoorSealed => state with { IsSealed = true },
            DoorUnsealed => state with { IsSealed = false },
            _ => throw new InvalidOperationException($"Door.Evolve does not know {@event.GetType().Name}."),
        };

        public static IReadOnlyList<DoorEvent> Open(Door state) =>
            state.IsSealed ? throw new Refusal("door.sealed", "It is sealed.") : state.IsOpen ? [] : [new DoorOpened()];

        public static IReadOnlyList<DoorEvent> Close(Door state) => state.IsOpen ? [new DoorClosed()] : [];
    }
}
