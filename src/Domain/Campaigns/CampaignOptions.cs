using System.Text.Json;

namespace Bsp.Domain.Campaigns;

/// <summary>
/// What a campaign may say beyond what, to whom and by which number. A part that is null: nothing of the kind, or the organization's
/// default.
/// </summary>
/// <param name="Trigger">What makes a TRIGGERED campaign send to somebody; null of one: its API route alone.</param>
/// <param name="ErrorBudget">Beyond which failures it pauses; null: the organization's, else the product's.</param>
/// <param name="RetryOf">The campaign whose failed members these are; null: it is no retry.</param>
/// <param name="Hours">When it may send; null: the organization's; none of its parts: at any time, whatever the organization says.</param>
/// <param name="Variants">Several templates, each for its share of the audience; null: the campaign's own for all.</param>
public sealed record CampaignOptions(CampaignTrigger? Trigger = null, ErrorBudget? ErrorBudget = null, Guid? RetryOf = null,
    SendingHours? Hours = null, IReadOnlyList<CampaignVariant>? Variants = null)
{
    /// <summary>Nothing is said: stored as null.</summary>
    public bool IsEmpty() => this is { Trigger: null, ErrorBudget: null, RetryOf: null, Hours: null, Variants: null };

    /// <summary>Null when nothing is said.</summary>
    public static CampaignOptions? Kept(CampaignOptions? options) => options is null || options.IsEmpty() ? null : options;

    /// <summary>Whether both say the same, lists by their items.</summary>
    public static bool Same(CampaignOptions? a, CampaignOptions? b) =>
        JsonSerializer.Serialize(Kept(a)) == JsonSerializer.Serialize(Kept(b));
}

/// <summary>What makes a campaign send to somebody, once each time.</summary>
/// <param name="On">One of <see cref="Words"/>.</param>
/// <param name="Tag">Of <c>tag_added</c>: the tag.</param>
/// <param name="Keywords">Of <c>keyword</c>: whole messages of customers to the campaign's number, compared as STOP and START are.</param>
/// <param name="ListId">Of <c>list_joined</c>: a list that is kept by hand.</param>
/// <param name="CooldownSeconds">Whoever was sent to is not sent to again for so long; 0: each time.</param>
public sealed record CampaignTrigger(string On, string? Tag = null, IReadOnlyList<string>? Keywords = null, Guid? ListId = null,
    int CooldownSeconds = 0)
{
    /// <summary>By <c>POST …/trigger</c> alone.</summary>
    public const string Api = "api";

    /// <summary>A contact gets a tag.</summary>
    public const string TagAdded = "tag_added";

    /// <summary>A customer writes a word.</summary>
    public const string Keyword = "keyword";

    /// <summary>A contact is put into a list.</summary>
    public const string ListJoined = "list_joined";

    /// <summary>All kinds.</summary>
    public static readonly IReadOnlyList<string> Words = [Api, TagAdded, Keyword, ListJoined];

    /// <summary>Longest cooldown, seconds: a year.</summary>
    public const int CooldownSecondsMax = 366 * 24 * 60 * 60;

    /// <summary>Keywords of one campaign, at most.</summary>
    public const int KeywordsMax = 20;
}

/// <summary>Beyond it a campaign pauses: more than a share of those called for failed, and enough were called for to say so.</summary>
/// <param name="Share">0 &lt; share ≤ 1, of the messages with an outcome. 1: never.</param>
/// <param name="MinSample">Messages with an outcome before it is judged, 1–1,000,000.</param>
/// <param name="Codes">Meta's codes that count; null: every failure.</param>
public sealed record ErrorBudget(double Share, int MinSample, IReadOnlyList<int>? Codes = null)
{
    /// <summary>Where neither the campaign nor the organization says anything: half of at least a thousand.</summary>
    public static readonly ErrorBudget Standard = new(0.5, 1_000);

    /// <summary>Codes of one budget, at most.</summary>
    public const int CodesMax = 50;

    /// <summary>Largest sample that may be asked for.</summary>
    public const int SampleMax = 1_000_000;

    /// <summary>Of so many failures, those that count: the share of their codes among all that are known by code.</summary>
    public int Counted(int failed, IReadOnlyDictionary<int, int> byCode)
    {
        var all = byCode.Values.Sum();
        return Codes is null || all == 0 ? failed : (int)((long)failed * byCode.Where(f => Counts(f.Key)).Sum(f => f.Value) / all);
    }

    /// <summary>Whether it is spent.</summary>
    /// <param name="failed">Failures that count, since the campaign began or was resumed.</param>
    /// <param name="outcomes">Messages with an outcome since then.</param>
    public bool IsSpent(int failed, int outcomes) => outcomes >= MinSample && failed > Share * outcomes;

    /// <summary>The reason with which it pauses, at most 200 characters.</summary>
    public string Reason(int failed, int outcomes, IReadOnlyDictionary<int, int> byCode)
    {
        var worst = byCode.Where(f => Counts(f.Key) && f.Value > 0).OrderByDescending(f => f.Value).ThenBy(f => f.Key).Take(3)
            .Select(f => $"{f.Key} ({f.Value})");
        return Common.Text.Cut(FormattableString.Invariant(
            $"error budget: {failed} of {outcomes} failed, {Share * 100:0.##} % are allowed; Meta's codes: {string.Join(", ", worst)}"),
                200);
    }

    private bool Counts(int code) => Codes is null || Codes.Contains(code);
}
