using System.Collections.Concurrent;
using Bsp.Application.Common;

namespace Bsp.Api.Limits;

/// <summary>
/// So many bytes a second of each name, on average. Whatever comes while there is credit is taken whole, and paid for afterwards: a large
/// body needs no more than a small one to begin.
/// </summary>
/// <param name="perSecond">Bytes.</param>
/// <param name="seconds">What may come at once after a while of nothing, in seconds' worth.</param>
public sealed class ByteRate(long perSecond, int seconds, TimeProvider clock)
{
    private const int NamesMax = 10_000;

    [Bounded("one a name that sent something in the last seconds; full ones are swept beyond 10,000")]
    private readonly ConcurrentDictionary<Guid, Credit> credits = new();

    private sealed class Credit(double bytes, long since)
    {
        public double Bytes { get; set; } = bytes;

        public long At { get; set; } = since;
    }

    /// <summary>Takes them; false: there is no credit, and nothing is taken.</summary>
    public bool Take(Guid name, long bytes)
    {
        if (credits.Count > NamesMax)
        {
            Sweep();
        }

        var credit = credits.GetOrAdd(name, _ => new(perSecond * seconds, clock.GetTimestamp()));
        lock (credit)
        {
            if (Refilled(credit) <= 0)
            {
                return false;
            }

            credit.Bytes -= bytes;
            return true;
        }
    }

    private double Refilled(Credit credit)
    {
        var now = clock.GetTimestamp();
        credit.Bytes = Math.Min(perSecond * seconds, credit.Bytes + (clock.GetElapsedTime(credit.At, now).TotalSeconds * perSecond));
        credit.At = now;
        return credit.Bytes;
    }

    // A full one remembers nothing that a new one would not.
    private void Sweep()
    {
        foreach (var pair in credits)
        {
            lock (pair.Value)
            {
                if (Refilled(pair.Value) >= perSecond * seconds)
                {
                    credits.TryRemove(pair);
                }
            }
        }
    }
}
