using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>The specification's <c>campaigns</c> row.</summary>
/// <param name="TotalRecipients">Of the frozen audience, the skipped included; 0 before launch.</param>
/// <param name="Version">Stream version: the ETag.</param>
public sealed record CampaignView(Guid Id, Guid OrganizationId, Guid TemplateId, Guid AccountId, string Name, string? Description,
    string Type, string Status, JsonElement AudienceSegment,
    int TotalRecipients, int SentCount, int DeliveredCount, int ReadCount, int FailedCount, DateTimeOffset? ScheduledAt,
    DateTimeOffset? StartedAt, DateTimeOffset? CompletedAt,
    JsonElement? Metadata, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, string? PauseReason, long Version)
{
    /// <summary><c>wait</c> or <c>skip</c>: what becomes of those beyond the messaging limit.</summary>
    public string OnLimit { get; init; } = "wait";

    /// <summary>Nobody is sent to afterwards; null: no such end.</summary>
    public DateTimeOffset? SendUntil { get; init; }

    /// <summary>What the campaign waits for (<c>waiting_for_limit</c>, <c>waiting_for_template</c>); null: nothing.</summary>
    public string? WaitsFor { get; init; }

    /// <summary>When it is expected to go on; null: it waits for nothing, or that is not known.</summary>
    public DateTimeOffset? WaitsUntil { get; init; }

    /// <summary>What else it says; null: nothing.</summary>
    public CampaignOptions? Options { get; init; }

    /// <summary>What makes it send to somebody; null: it is not TRIGGERED, or by its route alone.</summary>
    public CampaignTrigger? Trigger => Options?.Trigger;

    /// <summary>Beyond which failures it pauses; null: the organization's, else the product's.</summary>
    public ErrorBudget? ErrorBudget => Options?.ErrorBudget;

    /// <summary>When it may send; null: the organization's.</summary>
    public SendingHours? SendingHours => Options?.Hours;

    /// <summary>Several templates, each for its share; null: the campaign's own for all.</summary>
    public IReadOnlyList<CampaignVariant>? Variants => Options?.Variants;

    /// <summary>What the recipients' own clocks show when they are sent to; null: no matter.</summary>
    public string? LocalTime { get; init; }

    /// <summary>The campaign whose failed members these are; null: it is no retry.</summary>
    public Guid? RetryOf => Options?.RetryOf;

    /// <summary>Campaigns that retry its failed members, oldest first.</summary>
    public IReadOnlyList<Guid> Retries { get; init; } = [];
}

/// <summary>Null: there is none in this organization.</summary>
public sealed record GetCampaign(Guid OrganizationId, Guid CampaignId) : IRequest<CampaignView?>;

/// <summary>In the order of their making (ids are time-ordered).</summary>
/// <param name="Status">Only those; null: all.</param>
public sealed record ListCampaigns(Guid OrganizationId, string? Status, int Limit, string? Cursor) : IRequest<Page<CampaignView>>
{
    public bool NewestFirst { get; init; }
}

public sealed class ListCampaignsValidator : AbstractValidator<ListCampaigns>
{
    public ListCampaignsValidator() =>
        RuleFor(q => q.Status).Must(s => s is null or "DRAFT" or "SCHEDULED" or "RUNNING" or "PAUSED" or "COMPLETED" or "CANCELLED")
        .WithMessage("status must be one of DRAFT, SCHEDULED, RUNNING, PAUSED, COMPLETED, CANCELLED.");
}

/// <summary>How far a campaign is. Sent ≥ delivered ≥ read are cumulative.</summary>
/// <param name="Queued">Turned into messages and not yet called for, without those who wait.</param>
/// <param name="Unknown">Calls whose outcome is not known; settled by Meta's webhooks or by their deadline.</param>
/// <param name="EstimatedCompletion">Null when it cannot be told, or when it is over.</param>
/// <param name="Waiting">Members who wait: for room under the messaging limit, for Meta's verdict on the template, for the end of Meta's
/// cap on them.</param>
/// <param name="WaitsFor">What the campaign as a whole waits for; null: nothing.</param>
/// <param name="WaitsUntil">When it is expected to go on; null: not known.</param>
public sealed record CampaignProgress(int Total, int Queued, int Skipped, int Sent, int Delivered, int Read, int Failed, int Unknown,
    DateTimeOffset? EstimatedCompletion, int Waiting = 0, string? WaitsFor = null, DateTimeOffset? WaitsUntil = null);

/// <summary>
/// How a campaign stands, to be shown: a change that Redis could not be told of shows up to a minute late, so nothing may be decided by it.
/// Null: there is none in this organization.
/// </summary>
public sealed record GetCampaignStatus(Guid OrganizationId, Guid CampaignId) : IRequest<string?>;

