namespace Bsp.Infrastructure.Campaigns;

/// <summary>When a campaign will have sent everything, at the rate so far.</summary>
public static class CampaignEstimate
{
    private static readonly TimeSpan LongestShown = TimeSpan.FromDays(366);

    /// <param name="first">First message queued.</param>
    /// <param name="last">Last message settled.</param>
    /// <returns>Null: nothing settled yet, or the audience is not known yet. When all is settled, the time of the last one.</returns>
    public static DateTimeOffset? Completion(long total, long queued, long skipped, long pending, DateTimeOffset? first,
        DateTimeOffset? last)
    {
        var settled = queued - pending;
        if (first is not { } from || last is not { } to || settled <= 0 || total <= 0)
        {
            return null;
        }

        var remaining = Math.Max(total - skipped - settled, 0);
        var spent = to > from ? to - from : TimeSpan.Zero;
        var more = spent.TotalSeconds / settled * remaining;
        return more > LongestShown.TotalSeconds ? null : to + TimeSpan.FromSeconds(more);
    }
}
