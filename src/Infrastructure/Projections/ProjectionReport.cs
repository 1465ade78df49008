using Bsp.Infrastructure.Common;
using Standing = (Bsp.Infrastructure.Projections.ProjectionState State, string? Error, long Stored);

namespace Bsp.Infrastructure.Projections;

/// <summary>
/// What people see of one run: written when it changes, else once a second while it moves, and not at all while it rests.
/// </summary>
internal sealed class ProjectionReport(ProjectionBoard board, IProjection projection, ProjectionProgress progress, TimeProvider clock)
{
    /// <summary>How often it is written while the run moves.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private long applied; // events since the last report
    private (double Events, double Numbers) rate;
    private long at;
    private long from;
    private Standing? told; // null: nothing by this run

    /// <summary>The run begins.</summary>
    public void Begin() => at = clock.GetTimestamp();

    /// <summary>It goes on from another place.</summary>
    public void From(long seen) => from = seen;

    /// <summary>Events were taken.</summary>
    public void Applied(int events) => applied += events;

    /// <summary>What people see is how it is: where it stands, that it rests, and that a trouble is over.</summary>
    public bool Says(Standing now) => told == now && rate.Events < 0.5 && applied == 0;

    /// <summary>Writes it if it is due.</summary>
    public async Task TellAsync(Standing now, long seen, CancellationToken ct)
    {
        var elapsed = clock.GetElapsedTime(at);
        var changed = told is not { } last || (now.State, now.Error) != (last.State, last.Error);
        if (!changed && (elapsed < Every || Says(now)))
        {
            return;
        }

        if (elapsed >= Every)
        {
            rate = (Smooth(rate.Events, applied / elapsed.TotalSeconds),
                Smooth(rate.Numbers, Math.Max(0, seen - from) / elapsed.TotalSeconds));
            (applied, at, from) = (0, clock.GetTimestamp(), seen);
        }

        told = now;
        (progress.State, progress.EventsPerSecond) = (now.State, rate.Events);
        try
        {
            await WriteAsync(now, ct);
        }
        catch (Exception failed) when (StoreTrouble.Is(failed) && !ct.IsCancellationRequested)
        {
            told = null; // nobody could read it either; it is written again
        }
    }

    /// <summary>Writes it at once; where it stands only for views whose store is not this database.</summary>
    public Task WriteAsync(Standing now, CancellationToken ct) => board.ReportAsync(projection.Name, now.State, now.Error, rate.Events,
        rate.Numbers, projection is PostgresProjection ? null : now.Stored, ct);

    private static double Smooth(double before, double now) => before > 0 && now > 0 ? (before + now) / 2 : now;
}
