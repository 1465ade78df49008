using System.Text.Json;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Application.Search;

namespace Bsp.Api.Conversations;

/// <summary>A conversation as the contract shows it: the specification's document with UUIDs for ids.</summary>
/// <param name="ContactId">All zeros in a group, which is nobody's.</param>
/// <param name="GroupId">Meta's id of the group; null: a private conversation.</param>
/// <param name="TeamId">Whose members may be given it.</param>
/// <param name="SnoozedUntil">Put aside until then; null: it is not.</param>
/// <param name="SnoozedBefore">Until when it was put aside the last time.</param>
/// <param name="WaitingSince">The customer's first message that no person has answered; null: nobody waits.</param>
/// <param name="Episode">The latest time of being talked to; null: the customer never wrote.</param>
/// <param name="AiHandover">A machine, or who took it from one, left it to people; null: a machine may answer.</param>
/// <param name="Match">Of a search: the message that has the words; null: none was asked for, or the name or number has them.</param>
public sealed record ConversationResponse(Guid Id, Guid OrganizationId, Guid ContactId, Guid AccountId, string? WaConversationId,
    ConversationContact Contact, string Status, string Priority, Guid? AssignedTo, DateTimeOffset? AssignedAt,
    ConversationAnalysis? AiAnalysis, DateTimeOffset? LastMessageAt, string? LastMessagePreview, MessageCount MessageCount,
    IReadOnlyList<string> Tags, string Source, DateTimeOffset? WindowUntil, int UnreadCount,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, DateTimeOffset? ExpiresAt, string? GroupId,
    Guid? TeamId, DateTimeOffset? SnoozedUntil, DateTimeOffset? SnoozedBefore, DateTimeOffset? WaitingSince, EpisodeResponse? Episode,
    ConversationHandover? AiHandover, SearchMatch? Match)
{
    public static ConversationResponse Of(ConversationDocument d) =>
        new(d.Uuid, d.OrganizationId, d.ContactId, d.AccountId, d.WaConversationId, d.Contact, d.Status, d.Priority, d.AssignedTo,
            d.AssignedAt,
        d.AiAnalysis, d.LastMessageAt, d.LastMessagePreview, d.MessageCount, d.Tags, d.Source, d.WindowUntil, d.UnreadCount, d.CreatedAt,
        d.UpdatedAt, d.ExpiresAt, d.GroupId,
        d.TeamId, d.SnoozedUntil, d.SnoozedBefore, d.WaitingSince, d.Episode is { } e ? EpisodeResponse.Of(e) : null,
        d.AiHandover, null);

    public static ConversationResponse Of(FoundConversation found) =>
        Of(found.Conversation) with { Match = found is { MessageId: { } id, At: { } at } ? new(id, found.Text, at) : null };
}

/// <summary>The newest message that has the words.</summary>
/// <param name="Text">At most 200 characters.</param>
public sealed record SearchMatch(Guid MessageId, string? Text, DateTimeOffset At);

/// <summary>
/// From the customer's first message, or the first after it was archived, until it is archived (again). Automatic answers stop no clock.
/// </summary>
/// <param name="Number">From 1.</param>
/// <param name="FirstResponseBy">The user's id, the key's prefix or <c>phone</c>; null: nobody has answered yet.</param>
/// <param name="FirstResponseSeconds">From its begin to the first answer of a person.</param>
/// <param name="ResolvedAt">When it was archived; null: it is not.</param>
/// <param name="ResolutionSeconds">From its begin until it was archived.</param>
public sealed record EpisodeResponse(int Number, DateTimeOffset StartedAt, DateTimeOffset? FirstResponseAt, string? FirstResponseBy,
    double? FirstResponseSeconds, DateTimeOffset? ResolvedAt, double? ResolutionSeconds)
{
    public static EpisodeResponse Of(ConversationEpisode e) =>
        new(e.Number, e.StartedAt, e.FirstResponseAt, e.FirstResponseBy, Seconds(e, e.FirstResponseAt), e.ResolvedAt,
            Seconds(e, e.ResolvedAt));

    // Meta's clock and ours may differ by a second.
    private static double? Seconds(ConversationEpisode e, DateTimeOffset? at) =>
        at is { } time ? Math.Max(0, (time - e.StartedAt).TotalSeconds) : null;
}

/// <summary>A message as the contract shows it: the specification's document with UUIDs for ids.</summary>
/// <param name="Details">What the type carries beyond content: the lines of an order, the answers of a form, cards, what is not
/// supported.</param>
/// <param name="Context">What the customer quoted or forwarded.</param>
/// <param name="Referral">The advertisement or post that the customer came from, as Meta wrote it.</param>
/// <param name="GroupId">Meta's id of the group in which it was written; null: a private message.</param>
/// <param name="SenderName">Profile name of who wrote it into the group.</param>
/// <param name="Amends">Of an edit, a revocation or a reaction whose message is not known: Meta's id of that message. Where it is known,
/// the message itself shows them.</param>
/// <param name="Reactions">The latest of each person.</param>
/// <param name="EditedAt">When it was last edited; content is the new one.</param>
/// <param name="Original">The content before any edit.</param>
/// <param name="RevokedAt">When the sender took it back ("deleted for everyone"); what was written stays readable here.</param>
/// <param name="Notes">What could not be taken as it came, a sentence each.</param>
/// <param name="StatusExact">Also queued, sending, accepted, rejected, outcome_unknown, unknown_closed, cancelled, expired.</param>
public sealed record MessageResponse(Guid Id, Guid OrganizationId, Guid ConversationId, Guid ContactId, Guid AccountId, Guid? CampaignId,
    string Direction, string MessageType, string MessageTypeExact, string? WaMessageId, string? WaConversationId,
    MessageContent? Content, MessageTemplate? Template, MessageInteractive? Interactive, string Status, string StatusExact,
    string? ErrorCode, IReadOnlyList<StatusChange> StatusHistory,
    DateTimeOffset? SentAt, DateTimeOffset? DeliveredAt, DateTimeOffset? ReadAt, DateTimeOffset? FailedAt,
    MessageAiProcessing? AiProcessing, MessageSender? SentBy, MessageCost? Cost, JsonElement? RawWebhook,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, JsonElement? Details, MessageQuote? Context, JsonElement? Referral,
    string? GroupId, string? SenderName, string? Amends,
    IReadOnlyList<MessageReaction>? Reactions, DateTimeOffset? EditedAt, MessageContent? Original, DateTimeOffset? RevokedAt,
    IReadOnlyList<string>? Notes)
{
    public static MessageResponse Of(MessageDocument d) =>
        new(d.Uuid, d.OrganizationId, d.ConversationUuid, d.ContactId, d.AccountId, d.CampaignId, d.Direction, d.MessageType,
            d.MessageTypeExact, d.WaMessageId, d.WaConversationId,
        d.Content, d.Template, d.Interactive, d.Status, d.StatusExact, d.ErrorCode, d.StatusHistory, d.SentAt, d.DeliveredAt, d.ReadAt,
        d.FailedAt, d.AiProcessing, d.SentBy, d.Cost, d.RawWebhook, d.CreatedAt, d.UpdatedAt,
        d.Details, d.Context, d.Referral, d.GroupId, d.SenderName, d.Amends, d.Reactions, d.EditedAt, d.Original, d.RevokedAt, d.Notes);
}
