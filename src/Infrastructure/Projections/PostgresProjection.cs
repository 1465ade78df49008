using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Projections;

/// <summary>The page was not the next one: another runner works on this view. Nothing was written.</summary>
public sealed class CheckpointMoved(string projection, long expected)
    : Exception($"{projection} is no longer at {expected}: another runner has moved it.");

/// <summary>
/// A view in the shard's own PostgreSQL: effects and checkpoint are one transaction, so each event takes effect exactly once.
/// </summary>
public abstract class PostgresProjection : IProjection
{
    private const int PartsFromEvents = 500; // below that, more connections cost more than they save

    public abstract string Name { get; }

    public abstract IReadOnlyCollection<string>? EventTypes { get; }

    public virtual int PageEventsMax => 1_000;

    public virtual TimeSpan GatherFor => TimeSpan.Zero;

    public virtual OnPoison OnPoison => OnPoison.Park;

    public virtual IProjectionCopy? Beside => null;

    public virtual bool TakesUnreadable => false;

    /// <summary>
    /// False: an event that is taken later than its neighbours leaves the same view, so a parked one can be taken at any time.
    /// </summary>
    public virtual bool OrderMatters => true;

    public async Task<long> CheckpointAsync(Shard shard, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT sequence FROM bsp.projections WHERE name = $1");
        command.Parameters.Add(new() { Value = Name });
        return await command.ExecuteScalarAsync(ct) as long? ?? 0;
    }

    /// <summary>
    /// Connections that write one large page at once, each its part of the keys; 1: one transaction a page. Its meaning is stored: another
    /// number is another version of the view.
    /// </summary>
    protected virtual int Parts => 1;

    /// <summary>Events of one key are written in order, by one connection; those of different keys must not touch the same row.</summary>
    protected virtual Guid KeyOf(StoredEvent stored) => stored.StreamId;

    /// <exception cref="CheckpointMoved">The view is not at <see cref="EventPage.After"/>.</exception>
    public async Task ApplyAsync(EventPage page, CancellationToken ct)
    {
        if (Parts > 1 && page.Events.Count >= PartsFromEvents)
        {
            await Task.WhenAll(page.Events.GroupBy(PartOf).Select(part => ApplyPartAsync(page, part.Key, part, ct)));
            page = page with { Events = [] };
        }

        await using var tx = await page.Shard.BeginAsync(page.Organizations, ct);
        // first: whoever writes parts of this view looks at this row, and is finished or finds it moved
        await MoveAsync(tx, page.After, page.UpTo, ct);
        if (page.Events.Count > 0)
        {
            page = Parts == 1 ? page : page with { Events = [.. await NotWrittenAsync(tx, page, ct)] };
            await ProjectUnlessEmptyAsync(tx, page, ct);
        }

        await tx.CommitAsync(ct);
    }

    /// <summary>Takes one parked event, and it is parked no more; nothing when somebody else has done so.</summary>
    public async Task TakeParkedAsync(EventPage page, CancellationToken ct)
    {
        await using var tx = await page.Shard.BeginAsync(page.Organizations, ct);
        if (await tx.ExecuteAsync("DELETE FROM bsp.parked_events WHERE projection = $1 AND sequence = $2", ct, Name,
            page.Events[0].Sequence) == 1)
        {
            await ProjectAsync(tx, page, ct);
            await tx.CommitAsync(ct);
        }
    }

