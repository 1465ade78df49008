using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Analytics;

/// <summary>Numbers in the shard's own rows: one statement a table and page, in the same transaction as the checkpoint, so that each fact is counted once.</summary>
/// <param name="shards">For a rebuild: its organizations are named to row-level security.</param>
public abstract class CountersProjection(Shards shards) : IProjection
{
    public abstract string Name { get; }

    public abstract IReadOnlyCollection<string>? EventTypes { get; }

    public int PageEventsMax => 5_000;

    public async Task<long> CheckpointAsync(Shard shard, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT sequence FROM bsp.projections WHERE name = $1");
        command.Parameters.Add(new() { Value = Name });
        return await command.ExecuteScalarAsync(ct) as long? ?? 0;
    }

    public async Task ApplyAsync(EventPage page, CancellationToken ct)
    {
        await using var transaction = await page.Shard.BeginAsync(page.Organizations, ct);
        var moved = await transaction.QueryAsync("""
            WITH before AS (SELECT sequence FROM bsp.projections WHERE name = $1 FOR UPDATE),
                 moved AS (INSERT INTO bsp.projections (name, sequence) VALUES ($1, $2)
                           ON CONFLICT (name) DO UPDATE SET sequence = greatest(bsp.projections.sequence, excluded.sequence), updated_at = now())
            SELECT coalesce((SELECT sequence FROM before), 0)
            """, r => r.GetInt64(0), ct, Name, page.UpTo);
        var fresh = page with { After = moved[0], Events = [.. page.Events.Where(e => e.Sequence > moved[0])] };
        if (fresh.Events.Count > 0)
        {
            await CountAsync(transaction, fresh, ct);
        }

        await transaction.CommitAsync(ct);
    }

    public async Task ResetAsync(Shard shard, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(await OrganizationsAsync(shard, ct), ct);
        await ClearAsync(transaction, ct);
        await transaction.ExecuteAsync("UPDATE bsp.projections SET sequence = 0, updated_at = now() WHERE name = $1", ct, Name);
        await transaction.CommitAsync(ct);
    }

    /// <summary>Adds what these facts count; none of them was counted before.</summary>
    protected abstract Task CountAsync(TenantTransaction transaction, EventPage page, CancellationToken ct);

    /// <summary>Sets the numbers to nothing; all organizations of the shard are visible.</summary>
    protected abstract Task ClearAsync(TenantTransaction transaction, CancellationToken ct);

    private async Task<List<Guid>> OrganizationsAsync(Shard shard, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand("SELECT organization_id FROM bsp.directory_organizations WHERE shard = $1");
        command.Parameters.Add(new() { Value = shard.Name });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var organizations = new List<Guid>();
        while (await reader.ReadAsync(ct))
        {
            organizations.Add(reader.GetGuid(0));
        }

        return organizations;
    }
}
