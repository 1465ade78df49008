using System.Diagnostics;

namespace Bsp.MetaSimulator.Common;

/// <summary>Lets through so many per second, with one second's worth in store at first.</summary>
internal sealed class TokenBucket
{
    private readonly Lock _gate = new();
    private double _tokens = -1;
    private long _at;

    /// <param name="perSecond">0 lets everything through. A change takes effect at once.</param>
    public bool TryTake(int perSecond)
    {
        if (perSecond <= 0)
        {
            return true;
        }

        lock (_gate)
        {
            var now = Stopwatch.GetTimestamp();
            _tokens = _tokens < 0
                ? perSecond
                : Math.Min(perSecond, _tokens + (Stopwatch.GetElapsedTime(_at, now).TotalSeconds * perSecond));
            _at = now;
            if (_tokens < 1)
            {
                return false;
            }

            _tokens -= 1;
            return true;
        }
    }

    /// <summary>Full again.</summary>
    public void Refill()
    {
        lock (_gate)
        {
            _tokens = -1;
        }
    }
}
