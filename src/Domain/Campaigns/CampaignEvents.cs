using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Domain.Campaigns;

/// <summary>A fact in a campaign's life cycle. Never about a single recipient: those have message streams of their own.</summary>
public abstract record CampaignEvent;

/// <param name="Type">The specification's <c>BROADCAST</c>, <c>SCHEDULED</c> or <c>TRIGGERED</c>.</param>
/// <param name="AudienceSegment">Exactly one of <c>all</c>, <c>list_ids</c>, <c>contact_ids</c>, <c>filter</c> (api.md).</param>
/// <param name="Metadata">The client's own object; <c>template_parameters</c> in it fills the template. Null when none was given.</param>
/// <param name="OnLimit"><c>skip</c>: whoever is beyond the messaging limit is passed over; null: they wait for room.</param>
/// <param name="SendUntil">Nobody is sent to afterwards; null: no such end.</param>
/// <param name="Options">What else it says; null: nothing.</param>
[StoredAs("campaign_created")]
public sealed record CampaignCreated(Guid CampaignId, string Name, string? Description, string Type, Guid TemplateId, Guid AccountId,
    JsonElement AudienceSegment, JsonElement? Metadata, DateTimeOffset At, string? OnLimit = null, DateTimeOffset? SendUntil = null,
    CampaignOptions? Options = null) : CampaignEvent;

/// <summary>All editable fields as they are after the change.</summary>
[StoredAs("campaign_changed")]
public sealed record CampaignChanged(Guid CampaignId, string Name, string? Description, Guid TemplateId, Guid AccountId,
    JsonElement AudienceSegment, JsonElement? Metadata, DateTimeOffset At, string? OnLimit = null, DateTimeOffset? SendUntil = null,
    CampaignOptions? Options = null) : CampaignEvent;

/// <param name="LocalTime">What the recipients' own clocks shall show, <c>yyyy-MM-ddTHH:mm</c>; null: all at
/// <paramref name="ScheduledAt"/>.</param>
[StoredAs("campaign_scheduled")]
public sealed record CampaignScheduled(Guid CampaignId, DateTimeOffset ScheduledAt, DateTimeOffset At, string? LocalTime = null)
    : CampaignEvent;

/// <param name="LocalTime">What each recipient's own clock must show before they are sent to; null: they are sent to at once.</param>
[StoredAs("campaign_launched")]
public sealed record CampaignLaunched(Guid CampaignId, DateTimeOffset At, string? LocalTime = null) : CampaignEvent;

/// <summary>The audience was copied and can no longer change.</summary>
/// <param name="TotalRecipients">Everybody in it, those who will be skipped included.</param>
[StoredAs("campaign_audience_frozen")]
public sealed record CampaignAudienceFrozen(Guid CampaignId, int TotalRecipients, DateTimeOffset At) : CampaignEvent;

[StoredAs("campaign_paused")]
public sealed record CampaignPaused(Guid CampaignId, string Reason, DateTimeOffset At) : CampaignEvent;

[StoredAs("campaign_resumed")]
public sealed record CampaignResumed(Guid CampaignId, DateTimeOffset At) : CampaignEvent;

[StoredAs("campaign_cancelled")]
public sealed record CampaignCancelled(Guid CampaignId, string Reason, DateTimeOffset At) : CampaignEvent;

/// <summary>Nothing is left to send or to wait for; deliveries and reads may still arrive and only move counters.</summary>
[StoredAs("campaign_completed")]
public sealed record CampaignCompleted(Guid CampaignId, DateTimeOffset At) : CampaignEvent;
