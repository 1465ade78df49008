using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Projections;

/// <summary>The page was not the next one: another runner works on this view. Nothing was written.</summary>
public sealed class CheckpointMoved(string projection, long expected) : Exception($"{projection} is no longer at {expected}: another runner has moved it.");

/// <summary>A view in the shard's own PostgreSQL: effects and checkpoint are one transaction, so each event takes effect exactly once.</summary>
public abstract class PostgresProjection : IProjection
{
    public abstract string Name { get; }

    public abstract IReadOnlyCollection<string>? EventTypes { get; }

    public virtual int PageEventsMax => 1_000;

    public virtual OnPoison OnPoison => OnPoison.Park;

    public virtual IProjectionCopy? Beside => null;

    /// <summary>False: an event that is taken later than its neighbours leaves the same view, so a parked one can be taken at any time.</summary>
    public virtual bool OrderMatters => true;

    public async Task<long> CheckpointAsync(Shard shard, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT sequence FROM bsp.projections WHERE name = $1");
        command.Parameters.Add(new() { Value = Name });
        return await command.ExecuteScalarAsync(ct) as long? ?? 0;
    }

    /// <exception cref="CheckpointMoved">The view is not at <see cref="EventPage.After"/>.</exception>
    public async Task ApplyAsync(EventPage page, CancellationToken ct)
    {
        await using var tx = await page.Shard.BeginAsync(page.Organizations, ct);
        if (page.Events.Count > 0)
        {
            await ProjectAsync(tx, page, ct);
        }

        await MoveAsync(tx, page.After, page.UpTo, ct);
        await tx.CommitAsync(ct);
    }

    /// <summary>Takes one parked event, and it is parked no more; nothing when somebody else has done so.</summary>
    public async Task TakeParkedAsync(EventPage page, CancellationToken ct)
    {
        await using var tx = await page.Shard.BeginAsync(page.Organizations, ct);
        if (await tx.ExecuteAsync("DELETE FROM bsp.parked_events WHERE projection = $1 AND sequence = $2", ct, Name, page.Events[0].Sequence) == 1)
        {
            await ProjectAsync(tx, page, ct);
            await tx.CommitAsync(ct);
        }
    }

    /// <summary>Writes the page's effects, set-based; the checkpoint follows in the same transaction. Never called with an empty page.</summary>
    protected abstract Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct);

    private async Task MoveAsync(TenantTransaction tx, long after, long upTo, CancellationToken ct)
    {
        var moved = await tx.ExecuteAsync("UPDATE bsp.projections SET sequence = $3, updated_at = now() WHERE name = $1 AND sequence = $2", ct, Name, after, upTo);
        if (moved == 0 && after == 0)
        {
            moved = await tx.ExecuteAsync("INSERT INTO bsp.projections (name, sequence) VALUES ($1, $2) ON CONFLICT DO NOTHING", ct, Name, upTo);
        }

        if (moved == 0)
        {
            throw new CheckpointMoved(Name, after);
        }
    }
}

/// <summary>The copy of a view in the shard's own PostgreSQL, in tables of its own: beginning, swapping and dropping it are one transaction each.</summary>
/// <param name="view">Name of the view that it is to become.</param>
public abstract class PostgresCopy(string view) : PostgresProjection, IProjectionCopy
{
    public override string Name => CopyName.Of(view);

    public Task BeginAsync(Shard shard, CancellationToken ct) => InOneAsync(shard, async tx =>
    {
        await EmptyAsync(tx, ct);
        await tx.ExecuteAsync("UPDATE bsp.projections SET sequence = 0 WHERE name = $1", ct, Name);
    }, ct);

    public Task SwapAsync(Shard shard, CancellationToken ct) => InOneAsync(shard, async tx =>
    {
        if (await ProjectionBoard.SwapAsync(tx, view, ct))
        {
            await SwapAsync(tx, ct);
            await EmptyAsync(tx, ct);
        }
    }, ct);

    public Task DropAsync(Shard shard, CancellationToken ct) => InOneAsync(shard, tx => EmptyAsync(tx, ct), ct);

    /// <summary>Empties the copy's own tables; the transaction sees every organization that has events here.</summary>
    protected abstract Task EmptyAsync(TenantTransaction tx, CancellationToken ct);

    /// <summary>Makes the view's rows equal to the copy's; the transaction sees every organization that has events here.</summary>
    protected abstract Task SwapAsync(TenantTransaction tx, CancellationToken ct);

    private static async Task InOneAsync(Shard shard, Func<TenantTransaction, Task> work, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(Array.Empty<Guid>(), ct);
        await tx.ExecuteAsync("SELECT set_config('bsp.tenants', string_agg(t, ','), true) FROM bsp.log_tenants() t WHERE t ~ '^[0-9a-f-]{36}$'", ct);
        await work(tx);
        await tx.CommitAsync(ct);
    }
}
