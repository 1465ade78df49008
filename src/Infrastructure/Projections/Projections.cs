using Bsp.Application.Common;
using Bsp.Domain.Common;

namespace Bsp.Infrastructure.Projections;

/// <inheritdoc cref="IProjections"/>
public sealed class Projections(ProjectionRunner runner) : IProjections
{
    public async Task<IReadOnlyList<ProjectionView>> ListAsync(CancellationToken ct) =>
        [.. (await runner.StatusAsync(ct)).Where(s => runner.Has(s.Name)).OrderBy(s => s.Name, StringComparer.Ordinal)
            .ThenBy(s => s.Shard, StringComparer.Ordinal).Select(View)];

    private static ProjectionView View(ProjectionStatus s) =>
        new(s.Name, s.Shard, Word(s.Shown), s.Lag, Math.Round(s.EventsPerSecond, 1), s.Parked, s.Error, s.Pending is { } asked
            ? Word(asked) : null, s.UpdatedAt,
        s.Rebuild is not { } r ? null
        : new(Word(r.State), Math.Round(s.RebuildPercent, 1), Math.Round(r.Rate, 1), s.RebuildEtaSeconds, r.Parked, r.Error, r.StartedAt));

    public async Task OrderAsync(string name, ProjectionOrder order, CancellationToken ct)
    {
        if (!runner.Has(name))
        {
            throw new Refusal("projection.unknown", "There is no projection of this name: GET /v1/projections lists them.");
        }

        if (order is ProjectionOrder.Rebuild or ProjectionOrder.Cancel && !runner.MayRebuild(name))
        {
            throw new Refusal("projection.no_rebuild", "It makes no view: what it has appended is part of the log.");
        }

        if (order is ProjectionOrder.Rebuild && await runner.IsMovingAsync(ct) is { } shard)
        {
            throw new Refusal("projection.move_running",
                $"An organization moves from or to shard '{shard}': views are built anew when it has arrived (GET /v1/shards).");
        }

        await runner.RequestAsync(name, Enum.Parse<ProjectionRequest>(order.ToString()), ct);
    }

    private static string Word<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();
}
