namespace Bsp.Domain.Messages;

/// <summary>What a message that has not left may wait for. The word is also how it stands meanwhile.</summary>
public static class Wait
{
    /// <summary>Room under the portfolio's messaging limit.</summary>
    public const string Limit = "waiting_for_limit";

    /// <summary>The end of Meta's cap on marketing to one person (131049).</summary>
    public const string UserCap = "waiting_for_user_cap";

    /// <summary>Meta's verdict on a template that it paces (<c>held_for_quality_assessment</c>); a campaign waits for it.</summary>
    public const string Template = "waiting_for_template";

    /// <summary>The end of a quiet time or of a day off, or the hour for which its campaign is scheduled.</summary>
    public const string Hours = "waiting_for_hours";

    /// <summary>
    /// Meta's code of the per-user cap: not earlier than a day later, and once more at most. Source: Meta, Cloud API error codes, 131049.
    /// </summary>
    public const int UserCapCode = 131049;

    /// <summary>
    /// What Meta calls 24 hours: the window of the messaging limit and the pause after 131049. Source: Meta, messaging limits; error codes.
    /// </summary>
    public static readonly TimeSpan Day = TimeSpan.FromHours(24);
}