/// <summary>Null: there is no such campaign in this organization.</summary>
public sealed record GetCampaignProgress(Guid OrganizationId, Guid CampaignId) : IRequest<CampaignProgress?>;

/// <summary>One member of the frozen audience.</summary>
/// <param name="Status">pending, queued, sending, accepted, sent, delivered, read, failed, rejected, skipped, cancelled, expired,
/// outcome_unknown or unknown_closed; waiting_for_limit, waiting_for_template, waiting_for_user_cap: what they wait for.</param>
/// <param name="Reason">Why skipped, failed, rejected, cancelled or unknown; null otherwise.</param>
/// <param name="WaitsUntil">When whoever waits is expected to be sent to; null: they do not wait, or it is not known.</param>
public sealed record Recipient(long Ordinal, Guid ContactId, Guid MessageId, string Status, string? Reason, string? WaMessageId,
    int Attempts, DateTimeOffset? UpdatedAt, DateTimeOffset? WaitsUntil = null)
{
    /// <summary>What the contact is called now; null: they have no name, or are not there any more. Given in lists only.</summary>
    public string? Name { get; init; }

    /// <summary>The contact's number now; null as above, or they have none. Given in lists only.</summary>
    public string? PhoneNumber { get; init; }

    /// <summary>The template of their message: which variant they have; null: there is none yet, or they were passed over.</summary>
    public Guid? TemplateId { get; init; }
}

/// <summary>Members in the audience's order, judged from the log itself.</summary>
/// <param name="Status">Only those; null: all. With it a page may be short and still have a next one.</param>
public sealed record ListRecipients(Guid OrganizationId, Guid CampaignId, string? Status, int Limit, string? Cursor)
    : IRequest<Page<Recipient>>;

/// <summary>
/// Everything known about why a person got, or did not get, the campaign: the message's events with their numbers. Null: they are not in
/// the audience.
/// </summary>
public sealed record GetRecipientWhy(Guid OrganizationId, Guid CampaignId, Guid ContactId) : IRequest<RecipientWhy?>;

/// <param name="Facts">The message's own log, in order.</param>
public sealed record RecipientWhy(Recipient Recipient, IReadOnlyList<StoredFact> Facts);

/// <summary>The campaign's own events as they were at a moment; null: there was no such campaign.</summary>
public sealed record GetCampaignEvents(Guid OrganizationId, Guid CampaignId, AsOf AsOf) : IRequest<IReadOnlyList<StoredFact>?>;

public sealed class GetCampaignEventsHandler(IEventLog log) : IRequestHandler<GetCampaignEvents, IReadOnlyList<StoredFact>?>
{
    public async Task<IReadOnlyList<StoredFact>?> Handle(GetCampaignEvents query, CancellationToken ct)
    {
        var stream = await log.ReadStreamAsync(query.OrganizationId, query.CampaignId, query.AsOf, ct);
        return stream.Events.Any(StoredFact.IsOf<Domain.Campaigns.CampaignEvent>) ? [.. stream.Events.Select(StoredFact.Of)] : null;
    }
}

/// <summary>What the campaign would come to if it were launched now: whom it would reach, whom it would skip and why.</summary>
public sealed record EstimateCampaign(Guid OrganizationId, Guid CampaignId) : IRequest<CampaignForecast>;

/// <param name="Recipients">The audience, those who would be skipped included.</param>
/// <param name="Skipped">Reason (<c>no_consent</c>, <c>no_phone</c>, <c>template</c>, <c>limit</c>) → how many; a reason that nobody has is
/// absent.</param>
/// <param name="Cost">A decimal; null as long as nothing is billed.</param>
/// <param name="Currency">Null as long as nothing is billed.</param>
/// <param name="DurationSeconds">Sending alone, at the number's pace, to those who would not be skipped.</param>
/// <param name="AvailableBudget">A decimal: what the wallet has available; null as long as nothing is billed.</param>
/// <param name="Missing">A decimal: so much more must be available for a launch; zero: nothing; null as long as nothing is billed.</param>
/// <param name="WithoutPrice">Market and category (<c>India/marketing</c>) that no rate card has a price for: what is delivered there waits
/// for one. Null: none, or nothing is billed.</param>
/// <param name="Waiting">What for (<c>limit</c>: room under the messaging limit; <c>hours</c>: the
/// end of a closed hour) → how many of those who would be reached would wait for
/// it.</param>
public sealed record CampaignForecast(int Recipients, IReadOnlyDictionary<string, int> Skipped, string? Cost, string? Currency,
    int DurationSeconds, string? AvailableBudget, string? Missing = null,
    IReadOnlyList<string>? WithoutPrice = null, IReadOnlyDictionary<string, int>? Waiting = null);
