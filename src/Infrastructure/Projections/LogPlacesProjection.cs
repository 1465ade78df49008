using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Projections;

/// <summary>
/// Notes for every organization, type, correlation and causation in which blocks of the log they occur, so that one organization's log is
/// read without looking through everybody's
/// (<c>bsp.log_places</c>). The server does it all: the page's bounds are enough, its events are not read here. Decision:
/// docs/decisions/0075.
/// </summary>
public sealed class LogPlacesProjection : IProjection
{
    private const long NumbersMax = 50_000;

    public string Name => ViewNames.LogPlaces;

    public IReadOnlyCollection<string>? EventTypes => [];

    public int PageEventsMax => 5_000;

    public IProjectionCopy? Beside { get; } = new Copy();

    public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => CheckpointAsync(shard, Name, ct);

    /// <exception cref="CheckpointMoved">The view is not at <see cref="EventPage.After"/>.</exception>
    public Task ApplyAsync(EventPage page, CancellationToken ct) => NoteAsync(page, Name, "SELECT bsp.note_places($1, $2)", ct);

    private static async Task<long> CheckpointAsync(Shard shard, string name, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT sequence FROM bsp.projections WHERE name = $1");
        command.Parameters.Add(new() { Value = name });
        return await command.ExecuteScalarAsync(ct) as long? ?? 0;
    }

    // A run without asked-for events may be long: piece by piece, so that no statement is.
    private static async Task NoteAsync(EventPage page, string name, string note, CancellationToken ct)
    {
        for (var after = page.After; after < page.UpTo; after = Math.Min(after + NumbersMax, page.UpTo))
        {
            var upTo = Math.Min(after + NumbersMax, page.UpTo);
            await using var tx = await page.Shard.BeginAsync(Array.Empty<Guid>(), ct);
            await tx.ExecuteAsync(note, ct, after, upTo);
            if (name == ViewNames.LogPlaces)
            {
                // a copy's row says that a rebuild is under way: it is not made here
                await tx.ExecuteAsync("INSERT INTO bsp.projections (name) VALUES ($1) ON CONFLICT DO NOTHING", ct, name);
            }

            if (await tx.ExecuteAsync("UPDATE bsp.projections SET sequence = $3, updated_at = now() WHERE name = $1 AND sequence = $2", ct,
                name, after, upTo) == 0)
            {
                throw new CheckpointMoved(name, after);
            }

            await tx.CommitAsync(ct);
        }
    }

    private sealed class Copy : IProjectionCopy
    {
        public string Name { get; } = CopyName.Of(ViewNames.LogPlaces);

        public IReadOnlyCollection<string>? EventTypes => [];

        public int PageEventsMax => 5_000;

        public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => LogPlacesProjection.CheckpointAsync(shard, Name, ct);

        public Task ApplyAsync(EventPage page, CancellationToken ct) => NoteAsync(page, Name, "SELECT bsp.note_places_next($1, $2)", ct);

        public async Task BeginAsync(Shard shard, CancellationToken ct)
        {
            await using var tx = await shard.BeginAsync(Array.Empty<Guid>(), ct);
            await tx.ExecuteAsync("SELECT bsp.forget_places_next()", ct);
            await tx.ExecuteAsync("UPDATE bsp.projections SET sequence = 0 WHERE name = $1", ct, Name);
            await tx.CommitAsync(ct);
        }

        public async Task<bool> SwapAsync(Shard shard, CancellationToken ct)
        {
            await using var tx = await shard.BeginAsync(Array.Empty<Guid>(), ct);
            if (!await ProjectionBoard.SwapAsync(tx, ViewNames.LogPlaces, ct))
            {
                return false;
            }

            await tx.ExecuteAsync("SELECT bsp.swap_places()", ct);
            await tx.CommitAsync(ct);
            return true;
        }

        public async Task DropAsync(Shard shard, CancellationToken ct)
        {
            await using var tx = await shard.BeginAsync(Array.Empty<Guid>(), ct);
            await tx.ExecuteAsync("SELECT bsp.forget_places_next()", ct);
            await tx.CommitAsync(ct);
        }
    }
}
