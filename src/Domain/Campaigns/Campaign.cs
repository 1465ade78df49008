using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Domain.Campaigns;

/// <summary>The specification's states; <c>None</c>: there is no such campaign.</summary>
public enum CampaignStatus { None, Draft, Scheduled, Running, Paused, Completed, Cancelled }

/// <summary>What a client may set on a campaign.</summary>
/// <param name="AudienceSegment">Exactly one of <c>all</c>, <c>list_ids</c>, <c>contact_ids</c>, <c>filter</c>.</param>
public sealed record CampaignPlan(string Name, string? Description, Guid TemplateId, Guid AccountId, JsonElement AudienceSegment,
    JsonElement? Metadata)
{
    /// <summary>Whoever is beyond the messaging limit is passed over; false: they wait for room.</summary>
    public bool SkipsBeyondLimit { get; init; }

    /// <summary>Nobody is sent to afterwards; null: no such end.</summary>
    public DateTimeOffset? SendUntil { get; init; }

    /// <summary>What else it says; null: nothing.</summary>
    public CampaignOptions? Options { get; init; }

    /// <summary>As it is stored: null is to wait.</summary>
    internal string? OnLimit => SkipsBeyondLimit ? Skip : null;

    /// <summary>The word for passing over those beyond the limit.</summary>
    public const string Skip = "skip";
}

