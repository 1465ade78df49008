using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Npgsql;

namespace Bsp.Infrastructure.EventStore;

public sealed partial class LogReader
{
    /// <summary>Foreign writers are watched: the fence alone does not tell what is final.</summary>
    public bool WatchesGaps => gaps is not null;

    /// <summary>
    /// A stretch of the log that the caller knows to be final (an earlier <see cref="EndAsync"/>): needs no look at the writers, so several
    /// may be read at once.
    /// </summary>
    /// <param name="after">Exclusive.</param>
    /// <param name="upTo">Inclusive, final, at most 100,000 beyond <paramref name="after"/>.</param>
    /// <param name="types">As in <see cref="ReadAsync"/>.</param>
    /// <param name="max">1 to <see cref="PageEventsMax"/>; with so many events the page ends at the last of them.</param>
    /// <exception cref="StoreUnavailable">PostgreSQL cannot be reached.</exception>
    public async Task<LogPage> ReadFinalAsync(long after, long upTo, IReadOnlyCollection<string>? types, int max, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(upTo - after, LookedThroughMax);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(max, PageEventsMax);
        try
        {
            return await IsolatingAsync(async (bodies, most) =>
            {
                await using var connection = await source.OpenConnectionAsync(ct);
                return await ReadUpToAsync(connection, after, upTo, types, bodies, most, ct);
            }, max, ct);
        }
        catch (NpgsqlException error) when (Unreachable.Is(error))
        {
            throw new StoreUnavailable("postgres", error);
        }
    }

    /// <summary>Asks for its body again, should it have been unreadable.</summary>
    public void Forget(long sequence) => unreadable.Forget(sequence);

    // A page of which not even the first row came: that row is read without its body, and its body alone. Refused again: it is the bad one,
    // and a page of its own.
    private async Task<LogPage> IsolatingAsync(Func<bool, int, Task<LogPage>> read, int max, CancellationToken ct)
    {
        try
        {
            return await read(true, max);
        }
        catch (PostgresException refused) when (UnreadableEvents.MayBeOfARow(refused))
        {
            var page = await read(false, 1);
            if (page.Events is not [var suspect])
            {
                throw;
            }

            try
            {
                return await read(true, 1);
            }
            catch (PostgresException alone) when (UnreadableEvents.MayBeOfARow(alone) && unreadable.Judge(suspect.Sequence, alone))
            {
                return page with { Events =
                    [suspect with { Body = new UnreadableBody(unreadable.Find(suspect.Sequence) ?? alone.MessageText) }] };
            }
        }
    }
}
