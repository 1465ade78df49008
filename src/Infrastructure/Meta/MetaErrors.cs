namespace Bsp.Infrastructure.Meta;

/// <summary>
/// What an error code of a send means for the message. Meta asks to key on the code, not on the HTTP status or the title.
/// Source: Meta, Cloud API error codes; which codes prove that nothing was taken: docs/decisions/0002-sending.md.
/// </summary>
public static class MetaErrors
{
    /// <summary>Refused for now: calling again later is safe.</summary>
    public static bool IsSafeToRepeat(int code) => code is 4 or 80007 or 130429 or 131056 or 131057;

    /// <summary>Meta itself does not know: it may have been taken.</summary>
    public static bool IsAmbiguous(int code) => code is 1 or 2 or 131000 or 131016 or 133004;

    /// <summary>The number's or the app's pace is too high (not one recipient's).</summary>
    public static bool IsThroughput(int code) => code is 4 or 80007 or 130429;

    /// <summary>
    /// Pause before the next call: pair limit 4^attempt s (Meta's own advice), throughput 1 s doubling to a minute, call rate from a
    /// minute.
    /// </summary>
    /// <param name="attempt">Calls made, from 1.</param>
    public static TimeSpan PauseAfter(int code, int attempt) => code switch
    {
        131056 => TimeSpan.FromSeconds(Math.Min(Math.Pow(4, attempt), 600)),
        4 or 80007 => TimeSpan.FromMinutes(Math.Min(Math.Pow(2, attempt - 1), 60)),
        _ => TimeSpan.FromSeconds(Math.Min(Math.Pow(2, attempt - 1), 60)),
    };

    /// <summary>What Meta says when it does not know a file (any more): 131052, 131053, and its general complaint of a parameter.</summary>
    public static bool MayBeOfMedia(int? code) => code is 100 or 131009 or 131052 or 131053;

    /// <summary>The whole account or number cannot send until somebody acts: its campaigns are paused.</summary>
    public static bool StopsNumber(int code) =>
        code is 0 or 3 or 10 or 190 or 368 or 131005 or 131031 or 131037 or 131042 or 131045 or 131048 or 133010 or (>= 200 and <= 299);

    /// <summary>
    /// The token is none, has ended, or may not act for what was asked about (which, by Meta's wording, may also not exist). Source: Meta,
    /// Graph API error handling: 0, 3, 10, 102, 190, 200–299; 100 with
    /// subcode 33, "does not exist, cannot be loaded due to missing permissions".
    /// </summary>
    public static bool DeniesToken(int code) => code is 0 or 3 or 10 or 33 or 100 or 102 or 190 or 803 or (>= 200 and <= 299);

    /// <summary>The template cannot be sent any more: its campaigns are paused.</summary>
    public static bool StopsTemplate(int code) => code is 132001 or 132007 or 132015 or 132016;

    /// <summary>The user stopped marketing messages: an opt-out.</summary>
    public static bool IsOptOut(int code) => code == 131050;
}
