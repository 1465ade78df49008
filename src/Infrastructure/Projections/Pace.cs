using Bsp.Infrastructure.EventStore;

namespace Bsp.Infrastructure.Projections;

/// <summary>
/// Leaves commands room while a projection works through much of the log: when something was appended while a page was read and applied, it
/// rests before the next. Nobody appends:
/// no rest. Decision and measurement: docs/decisions/0086.
/// </summary>
/// <param name="share">Rest after a page, in times of what the page took.</param>
internal sealed class Pace(LogSignal signal, TimeProvider clock, double share)
{
    /// <summary>Of a rebuild: the view serves anyway, so it takes half of the time at most.</summary>
    public const double Rebuild = 1;

    /// <summary>Of a view that is behind: people wait for it, so four fifths.</summary>
    public const double CatchUp = 0.25;

    private static readonly TimeSpan RestMax = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan GatherMax = TimeSpan.FromMilliseconds(50);

    private Task appended = signal.Next;
    private long began;
    private long left = long.MaxValue;
    private bool gains = true;
    private long end;

    /// <summary>Somebody appended while the last page was worked on.</summary>
    public bool Others { get; private set; }

    /// <summary>A page is begun.</summary>
    public void Begin() => (appended, began) = (signal.Next, clock.GetTimestamp());

    /// <summary>
    /// After a small page near the end: as long as the page took, so that what is appended meanwhile shares the next page's round trips and
    /// commit. Under load that halves what a view costs; who is alone
    /// does not notice, because only the page after waits. Decision: docs/decisions/0264.
    /// </summary>
    /// <param name="least">What the view itself wants.</param>
    public TimeSpan Gather(TimeSpan least)
    {
        var took = clock.GetElapsedTime(began);
        var rest = took < GatherMax ? took : GatherMax;
        return rest > least ? rest : least;
    }

    /// <summary>How long to rest after the page. Where the log grows as fast as we go, not at all: else we would never arrive.</summary>
    /// <param name="remaining">Numbers of the log up to the end that was last looked at.</param>
    public TimeSpan Rest(long remaining)
    {
        Others = appended.IsCompleted;
        if (remaining > end)
        {
            (gains, left) = (remaining < left, remaining); // the end was looked at anew
        }

        end = remaining;
        var rest = clock.GetElapsedTime(began) * share;
        return !Others || !gains ? TimeSpan.Zero : rest < RestMax ? rest : RestMax;
    }
}
