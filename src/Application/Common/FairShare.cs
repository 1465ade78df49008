using System.Collections.Concurrent;

namespace Bsp.Application.Common;

/// <summary>
/// Who uses how much of this process and its stores, and who has to rest for it. What an organization's requests and webhooks cost is added
/// up, as seconds of work a second over the last seconds. While
/// others who ask for little are there, those who ask for much have a part of the processors' time together, all of them alike; who is
/// alone, or among their like, may use everything.
/// Decision: docs/decisions/0260.
/// </summary>
/// <param name="capacity">Seconds of work a second that all organizations may use together while one of them would have to wait for the
/// others.</param>
public sealed class FairShare(TimeProvider clock, double capacity)
{
    /// <summary>What is longer ago counts for little.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromSeconds(2);

    /// <summary>Nobody rests for longer at a time; then it is asked again.</summary>
    public static readonly TimeSpan RestMax = TimeSpan.FromSeconds(2);

    // Whoever did nothing for so long is not there.
    private static readonly TimeSpan Present = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(25);

    private readonly Lock gate = new();

    [Bounded("one an organization that did something in the last seconds")]
    private readonly ConcurrentDictionary<Guid, Use> uses = new();

    private double level = double.PositiveInfinity;
    private long lookedAt;

    private sealed class Use
    {
        private readonly Lock gate = new();
        private double rate;
        private long at;

        public void Add(double seconds, long now, TimeProvider clock)
        {
            lock (gate)
            {
                rate = RateAt(now, clock) + (seconds / Memory.TotalSeconds);
                at = now;
            }
        }

        public (double Rate, bool Here) At(long now, TimeProvider clock)
        {
            lock (gate)
            {
                return (RateAt(now, clock), clock.GetElapsedTime(at, now) < Present);
            }
        }

        private double RateAt(long now, TimeProvider clock) =>
            at == 0 || now <= at ? rate : rate * Math.Exp(-clock.GetElapsedTime(at, now) / Memory);
    }

    /// <summary>As configured, for the processors of this machine.</summary>
    public static FairShare Of(LimitOptions limits, TimeProvider clock) =>
        new(clock, limits.BesideOthersPercent == 100 ? double.PositiveInfinity
            : Environment.ProcessorCount * limits.BesideOthersPercent / 100.0);

    /// <summary>Work was done for an organization.</summary>
    /// <param name="time">Of one processor, or of a store's; about.</param>
    public void Used(Guid organizationId, TimeSpan time)
    {
        if (organizationId != Guid.Empty && time >= TimeSpan.Zero)
        {
            uses.GetOrAdd(organizationId, static _ => new()).Add(time.TotalSeconds, clock.GetTimestamp(), clock);
        }
    }

    /// <summary>How long the organization's next work should wait, so that others come first; zero: it may begin.</summary>
    public TimeSpan Rest(Guid organizationId)
    {
        if (!uses.TryGetValue(organizationId, out var use))
        {
            return TimeSpan.Zero;
        }

        var now = clock.GetTimestamp();
        var most = Level(now);
        var (rate, _) = use.At(now, clock);
        return rate <= most ? TimeSpan.Zero : Memory * Math.Log(rate / most) is var rest && rest < RestMax ? rest : RestMax;
    }

    /// <summary>Somebody else did something in the last seconds.</summary>
    public bool OthersAreHere(Guid organizationId)
    {
        var now = clock.GetTimestamp();
        return uses.Any(u => u.Key != organizationId && u.Value.At(now, clock).Here);
    }

    /// <summary>Those who have to rest now.</summary>
    public Guid[] Resting() => [.. uses.Keys.Where(organization => Rest(organization) > TimeSpan.Zero)];

    // What each may use, so that all together use the capacity: who wants less leaves the rest to the others. Without anybody who wants
    // less there is no reason to leave anything unused.
    private double Level(long now)
    {
        lock (gate)
        {
            if (lookedAt != 0 && clock.GetElapsedTime(lookedAt, now) < LookEvery)
            {
                return level;
            }

            lookedAt = now;
            var rates = new List<double>();
            foreach (var (organization, use) in uses)
            {
                var (rate, here) = use.At(now, clock);
                if (here)
                {
                    rates.Add(rate);
                }
                else
                {
                    uses.TryRemove(organization, out _);
                }
            }

            return level = LevelOf(rates, capacity);
        }
    }

    /// <summary>
    /// The most that each may have when all together have <paramref name="capacity"/> and nobody has more than they want; infinite where
    /// nobody would gain by it.
    /// </summary>
    public static double LevelOf(List<double> rates, double capacity)
    {
        rates.Sort();
        var left = capacity;
        for (var i = 0; i < rates.Count; i++)
        {
            var share = left / (rates.Count - i);
            if (rates[i] > share)
            {
                return i == 0 ? double.PositiveInfinity : share;
            }

            left -= rates[i];
        }

        return double.PositiveInfinity;
    }
}