    /// <summary>
    /// Writes the page's effects, set-based; the checkpoint follows in the same transaction. Never called with an empty page.
    /// </summary>
    protected abstract Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct);

    private int PartOf(StoredEvent stored) => PartitionKey.PartOf(KeyOf(stored), Parts);

    // One part of a page with the part's own checkpoint, while the view's checkpoint cannot move.
    private async Task ApplyPartAsync(EventPage page, int part, IEnumerable<StoredEvent> events, CancellationToken ct)
    {
        await using var tx = await page.Shard.BeginAsync(page.Organizations, ct);
        var at = await tx.QueryAsync("SELECT sequence FROM bsp.projections WHERE name = $1 FOR SHARE", row => row.GetInt64(0), ct, Name);
        if ((at is [var sequence] ? sequence : 0) != page.After)
        {
            throw new CheckpointMoved(Name, page.After);
        }

        var done = (await tx.QueryAsync(
            "INSERT INTO bsp.projection_parts (name, part) VALUES ($1, $2) ON CONFLICT (name, part) DO UPDATE SET name = excluded.name RETURNING sequence", row => row.GetInt64(0), ct, Name, part))[0];
        await ProjectUnlessEmptyAsync(tx, page with { Events = [.. events.Where(e => e.Sequence > done)] }, ct);
        await tx.ExecuteAsync("UPDATE bsp.projection_parts SET sequence = greatest(sequence, $3) WHERE name = $1 AND part = $2", ct, Name,
            part, page.UpTo);
        await tx.CommitAsync(ct);
    }

    // What a page that was killed half-way has not written yet.
    private async Task<IEnumerable<StoredEvent>> NotWrittenAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var done = (await tx.QueryAsync("SELECT part, sequence FROM bsp.projection_parts WHERE name = $1 AND sequence > $2", row =>
            (Part: row.GetInt32(0), Sequence: row.GetInt64(1)), ct, Name, page.After))
            .ToDictionary(p => p.Part, p => p.Sequence);
        return done.Count == 0 ? page.Events : page.Events.Where(e => e.Sequence > done.GetValueOrDefault(PartOf(e)));
    }

    private Task ProjectUnlessEmptyAsync(TenantTransaction tx, EventPage page, CancellationToken ct) =>
        page.Events.Count == 0 ? Task.CompletedTask : ProjectAsync(tx, page, ct);

    private async Task MoveAsync(TenantTransaction tx, long after, long upTo, CancellationToken ct)
    {
        // and what the page's events lead to is written also for an organization that is about to move
        var moved = await tx.ExecuteAsync("""
            WITH f AS (SELECT set_config('bsp.follows', 'on', true))
            UPDATE bsp.projections SET sequence = $3, updated_at = now() FROM f WHERE name = $1 AND sequence = $2
            """, ct, Name, after, upTo);
        // a copy's row says that its rebuild is under way: only who begins one makes it
        if (moved == 0 && after == 0 && this is not IProjectionCopy)
        {
            moved = await tx.ExecuteAsync("INSERT INTO bsp.projections (name, sequence) VALUES ($1, $2) ON CONFLICT DO NOTHING", ct, Name,
                upTo);
        }

        if (moved == 0)
        {
            throw new CheckpointMoved(Name, after);
        }
    }
}

/// <summary>
/// The copy of a view in the shard's own PostgreSQL, in tables of its own: beginning, swapping and dropping it are one transaction each.
/// </summary>
/// <param name="view">Name of the view that it is to become.</param>
public abstract class PostgresCopy(string view) : PostgresProjection, IProjectionCopy
{
    public override string Name => CopyName.Of(view);

    public Task BeginAsync(Shard shard, CancellationToken ct) => InOneAsync(shard, async tx =>
    {
        await EmptyAsync(tx, ct);
        await tx.ExecuteAsync("UPDATE bsp.projections SET sequence = 0 WHERE name = $1", ct, Name);
        await tx.ExecuteAsync("DELETE FROM bsp.projection_parts WHERE name = $1", ct, Name);
        return true;
    }, ct);

    public Task<bool> SwapAsync(Shard shard, CancellationToken ct) => InOneAsync(shard, async tx =>
    {
        if (!await ProjectionBoard.SwapAsync(tx, view, ct))
        {
            return false;
        }

        await SwapAsync(tx, ct);
        await EmptyAsync(tx, ct);
        return true;
    }, ct);

    public Task DropAsync(Shard shard, CancellationToken ct) => InOneAsync(shard, async tx =>
    {
        await EmptyAsync(tx, ct);
        return true;
    }, ct);

    /// <summary>Empties the copy's own tables; the transaction sees every organization that has events here.</summary>
    protected abstract Task EmptyAsync(TenantTransaction tx, CancellationToken ct);

    /// <summary>Makes the view's rows equal to the copy's; the transaction sees every organization that has events here.</summary>
    protected abstract Task SwapAsync(TenantTransaction tx, CancellationToken ct);

    // Committed when the work says true.
    private static async Task<bool> InOneAsync(Shard shard, Func<TenantTransaction, Task<bool>> work, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(Array.Empty<Guid>(), ct);
        await tx.ExecuteAsync(
            "SELECT set_config('bsp.tenants', string_agg(t, ','), true) FROM bsp.log_tenants() t WHERE t ~ '^[0-9a-f-]{36}$'", ct);
        if (!await work(tx))
        {
            return false;
        }

        await tx.CommitAsync(ct);
        return true;
    }
}
