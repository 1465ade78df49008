using Bsp.Application.Common;
using Bsp.Domain.Common;

namespace Bsp.Infrastructure.Projections;

/// <inheritdoc cref="IProjections"/>
public sealed class Projections(ProjectionRunner runner) : IProjections
{
    public async Task<IReadOnlyList<ProjectionView>> ListAsync(CancellationToken ct) =>
        [.. (await runner.StatusAsync(ct)).Where(s => runner.Has(s.Name)).OrderBy(s => s.Name, StringComparer.Ordinal).ThenBy(s => s.Shard, StringComparer.Ordinal)
            .Select(s => new ProjectionView(s.Name, s.Shard, Word(s.State), s.Lag, Math.Round(s.EventsPerSecond, 1), s.Parked, s.Error, s.Pending is { } asked ? Word(asked) : null, s.UpdatedAt))];

    public Task OrderAsync(string name, ProjectionOrder order, CancellationToken ct)
    {
        if (!runner.Has(name))
        {
            throw new Refusal("projection.unknown", "There is no projection of this name: GET /v1/projections lists them.");
        }

        return runner.RequestAsync(name, order switch
        {
            ProjectionOrder.Pause => ProjectionRequest.Pause,
            ProjectionOrder.Resume => ProjectionRequest.Resume,
            _ => ProjectionRequest.Rebuild,
        }, ct);
    }

    private static string Word<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();
}
