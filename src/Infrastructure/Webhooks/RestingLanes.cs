using Bsp.Application.Common;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// Lanes of organizations that used more than their share. None rests for ever: after <see cref="RestMax"/> it has a short page, whatever
/// else its organization does meanwhile.
/// </summary>
internal sealed class RestingLanes(FairShare fair, TimeProvider clock)
{
    /// <summary>No lane rests for longer, whatever its organization uses.</summary>
    public static readonly TimeSpan RestMax = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();

    [Bounded("one an organization that has to rest now")]
    private readonly Dictionary<Guid, long> since = [];

    /// <summary>There is one.</summary>
    public bool Any
    {
        get
        {
            lock (gate)
            {
                return since.Count > 0;
            }
        }
    }

    /// <summary>Those that are to be left alone now.</summary>
    public Guid[] Now()
    {
        var resting = fair.Resting();
        lock (gate)
        {
            foreach (var lane in since.Keys.Except(resting).ToList())
            {
                since.Remove(lane);
            }

            return [.. resting.Where(Rests)];
        }
    }

    // Its turn, if it rested long enough; then the rest begins anew.
    private bool Rests(Guid lane)
    {
        if (since.TryAdd(lane, clock.GetTimestamp()) || clock.GetElapsedTime(since[lane]) < RestMax)
        {
            return true;
        }

        since[lane] = clock.GetTimestamp();
        return false;
    }
}
