using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Projections;

/// <summary>A run of final events of one shard's log, in order, of the types the projection asked for.</summary>
/// <param name="After">Checkpoint before the page (exclusive).</param>
/// <param name="UpTo">Checkpoint after it (inclusive): may lie beyond the last event, when those between are of other types.</param>
public sealed record EventPage(Shard Shard, long After, long UpTo, IReadOnlyList<StoredEvent> Events)
{
    /// <summary>The checkpoint after the page with the shard's epoch, as one number, for stores outside PostgreSQL.</summary>
    public long PackedUpTo => new Position(Shard.Epoch, UpTo).Packed;

    /// <summary>The organizations the page speaks of.</summary>
    public IReadOnlyCollection<Guid> Organizations => Events.Select(e => e.OrganizationId).ToHashSet();
}

/// <summary>What a runner does about an event that its projection cannot take.</summary>
public enum OnPoison
{
    /// <summary>Leaves it out of the view, keeps it with its error in <c>bsp.parked_events</c>, and goes on.</summary>
    Park,

    /// <summary>Stops with the error until somebody resumes: for views that are wrong with one event missing (money).</summary>
    Stop,
}

/// <summary>The name of a view's copy that is being built.</summary>
public static class CopyName
{
    private const string Suffix = "+next";

    /// <summary><c>campaign_counters.v1+next</c>.</summary>
    public static string Of(string projection) => projection + Suffix;
}

/// <summary>
/// Turns the log into a view. The checkpoint moves with the effects: a page applied twice, or half and then again, leaves the same view.
/// </summary>
public interface IProjection
{
    /// <summary>Name and version, <c>campaign_counters.v1</c>.</summary>
    string Name { get; }

    /// <summary>Stored names it reads; null: every event.</summary>
    IReadOnlyCollection<string>? EventTypes { get; }

    /// <summary>Events a page, at most (100–5,000).</summary>
    int PageEventsMax { get; }

    /// <summary>
    /// From the beginning of a small page to the next one, at least, unless somebody waits for the view; zero: as soon as there is
    /// something.
    /// </summary>
    TimeSpan GatherFor => TimeSpan.Zero;

    /// <summary>What to do about an event it cannot take, after retries.</summary>
    OnPoison OnPoison => OnPoison.Park;

    /// <summary>
    /// True: it is given events whose body cannot be read, and decides what becomes of them; else the runner keeps them from it.
    /// </summary>
    bool TakesUnreadable => false;

    /// <summary>Sequence up to which the view is complete on this shard; 0: empty.</summary>
    Task<long> CheckpointAsync(Shard shard, CancellationToken ct);

    /// <summary>
    /// Writes the effects and moves the checkpoint to <see cref="EventPage.UpTo"/>. Also called with no events, to move the checkpoint
    /// alone.
    /// </summary>
    Task ApplyAsync(EventPage page, CancellationToken ct);

    /// <summary>
    /// The same view, built from the beginning of the log beside this one; null: what this makes cannot be made again (a process manager's
    /// appends).
    /// </summary>
    IProjectionCopy? Beside => null;
}

/// <summary>
/// A view that is built anew beside the one that serves, with a checkpoint and content of its own, under the name <c>{view}+next</c>. While
/// its row stands in <c>bsp.projections</c>
/// the rebuild is under way, whichever process works on it. Decision: docs/decisions/0085.
/// </summary>
public interface IProjectionCopy : IProjection
{
    /// <summary>Makes it empty, with checkpoint 0, whatever an earlier attempt left.</summary>
    Task BeginAsync(Shard shard, CancellationToken ct);

    /// <summary>
    /// It becomes the view, and its checkpoint the view's. Called while no page is applied to either, when it is at least as far as the
    /// view. Killed half-way, readers still see
    /// one content or the other, and <see cref="FinishAsync"/> completes it.
    /// </summary>
    /// <returns>False: nothing was swapped, because another process has done so or has carried the view further.</returns>
    Task<bool> SwapAsync(Shard shard, CancellationToken ct);

    /// <summary>
    /// Completes a swap that was killed half-way; called by every new runner before it applies anything. True: there was one, and it is
    /// complete now.
    /// </summary>
    Task<bool> FinishAsync(Shard shard, CancellationToken ct) => Task.FromResult(false);

    /// <summary>Removes it and all it made.</summary>
    Task DropAsync(Shard shard, CancellationToken ct);
}
