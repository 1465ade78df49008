namespace Bsp.Api.Limits;

/// <summary>How fast a body must come: so many bytes a second on average after a grace, and all of it within a time.</summary>
public sealed record Pace(TimeSpan Grace, int BytesPerSecond, TimeSpan Total)
{
    /// <summary>
    /// Of those who have not shown who they are, while there are few: whoever sends nothing holds nothing but a connection, and who is
    /// turned away comes again at once.
    /// </summary>
    public static readonly Pace OfFewStrangers = new(TimeSpan.FromSeconds(12), 32 * 1024, TimeSpan.FromSeconds(20));

    /// <summary>Of those who have not shown who they are. Meta sends 3 MB within a second or two.</summary>
    public static readonly Pace OfStrangers = new(TimeSpan.FromSeconds(3), 32 * 1024, TimeSpan.FromSeconds(20));

    /// <summary>Of callers with a key or a session.</summary>
    public static readonly Pace OfCallers = new(TimeSpan.FromSeconds(10), 8 * 1024, TimeSpan.FromMinutes(2));

    /// <summary>When at the latest the next bytes must be here, from the beginning, after <paramref name="bytes"/> have come.</summary>
    public TimeSpan Deadline(long bytes)
    {
        var due = Grace + TimeSpan.FromSeconds((double)bytes / BytesPerSecond);
        return due < Total ? due : Total;
    }
}
