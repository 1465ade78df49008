using System.Collections.Concurrent;

namespace Bsp.Infrastructure.Common;

/// <summary>
/// Who failed, again and again, is left alone for ever longer: from <paramref name="first"/>, doubled with each failure, up to
/// <paramref name="most"/>. So a loop that tries for ever has a bounded
/// log and does not keep its neighbours waiting. In memory: another process tries on its own account.
/// </summary>
public sealed class Setbacks<TKey>(TimeSpan first, TimeSpan most, TimeProvider clock)
    where TKey : notnull
{
    /// <summary>Remembered at most; beyond, those whose pause is over are forgotten, and if there are none, all.</summary>
    public const int RememberedMax = 10_000;

    [Application.Common.Bounded("10,000: RememberedMax")]
    private readonly ConcurrentDictionary<TKey, (int Failures, long Until)> failed = new();

    /// <summary>True for whom nothing is known, and when the pause is over.</summary>
    public bool MayTry(TKey key) => !failed.TryGetValue(key, out var last) || clock.GetTimestamp() >= last.Until;

    /// <summary>Notes a failure; how long it is left alone.</summary>
    /// <param name="passing">The failure is a store's that is away: it says nothing about this one, and the first pause is all there
    /// is.</param>
    public TimeSpan Failed(TKey key, bool passing = false)
    {
        if (failed.Count >= RememberedMax)
        {
            Forget();
        }

        var now = clock.GetTimestamp();
        var more = passing ? 0 : 1;
        var failures =
            failed.AddOrUpdate(key, _ => (more, Until(now, 1)), (_, last) =>
                (last.Failures + more, Until(now, passing ? 1 : last.Failures + more))).Failures;
        return Pause(passing ? 1 : failures);
    }

    /// <summary>It went well: the next failure is the first.</summary>
    public void Worked(TKey key) => failed.TryRemove(key, out _);

    private TimeSpan Pause(int failures) =>
        TimeSpan.FromTicks((long)Math.Min(first.Ticks * Math.Pow(2, Math.Min(failures - 1, 30)), most.Ticks));

    private long Until(long now, int failures) => now + (long)(Pause(failures).TotalSeconds * clock.TimestampFrequency);

    private void Forget()
    {
        var now = clock.GetTimestamp();
        foreach (var over in failed.Where(f => f.Value.Until <= now).Select(f => f.Key).ToList())
        {
            failed.TryRemove(over, out _);
        }

        if (failed.Count >= RememberedMax)
        {
            failed.Clear();
        }
    }
}
