using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.EventStore;

/// <summary>
/// Notes for every organization, type, correlation and causation in which blocks of the log they occur, so that one organization's log is read without looking through everybody's
/// (<c>bsp.log_places</c>). The server does it all: the page's bounds are enough, its events are not read here. Decision: docs/decisions/0075.
/// </summary>
public sealed class LogPlacesProjection : IProjection
{
    private const long NumbersMax = 50_000;

    /// <summary>Also written in <c>bsp.read_organization</c>.</summary>
    public string Name => "log_places.v1";

    public IReadOnlyCollection<string>? EventTypes => [];

    public int PageEventsMax => 5_000;

    public async Task<long> CheckpointAsync(Shard shard, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT sequence FROM bsp.projections WHERE name = $1");
        command.Parameters.Add(new() { Value = Name });
        return await command.ExecuteScalarAsync(ct) as long? ?? 0;
    }

    /// <exception cref="CheckpointMoved">The view is not at <see cref="EventPage.After"/>.</exception>
    public async Task ApplyAsync(EventPage page, CancellationToken ct)
    {
        // A run without asked-for events may be long: piece by piece, so that no statement is.
        for (var after = page.After; after < page.UpTo; after = Math.Min(after + NumbersMax, page.UpTo))
        {
            await NoteAsync(page.Shard, after, Math.Min(after + NumbersMax, page.UpTo), ct);
        }
    }

    public async Task ResetAsync(Shard shard, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(Array.Empty<Guid>(), ct);
        await tx.ExecuteAsync("SELECT bsp.forget_places()", ct);
        await tx.ExecuteAsync("INSERT INTO bsp.projections (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET sequence = 0, updated_at = now()", ct, Name);
        await tx.CommitAsync(ct);
    }

    private async Task NoteAsync(Shard shard, long after, long upTo, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(Array.Empty<Guid>(), ct);
        await tx.ExecuteAsync("SELECT bsp.note_places($1, $2)", ct, after, upTo);
        await tx.ExecuteAsync("INSERT INTO bsp.projections (name) VALUES ($1) ON CONFLICT DO NOTHING", ct, Name);
        if (await tx.ExecuteAsync("UPDATE bsp.projections SET sequence = $3, updated_at = now() WHERE name = $1 AND sequence = $2", ct, Name, after, upTo) == 0)
        {
            throw new CheckpointMoved(Name, after);
        }

        await tx.CommitAsync(ct);
    }
}
