using System.Collections.Concurrent;
using Bsp.Application.Common;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>
/// Hosts that cannot be reached at all (no name, no connection, no TLS), whoever's endpoint it is: after five failures in a row nobody of
/// this process tries for a while, then one at a time.
/// What an endpoint answers, or that it is slow, is its own matter and does not count here.
/// </summary>
internal sealed class HostBreakers(TimeProvider clock)
{
    private const int OpensAfter = 5;
    private const int HostsMax = 10_000;
    private static readonly TimeSpan First = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Most = TimeSpan.FromMinutes(5);

    [Bounded("10,000 hosts")]
    private readonly ConcurrentDictionary<string, (int Failures, long Until)> hosts = new();

    /// <summary>
    /// How long to leave a host alone; null: it may be tried. Whoever is told so when a pause is over is the one who tries.
    /// </summary>
    public TimeSpan? Closed(string host)
    {
        if (!hosts.TryGetValue(host, out var state) || state.Failures < OpensAfter)
        {
            return null;
        }

        var now = clock.GetTimestamp();
        var over = (host, (state.Failures, now + (long)(First.TotalSeconds * clock.TimestampFrequency)));
        return state.Until <= now ? hosts.TryUpdate(over.host, over.Item2, state) ? null : First : clock.GetElapsedTime(now, state.Until);
    }

    public void Failed(string host)
    {
        if (hosts.Count >= HostsMax && !hosts.ContainsKey(host))
        {
            hosts.Clear();
        }

        hosts.AddOrUpdate(host, _ => (1, 0), (_, state) => (state.Failures + 1, Until(state.Failures + 1)));
    }

    public void Worked(string host) => hosts.TryRemove(host, out _);

    private long Until(int failures)
    {
        var pause = Math.Min(First.TotalSeconds * Math.Pow(2, Math.Clamp(failures - OpensAfter, 0, 10)), Most.TotalSeconds);
        return clock.GetTimestamp() + (long)(pause * clock.TimestampFrequency);
    }
}
