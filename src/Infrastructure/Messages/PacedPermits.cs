namespace Bsp.Infrastructure.Messages;

/// <summary>
/// Spreads a number's permits over the second, a tenth of a second's worth at most at once: the window of Redis alone would let them go in
/// its first moment, and two windows' worth within a second. And what Meta's refusals (130429) teach: the pace falls by the share that was
/// refused, at most once a second, and rises again by a twentieth of the full pace a second.
/// </summary>
public sealed class PacedPermits
{
    private const double SlicesPerSecond = 10;
    private const double CutMax = 0.5;
    private const double CutMin = 0.05;
    private const double RaisedPerSecond = 0.05;
    private const double ShareMin = 0.01;
    private const double Hair = 1.02; // the window of Redis says how many there are, this only when

    private readonly Lock gate = new();
    private double tokens;
    private TimeSpan filledAt = TimeSpan.MinValue;
    private double share = 1;
    private TimeSpan cutAt = TimeSpan.MinValue;

    /// <summary>Messages a second that may leave now: the full pace, or less while refusals are remembered.</summary>
    public int PerSecond(int full) => Math.Max(1, (int)Math.Floor(full * share));

    /// <summary>How many may be asked for, and when to look again when that is none.</summary>
    /// <param name="now">Of a clock that only goes forward.</param>
    public (int Permits, TimeSpan Wait) Ask(int full, int wanted, TimeSpan now)
    {
        lock (gate)
        {
            Fill(full, now);
            var permits = (int)Math.Min(wanted, Math.Floor(tokens));
            return (permits, permits > 0 ? TimeSpan.Zero : TimeSpan.FromSeconds((1 - tokens) / PerSecond(full)));
        }
    }

    /// <summary>So many were used of what was asked for.</summary>
    public void Use(int count)
    {
        lock (gate)
        {
            tokens -= count;
        }
    }

    /// <summary>So many of a batch were refused for the number's pace. True: the pace falls.</summary>
    public bool Refused(int refused, int of, TimeSpan now)
    {
        lock (gate)
        {
            if (refused == 0 || (cutAt != TimeSpan.MinValue && now - cutAt < TimeSpan.FromSeconds(1)))
            {
                return false;
            }

            share = Math.Max(ShareMin, share * (1 - Math.Clamp((double)refused / of, CutMin, CutMax)));
            cutAt = now;
            return true;
        }
    }

    private void Fill(int full, TimeSpan now)
    {
        var passed = filledAt == TimeSpan.MinValue ? TimeSpan.FromSeconds(1 / SlicesPerSecond) : now - filledAt;
        filledAt = now;
        share = Math.Min(1, share + (passed.TotalSeconds * RaisedPerSecond));
        var rate = PerSecond(full);
        tokens = Math.Min(Math.Max(1, rate / SlicesPerSecond), tokens + (passed.TotalSeconds * rate * Hair));
    }
}

/// <summary>The paces of the numbers that this process sends by.</summary>
public sealed class NumberPaces
{
    private const int NumbersMax = 10_000;

    [Application.Common.Bounded("NumbersMax; then it begins anew")]
    private readonly System.Collections.Concurrent.ConcurrentDictionary<Guid, PacedPermits> paces = new();

    public PacedPermits Of(Guid accountId)
    {
        if (paces.Count >= NumbersMax)
        {
            paces.Clear();
        }

        return paces.GetOrAdd(accountId, _ => new());
    }
}
