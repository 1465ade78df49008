using Bsp.Application.Common;

namespace Bsp.Application.EventStore;

/// <summary>Which events of an organization; what is null does not matter.</summary>
/// <param name="Types">Stored names.</param>
/// <param name="StreamId">Of this stream only.</param>
/// <param name="CorrelationId">Of one request or job.</param>
/// <param name="CausationId">Caused by one event or message.</param>
/// <param name="Without">Stored names left out, also when <paramref name="Types"/> asks for them.</param>
public sealed record LogFilter(IReadOnlyCollection<string>? Types = null, Guid? StreamId = null, string? CorrelationId = null,
    string? CausationId = null, IReadOnlyCollection<string>? Without = null)
{
    /// <summary>Every event.</summary>
    public static readonly LogFilter All = new();
}

/// <summary>A run of an organization's log.</summary>
/// <param name="UpTo">Nothing asked for up to here is missing, now or later: where to go on.</param>
/// <param name="More">There was more to look at when it was read.</param>
public sealed record LogSlice(IReadOnlyList<StoredEvent> Events, Position UpTo, bool More);

/// <summary>A moment of the past.</summary>
/// <param name="Position">Everything up to this place of the log; null: see <paramref name="Time"/>.</param>
/// <param name="Time">Each stream up to its first event that was appended later; null with no position either: now.</param>
public readonly record struct AsOf(Position? Position, DateTimeOffset? Time)
{
    /// <summary>Everything that is there.</summary>
    public static readonly AsOf Now;

    /// <summary>
    /// The part of a stream, in order, that was there. A prefix, whatever the clocks of its writers said, so that it folds to a state the
    /// stream really had.
    /// </summary>
    public IEnumerable<StoredEvent> Of(IEnumerable<StoredEvent> stream, int epoch)
    {
        var (position, time) = (Position, Time);
        return stream.TakeWhile(e => !(position < new Position(epoch, e.Sequence)) && !(e.Timestamp > time));
    }
}

/// <summary>
/// One organization's log, for whoever wants to know what happened: archived streams included, only what is final, bodies that this build
/// cannot read by name.
/// </summary>
public interface IEventLog
{
    /// <summary>Events after a place, in order.</summary>
    /// <param name="after">Exclusive; <see cref="Position.Start"/>: from the beginning.</param>
    /// <param name="max">1–1,000.</param>
    /// <exception cref="Common.StoreUnavailable">PostgreSQL cannot be reached.</exception>
    Task<LogSlice> ReadAsync(Guid organizationId, LogFilter filter, Position after, int max, CancellationToken ct);

    /// <summary>Everything up to here is final at this moment: whoever reads on behind it gets what happens from now on.</summary>
    /// <exception cref="Common.StoreUnavailable">PostgreSQL cannot be reached.</exception>
    Task<Position> EndAsync(Guid organizationId, CancellationToken ct);

    /// <summary>A stream as it was at a moment; version 0 and no events when there was none.</summary>
    /// <exception cref="Common.StoreUnavailable">PostgreSQL cannot be reached.</exception>
    Task<LoadedStream> ReadStreamAsync(Guid organizationId, Guid streamId, AsOf asOf, CancellationToken ct);

    /// <summary>Many short streams, in the order asked for (≤ 5,000).</summary>
    /// <exception cref="Common.StoreUnavailable">PostgreSQL cannot be reached.</exception>
    Task<IReadOnlyList<LoadedStream>> ReadStreamsAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct);
}

/// <summary>Reading the log from end to end.</summary>
public static class LogStreaming
{
    private const int PageEvents = 1_000;

    /// <summary>All that is final, page by page; ends where the log ended when its last page was read.</summary>
    public static async IAsyncEnumerable<StoredEvent> ReadAllAsync(this IEventLog log, Guid organizationId, LogFilter filter,
        Position after,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        for (var more = true; more;)
        {
            var slice = await log.ReadAsync(organizationId, filter, after, PageEvents, ct);
            foreach (var stored in slice.Events)
            {
                yield return stored;
            }

            (after, more) = (slice.UpTo, slice.More);
        }
    }
}
