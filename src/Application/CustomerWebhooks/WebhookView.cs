using System.Text.Json.Serialization;
using Bsp.Application.Common;
using MediatR;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>How an endpoint fares.</summary>
/// <param name="Delivered">Answered with success, since it was made.</param>
/// <param name="Failed">Attempts that failed, since it was made.</param>
/// <param name="AverageLatencyMs">Of those delivered; null: none was.</param>
/// <param name="LastError">Of the endpoint as a whole, in a word; null: it works.</param>
/// <param name="HeldKeys">Conversations, contacts, … whose events wait because one of theirs fails.</param>
/// <param name="NextAttemptAt">When it is looked at next; null: when something happens.</param>
/// <param name="Position">Everything up to this place of the log is told, held or none of its concern: as <c>?after=</c> of GET
/// /v1/events.</param>
/// <param name="UpToDate">Nothing that is known to concern it is left behind <paramref name="Position"/>.</param>
/// <param name="HeldEvents">Events that wait in held keys.</param>
/// <param name="FailingSince">Since when it fails as a whole; null: it works.</param>
/// <param name="Waiting">Events of its types behind <paramref name="Position"/>, up to 1,000; those that its filters leave out are counted,
/// too. Null in lists.</param>
/// <param name="WaitingMore">There may be more than <paramref name="Waiting"/>; null in lists.</param>
public sealed record WebhookMetrics(long Delivered, long Failed, long? AverageLatencyMs, DateTimeOffset? LastSuccessAt,
    DateTimeOffset? LastFailureAt, string? LastError, int HeldKeys,
    DateTimeOffset? NextAttemptAt, string Position, bool UpToDate, int HeldEvents, DateTimeOffset? FailingSince, int? Waiting = null,
    bool? WaitingMore = null);

/// <summary>Where an organization wants to be told.</summary>
/// <param name="Events">Types, families (<c>message.*</c>) or <c>*</c>.</param>
/// <param name="Status"><c>active</c> or <c>inactive</c>.</param>
/// <param name="StatusExact"><c>active</c>; <c>paused</c> by the organization; <c>disabled</c> by the platform.</param>
/// <param name="DisabledReason">The word of what went wrong; null unless disabled.</param>
/// <param name="RetryCount">Rounds in a row in which the endpoint as a whole failed.</param>
/// <param name="LastTriggered">The last attempt; null: none yet.</param>
/// <param name="Payload"><c>full</c>, or <c>thin</c>: ids alone.</param>
/// <param name="AccountIds">Only events of these accounts; empty: all events.</param>
/// <param name="CampaignIds">Only events of these campaigns; empty: all events.</param>
/// <param name="HeaderNames">Of the headers that are sent along; their values are shown to nobody.</param>
/// <param name="RatePerSecond">Deliveries a second, at most; null: as fast as it answers.</param>
/// <param name="Concurrency">Deliveries at once, at most.</param>
/// <param name="PreviousSecretUntil">Until when the secret before signs as well; null: none does.</param>
public sealed record WebhookView(Guid Id, string Name, string Url, IReadOnlyList<string> Events, string Status, string StatusExact,
    string? DisabledReason, DateTimeOffset? DisabledAt, int RetryCount,
    DateTimeOffset? LastTriggered, string Payload, string ApiVersion, IReadOnlyList<Guid> AccountIds, IReadOnlyList<Guid> CampaignIds,
    IReadOnlyList<string> HeaderNames, int? RatePerSecond, int Concurrency,
    DateTimeOffset? PreviousSecretUntil, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, WebhookMetrics Metrics,
    [property: JsonIgnore] long Version);

/// <summary>One endpoint, or <c>webhook.unknown</c>.</summary>
public sealed record GetWebhook(Guid OrganizationId, Guid Id) : IRequest<WebhookView>;

/// <summary>Endpoints in the order of their making.</summary>
public sealed record ListWebhooks(Guid OrganizationId, string? Cursor, int Limit) : IRequest<Page<WebhookView>>;
