using Bsp.Domain.Common;

namespace Bsp.Domain.Subscriptions;

/// <summary>
/// A month of a subscription, half-open, UTC. It is counted from the anchor each time (<c>anchor.AddMonths(n)</c>) and never from the
/// period before: 31 January, 28 February, 31 March. Chained, it would
/// stay on the 28th.
/// </summary>
/// <param name="N">0 is the month that begins with the anchor; <see cref="Trial"/> is what comes before it.</param>
/// <param name="From">Inclusive.</param>
/// <param name="Until">Exclusive: the moment at which the next one begins.</param>
public readonly record struct Period(int N, DateTimeOffset From, DateTimeOffset Until)
{
    /// <summary>Number of the trial, which ends with the anchor.</summary>
    public const int Trial = -1;

    /// <summary>Period <paramref name="n"/>, from 0.</summary>
    /// <param name="anchor">UTC.</param>
    public static Period Of(DateTimeOffset anchor, int n) => new(n, anchor.AddMonths(n), anchor.AddMonths(n + 1));

    /// <summary>The period in which a moment lies; before the anchor: period 0.</summary>
    public static Period Holding(DateTimeOffset anchor, DateTimeOffset at)
    {
        var months = ((at.UtcDateTime.Year - anchor.UtcDateTime.Year) * 12) + at.UtcDateTime.Month - anchor.UtcDateTime.Month;
        var n = Math.Max(0, months);
        return Of(anchor, n).From > at && n > 0 ? Of(anchor, n - 1) : Of(anchor, n);
    }

    /// <summary>What an amount for the whole period is for its rest, in one division; to the millisecond.</summary>
    /// <param name="from">From here to the end; before the beginning: all of it. After the end: nothing.</param>
    public decimal Rest(decimal amount, DateTimeOffset from) =>
        Money.Prorate(amount, Between(Later(from, From), Until), Between(From, Until));

    /// <summary>How many of the messages of a whole period belong to a part of it, rounded down.</summary>
    public int Part(int messages, DateTimeOffset from, DateTimeOffset until) =>
        (int)((Int128)messages * Between(Later(from, From), until) / Between(From, Until));

    /// <summary>Milliseconds from one moment to a later one; 0 when it is none.</summary>
    internal static long Between(DateTimeOffset from, DateTimeOffset until) =>
        Math.Max(0, (until.UtcTicks - from.UtcTicks) / TimeSpan.TicksPerMillisecond);

    internal static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    /// <summary>UTC, cut to the millisecond: what is stored, shown and counted with is the same moment.</summary>
    internal static DateTimeOffset Cut(DateTimeOffset at) => new(at.UtcTicks - (at.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);
}
