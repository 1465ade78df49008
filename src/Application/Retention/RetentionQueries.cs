using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Retention;

/// <summary>A kind of data: how long it is kept, and what the last round did on one shard.</summary>
/// <param name="KeptHours">Null: for ever.</param>
/// <param name="Shard">Null: nothing is done for it by the engine.</param>
/// <param name="Status"><c>idle</c>, <c>running</c>, <c>trouble</c>; null as above.</param>
/// <param name="Gone">Rows, documents or parts of the last round.</param>
/// <param name="Error">Why the last round failed; null: it did not.</param>
public sealed record RetentionState(string Kind, string Store, string Strategy, string By, string What, int? KeptHours, string? Shard,
    string? Status, DateTimeOffset? DueAt, DateTimeOffset? CompletedAt, long? Gone, long? GoneTotal, string? Error);

/// <summary>Every kind, shard by shard.</summary>
public sealed record GetRetention : IRequest<IReadOnlyList<RetentionState>>;

/// <summary>What would go, or is made to go.</summary>
/// <param name="OrganizationId">Only this one; null: all. Only for a dry run.</param>
/// <param name="DryRun">Counts, and touches nothing.</param>
public sealed record RunRetention(bool DryRun, Guid? OrganizationId) : IRequest<IReadOnlyList<RetentionDue>>;

/// <summary>What of one organization is past its time.</summary>
/// <param name="OrganizationId">Null: of all together.</param>
/// <param name="Due">How many; a million: so many or more.</param>
/// <param name="Oldest">Null: there is none, or nobody knows.</param>
/// <param name="Held">It is held, so that none of them goes.</param>
public sealed record RetentionDue(string Kind, string Shard, Guid? OrganizationId, long Due, DateTimeOffset? Oldest, DateTimeOffset Before,
    bool Held);

/// <summary>An organization's own times, in days; null: the specification's.</summary>
/// <param name="Version">0: nobody has set anything yet.</param>
public sealed record RetentionPolicy(Guid OrganizationId, int? MessageContentDays, int? MessageLogsDays, int? AiConversationsDays,
    DateTimeOffset? UpdatedAt, long Version)
{
    /// <summary>What holds for a kind that an organization may set.</summary>
    public int DaysOf(string kind) => (kind switch
    {
        RetentionRules.MessageContent => MessageContentDays,
        RetentionRules.MessageLogs => MessageLogsDays,
        RetentionRules.AiConversations => AiConversationsDays,
        _ => null,
    }) ?? RetentionRules.Of(kind).Days;
}

public sealed record GetRetentionPolicy(Guid OrganizationId) : IRequest<RetentionPolicy>;

/// <summary>What is absent stays; null: the specification's time again.</summary>
public sealed record PatchRetentionPolicy(Guid OrganizationId, Optional<int?> MessageContentDays, Optional<int?> MessageLogsDays,
    Optional<int?> AiConversationsDays, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => OrganizationId;

    /// <exception cref="RefusedFields"><c>retention.below_minimum</c>, <c>retention.above_maximum</c></exception>
    public void Require()
    {
        var (low, high) = (new Dictionary<string, string[]>(), new Dictionary<string, string[]>());
        Check("message_content_days", MessageContentDays, RetentionRules.MessageContent);
        Check("message_logs_days", MessageLogsDays, RetentionRules.MessageLogs);
        Check("ai_conversations_days", AiConversationsDays, RetentionRules.AiConversations);
        if (low.Count > 0)
        {
            throw new RefusedFields("retention.below_minimum", "So short a time is not lawful here: see errors.", low);
        }

        if (high.Count > 0)
        {
            throw new RefusedFields("retention.above_maximum",
                "Nothing is kept for longer than the specification says, but by a legal hold: see errors.", high);
        }

        void Check(string field, Optional<int?> days, string kind)
        {
            var rule = RetentionRules.Of(kind);
            if (days is { IsSet: true, Value: { } given } && given < rule.DaysMin)
            {
                low[field] = [$"must be {rule.DaysMin} days at least."];
            }
            else if (days is { IsSet: true, Value: { } much } && much > rule.Days)
            {
                high[field] = [$"must be {rule.Days} days at most."];
            }
        }
    }
}

/// <summary>While it stands nothing of whom it is about is deleted, archived or erased.</summary>
/// <param name="ContactId">Null: everything of the organization.</param>
/// <param name="ReleasedAt">Null: it stands.</param>
public sealed record LegalHold(Guid Id, Guid OrganizationId, Guid? ContactId, string Reason, DateTimeOffset PlacedAt, string PlacedBy,
    DateTimeOffset? ReleasedAt, string? ReleasedBy);

public sealed record ListLegalHolds(Guid OrganizationId, string? Cursor, int Limit) : IRequest<Page<LegalHold>>;

public sealed record GetLegalHold(Guid OrganizationId, Guid Id) : IRequest<LegalHold>;

public sealed record PlaceLegalHold(Guid OrganizationId, Guid Id, Guid? ContactId, string Reason) : ICommand;

public sealed record ReleaseLegalHold(Guid OrganizationId, Guid Id) : ICommandOn;

public sealed class PlaceLegalHoldValidator : AbstractValidator<PlaceLegalHold>
{
    /// <summary>Characters.</summary>
    public const int ReasonMax = 500;

    public PlaceLegalHoldValidator()
    {
        RuleFor(h => h.Reason).Must(reason => !string.IsNullOrWhiteSpace(reason) && reason.Length <= ReasonMax && !reason.Contains('\0'))
            .WithMessage($"must be 1 to {ReasonMax} characters that say why.");
        RuleFor(h => h.ContactId).Must(id => id != Guid.Empty).WithMessage("must be a contact's id, or absent.");
    }
}
