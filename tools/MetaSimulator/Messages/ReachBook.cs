namespace Bsp.MetaSimulator.Messages;

/// <summary>How many users a portfolio reached outside the customer-service window.</summary>
/// <param name="Portfolio">The business id, or the WABA's where none was told.</param>
/// <param name="Users">Different users there ever were.</param>
/// <param name="Most">Most different users in any window of the length that was asked for.</param>
public sealed record ReachedUsers(string Portfolio, int Users, int Most);

/// <summary>
/// Meta's own books of the messaging limit: templates outside the window that come to be delivered, with user and time, per portfolio.
/// </summary>
internal sealed class ReachBook
{
    /// <summary>Entries kept of a portfolio, 16 bytes and the user's number each; what comes after is not counted.</summary>
    private const int EntriesMax = 4_000_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<(long AtMs, string User)>> _portfolios = [];

    public void Note(string portfolio, string user, long atMs)
    {
        lock (_gate)
        {
            if (!_portfolios.TryGetValue(portfolio, out var entries))
            {
                _portfolios[portfolio] = entries = [];
            }

            if (entries.Count < EntriesMax)
            {
                entries.Add((atMs, user));
            }
        }
    }

    /// <param name="window">Length of the moving window.</param>
    public IReadOnlyList<ReachedUsers> Reached(TimeSpan window)
    {
        lock (_gate)
        {
            return [.. _portfolios.Select(p => new ReachedUsers(p.Key, p.Value.Select(e => e.User).Distinct().Count(),
                Most([.. p.Value.OrderBy(e => e.AtMs)], (long)window.TotalMilliseconds)))];
        }
    }

    public void Reset()
    {
        lock (_gate)
        {
            _portfolios.Clear();
        }
    }

    private static int Most(List<(long AtMs, string User)> entries, long windowMs)
    {
        var inside = new Dictionary<string, int>();
        var (most, first) = (0, 0);
        foreach (var (at, user) in entries)
        {
            for (; entries[first].AtMs <= at - windowMs; first++)
            {
                var left = entries[first].User;
                if (--inside[left] == 0)
                {
                    inside.Remove(left);
                }
            }

            inside[user] = inside.GetValueOrDefault(user) + 1;
            most = Math.Max(most, inside.Count);
        }

        return most;
    }
}