/// <summary>What a campaign must remember to decide; everything shown to people lives in views.</summary>
/// <param name="Frozen">The audience was copied: it can be dispatched.</param>
public sealed record Campaign(Guid Id, CampaignStatus Status, string Type, CampaignPlan? Plan, bool Frozen)
    : IAggregate<Campaign, CampaignEvent>
{
    /// <summary>What the recipients' own clocks show when they are sent to, <c>yyyy-MM-ddTHH:mm</c>; null: no matter.</summary>
    public string? LocalTime { get; init; }

    /// <inheritdoc/>
    public static string StreamType => "campaign";

    /// <inheritdoc/>
    public static Campaign Initial { get; } = new(Guid.Empty, CampaignStatus.None, "", null, false);

    /// <summary>The type that sends to people one by one, when something happens.</summary>
    public const string Triggered = "TRIGGERED";

    /// <summary>It has no audience that is frozen: whoever it is triggered for joins it.</summary>
    public bool IsTriggered => Type == Triggered;

    /// <summary>Longest lead of a schedule, days. A typed year too far is a mistake, not a plan.</summary>
    public const int ScheduleDaysMax = 366;

    /// <summary>
    /// States in which messages of a campaign may leave: the one rule by which the driver, the sweeper and the sender know a paused or
    /// cancelled campaign. A completed one has nothing left but who waits for the end of Meta's cap.
    /// </summary>
    public static readonly IReadOnlyList<CampaignStatus> SendingStatuses = [CampaignStatus.Running, CampaignStatus.Completed];

    /// <summary>The same as the specification writes them: what statements compare with.</summary>
    public static readonly string[] SendingWords = [.. SendingStatuses.Select(s => s.ToString().ToUpperInvariant())];

    /// <exception cref="Refusal"><c>campaign.exists</c></exception>
    public static CampaignEvent[] Create(Campaign state, Guid id, string type, CampaignPlan plan, DateTimeOffset now) => state.Status switch
    {
        CampaignStatus.None =>
            [new CampaignCreated(id, plan.Name, plan.Description, type, plan.TemplateId, plan.AccountId, plan.AudienceSegment,
                plan.Metadata, now, plan.OnLimit, plan.SendUntil, CampaignOptions.Kept(plan.Options))],
        _ => throw new Refusal("campaign.exists", "A campaign with this id exists already."),
    };

    /// <summary>Before it runs everything can change; afterwards nothing.</summary>
    /// <exception cref="Refusal"><c>campaign.unknown</c>, <c>campaign.not_editable</c>, <c>campaign.audience_fixed</c></exception>
    public static CampaignEvent[] Change(Campaign state, CampaignPlan plan, DateTimeOffset now) => Known(state).Status switch
    {
        CampaignStatus.Draft or CampaignStatus.Scheduled when Same(plan, state.Plan!) => [],
        CampaignStatus.Draft or CampaignStatus.Scheduled when plan.Options?.RetryOf != state.Plan!.Options?.RetryOf
            || (plan.Options?.RetryOf is not null && !JsonElement.DeepEquals(plan.AudienceSegment, state.Plan.AudienceSegment)) =>
            throw new Refusal("campaign.audience_fixed", "A retry goes to those whom the other campaign failed to reach."),
        CampaignStatus.Draft or CampaignStatus.Scheduled =>
            [new CampaignChanged(state.Id, plan.Name, plan.Description, plan.TemplateId, plan.AccountId, plan.AudienceSegment,
                plan.Metadata, now, plan.OnLimit, plan.SendUntil, CampaignOptions.Kept(plan.Options))],
        var other => throw new Refusal("campaign.not_editable", $"A campaign that is {Word(other)} can no longer be changed."),
    };

    /// <exception cref="Refusal"><c>campaign.unknown</c>, <c>campaign.not_schedulable</c>,
    /// <c>campaign.schedule_out_of_range</c></exception>
    /// <param name="localTime">What the recipients' own clocks shall show; null: all at <paramref name="at"/>.</param>
    public static CampaignEvent[] Schedule(Campaign state, DateTimeOffset at, DateTimeOffset now, string? localTime = null)
    {
        if (Known(state).Status is not (CampaignStatus.Draft or CampaignStatus.Scheduled))
        {
            throw new Refusal("campaign.not_schedulable", $"A campaign that is {Word(state.Status)} cannot be scheduled.");
        }

        return at > now && at <= now.AddDays(ScheduleDaysMax)
            ? [new CampaignScheduled(state.Id, at.ToUniversalTime(), now, localTime)]
            : throw new Refusal("campaign.schedule_out_of_range",
                $"scheduled_at must lie in the future, at most {ScheduleDaysMax} days ahead.");
    }

    /// <summary>Starts it. Already running: no events, so a repeat is harmless.</summary>
    /// <exception cref="Refusal"><c>campaign.unknown</c>, <c>campaign.not_launchable</c>, <c>campaign.send_until_passed</c></exception>
    /// <param name="bySchedule">Its hour has come; false: somebody launches it, and nobody waits for their clock.</param>
    public static CampaignEvent[] Launch(Campaign state, DateTimeOffset now, bool bySchedule = false) => Known(state).Status switch
    {
        CampaignStatus.Running => [],
        CampaignStatus.Draft or CampaignStatus.Scheduled when state.Plan!.SendUntil <= now =>
            throw new Refusal("campaign.send_until_passed", "send_until has passed: nobody would be sent to. Change it first."),
        CampaignStatus.Draft or CampaignStatus.Scheduled => 
            [new CampaignLaunched(state.Id, now, bySchedule ? state.LocalTime : null)],
        var other => throw new Refusal("campaign.not_launchable", $"A campaign that is {Word(other)} cannot be launched."),
    };

    /// <summary>The audience is copied once. Frozen already: no events.</summary>
    public static CampaignEvent[] Freeze(Campaign state, int totalRecipients, DateTimeOffset now) =>
        state.Frozen || state.IsTriggered || state.Status is not (CampaignStatus.Running or CampaignStatus.Paused) ? []
        : [new CampaignAudienceFrozen(state.Id, totalRecipients, now)];

    /// <summary>Stops sending. Already paused: no events.</summary>
    /// <exception cref="Refusal"><c>campaign.unknown</c>, <c>campaign.not_running</c></exception>
    public static CampaignEvent[] Pause(Campaign state, string reason, DateTimeOffset now) => Known(state).Status switch
    {
        CampaignStatus.Paused => [],
        CampaignStatus.Running => [new CampaignPaused(state.Id, reason, now)],
        var other => throw new Refusal("campaign.not_running", $"A campaign that is {Word(other)} cannot be paused."),
    };

    /// <summary>Goes on. Already running: no events.</summary>
    /// <exception cref="Refusal"><c>campaign.unknown</c>, <c>campaign.not_paused</c></exception>
    public static CampaignEvent[] Resume(Campaign state, DateTimeOffset now) => Known(state).Status switch
    {
        CampaignStatus.Running => [],
        CampaignStatus.Paused => [new CampaignResumed(state.Id, now)],
        var other => throw new Refusal("campaign.not_paused", $"A campaign that is {Word(other)} cannot be resumed."),
    };

    /// <summary>Ends it for good; what has not left is cancelled. Cancelled already: no events.</summary>
    /// <exception cref="Refusal"><c>campaign.unknown</c>, <c>campaign.ended</c></exception>
    public static CampaignEvent[] Cancel(Campaign state, string reason, DateTimeOffset now) => Known(state).Status switch
    {
        CampaignStatus.Cancelled => [],
        CampaignStatus.Completed => throw new Refusal("campaign.ended", "The campaign is completed; there is nothing left to cancel."),
        _ => [new CampaignCancelled(state.Id, reason, now)],
    };

    /// <summary>Somebody may join it now.</summary>
    /// <exception cref="Refusal"><c>campaign.unknown</c>, <c>campaign.not_triggered</c>, <c>campaign.not_running</c>,
    /// <c>campaign.send_until_passed</c></exception>
    public static void RequireTriggerable(Campaign state, DateTimeOffset now)
    {
        if (!Known(state).IsTriggered)
        {
            throw new Refusal("campaign.not_triggered", $"Only a TRIGGERED campaign can be triggered; this one is {state.Type}.");
        }

        if (state.Status != CampaignStatus.Running)
        {
            throw new Refusal("campaign.not_running", $"A campaign that is {Word(state.Status)} cannot be triggered: launch or resume it.");
        }

        if (state.Plan!.SendUntil <= now)
        {
            throw new Refusal("campaign.send_until_passed", "send_until has passed: nobody is sent to any more.");
        }
    }

    /// <summary>Its failed members may be sent to again, by a campaign of their own.</summary>
    /// <exception cref="Refusal"><c>campaign.unknown</c>, <c>campaign.not_retryable</c></exception>
    public static void RequireRetryable(Campaign state)
    {
        if (Known(state).IsTriggered)
        {
            throw new Refusal("campaign.not_retryable", "Whom a TRIGGERED campaign did not reach is triggered again.");
        }

        if (state.Status is CampaignStatus.Draft or CampaignStatus.Scheduled)
        {
            throw new Refusal("campaign.not_retryable", "It was not launched yet: nobody failed.");
        }
    }

    /// <summary>It may be tried on named contacts: before its launch.</summary>
    /// <exception cref="Refusal"><c>campaign.unknown</c>, <c>campaign.launched</c></exception>
    public static void RequireTestable(Campaign state)
    {
        if (Known(state).Status is not (CampaignStatus.Draft or CampaignStatus.Scheduled))
        {
            throw new Refusal("campaign.launched", $"A campaign is tested before its launch; this one is {Word(state.Status)}.");
        }
    }

    /// <summary>Called when nothing is left to send or to wait for. In any other state than running: no events.</summary>
    public static CampaignEvent[] Complete(Campaign state, DateTimeOffset now) =>
        state.Status == CampaignStatus.Running && (state.Frozen || state.IsTriggered) ? [new CampaignCompleted(state.Id, now)] : [];

    public static Campaign Evolve(Campaign state, CampaignEvent @event) => @event switch
    {
        CampaignCreated e =>
            new(e.CampaignId, CampaignStatus.Draft, e.Type,
                new(e.Name, e.Description, e.TemplateId, e.AccountId, e.AudienceSegment, e.Metadata)
                { SkipsBeyondLimit = e.OnLimit == CampaignPlan.Skip, SendUntil = e.SendUntil, Options = e.Options }, false),
        CampaignChanged e => state with
        {
            Plan = new(e.Name, e.Description, e.TemplateId, e.AccountId, e.AudienceSegment, e.Metadata)
            { SkipsBeyondLimit = e.OnLimit == CampaignPlan.Skip, SendUntil = e.SendUntil, Options = e.Options },
        },
        CampaignScheduled e => state with { Status = CampaignStatus.Scheduled, LocalTime = e.LocalTime },
        CampaignLaunched e => state with { Status = CampaignStatus.Running, LocalTime = e.LocalTime },
        CampaignAudienceFrozen => state with { Frozen = true },
        CampaignPaused => state with { Status = CampaignStatus.Paused },
        CampaignResumed => state with { Status = CampaignStatus.Running },
        CampaignCancelled => state with { Status = CampaignStatus.Cancelled },
        CampaignCompleted => state with { Status = CampaignStatus.Completed },
        _ => throw new InvalidOperationException($"Campaign.Evolve does not know {@event.GetType().Name}."),
    };

    private static Campaign Known(Campaign state) =>
        state.Status == CampaignStatus.None ? throw new Refusal("campaign.unknown", "There is no such campaign.") : state;

    private static string Word(CampaignStatus status) => status.ToString().ToLowerInvariant();

    private static bool Same(CampaignPlan a, CampaignPlan b) =>
        (a.Name, a.Description, a.TemplateId, a.AccountId) == (b.Name, b.Description, b.TemplateId, b.AccountId)
        && (a.SkipsBeyondLimit, a.SendUntil) == (b.SkipsBeyondLimit, b.SendUntil)
        && CampaignOptions.Same(a.Options, b.Options)
        && JsonElement.DeepEquals(a.AudienceSegment, b.AudienceSegment)
        && (a.Metadata, b.Metadata) switch { (null, null) => true, ({ } x, { } y) => JsonElement.DeepEquals(x, y), _ => false };
}
