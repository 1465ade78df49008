namespace Bsp.Application.CustomerWebhooks;

/// <summary>
/// When a delivery that failed is tried again: a fixed table over three days, with jitter. docs/webhooks.md shows it; a test keeps the two
/// equal.
/// </summary>
public static class RetryTable
{
    /// <summary>Share of a pause by which it is made longer or shorter, by chance.</summary>
    public const double Jitter = 0.1;

    /// <summary>The longest pause that a receiver may ask for by <c>Retry-After</c>.</summary>
    public static readonly TimeSpan RetryAfterMax = TimeSpan.FromHours(24);

    /// <summary>The least pause after a 429: the receiver asked for less, and did not say how much less.</summary>
    public static readonly TimeSpan TooManyMin = TimeSpan.FromSeconds(60);

    /// <summary>Pause after the first, second, … failed attempt. 72 hours together; the attempt after the last one is the last.</summary>
    public static readonly IReadOnlyList<TimeSpan> Pauses =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(30),
            TimeSpan.FromHours(1), TimeSpan.FromHours(2), TimeSpan.FromHours(4),
        TimeSpan.FromHours(6), TimeSpan.FromHours(8), TimeSpan.FromHours(8), TimeSpan.FromHours(8), TimeSpan.FromHours(8),
        TimeSpan.FromHours(8), TimeSpan.FromHours(8), TimeSpan.FromHours(8),
        TimeSpan.FromSeconds((2 * 3_600) + (17 * 60) + 25),
    ];

    /// <summary>Attempts altogether.</summary>
    public static int AttemptsMax => Pauses.Count + 1;

    /// <summary>The pause after a failed attempt; null: that was the last one.</summary>
    /// <param name="attempts">How many have failed, from 1.</param>
    /// <param name="asked">What the receiver asked for; null: nothing. It makes the pause longer, never shorter.</param>
    /// <param name="chance">0 to 1: what a die said.</param>
    public static TimeSpan? After(int attempts, TimeSpan? asked, double chance)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(attempts, 1);
        if (attempts > Pauses.Count)
        {
            return null;
        }

        var pause = Pauses[attempts - 1] * (1 - Jitter + (2 * Jitter * Math.Clamp(chance, 0, 1)));
        return asked is { } wish && wish > pause ? wish < RetryAfterMax ? wish : RetryAfterMax : pause;
    }
}
