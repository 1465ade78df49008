using System.Text.Json.Serialization;
using Bsp.Application.Common;
using Bsp.Application.CustomerWebhooks;
using Bsp.Domain.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Ai;

/// <summary>
/// Replays a day of the organization's log through other instructions or another model, without sending. What is absent is as the settings
/// have it. Refused with <c>ai_shadow.open</c> while another one runs, <c>ai.model_missing</c>, <c>plan.feature_missing</c>.
/// </summary>
/// <param name="Day">UTC; it is over, and at most 90 days ago.</param>
/// <param name="BurstsMax">1–500.</param>
public sealed record CreateAiShadow(Guid OrganizationId, DateOnly Day, string? Provider, string? Endpoint, string? Model, string? ApiKey,
    string? Prompt, IReadOnlyList<string>? Facts, int BurstsMax) : ICommand;

/// <summary>Ends one before it is through; what it has found stays. Refused with <c>ai_shadow.unknown</c>.</summary>
public sealed record CancelAiShadow(Guid OrganizationId, Guid ShadowId) : ICommandOn
{
    Guid ICommandOn.Id => ShadowId;
}

public sealed class CreateAiShadowValidator : AbstractValidator<CreateAiShadow>
{
    /// <summary>Days back.</summary>
    public const int DaysMax = 90;

    /// <summary>Bursts of one replay.</summary>
    public const int BurstsLimit = 500;

    public CreateAiShadowValidator(OutboundRules outbound, TimeProvider clock)
    {
        RuleFor(c => c.Day).Must(day => day < DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime).AddDays(1)
            && day >= DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime).AddDays(-DaysMax))
            .WithMessage($"day must be one of the last {DaysMax} days.");
        RuleFor(c => c.BurstsMax).InclusiveBetween(1, BurstsLimit);
        RuleFor(c => c.Provider).Must(p => p is null || AiProviders.All.Contains(p))
            .WithMessage($"provider must be one of {string.Join(", ", AiProviders.All)}.");
        RuleFor(c => c.Endpoint).Custom((endpoint, context) =>
        {
            if (endpoint is not null && outbound.Fault(endpoint) is { } fault)
            {
                context.AddFailure("endpoint", fault);
            }
        });
        RuleFor(c => c.Model).MaximumLength(128).Must(m => m is null || (m.Length > 0 && m.All(c => c is > ' ' and < '\x7f')));
        RuleFor(c => c.ApiKey).MaximumLength(400).Must(k => k is null || (k.Length >= 8 && k.All(c => c is > ' ' and < '\x7f')));
        RuleFor(c => c.Prompt).MaximumLength(4_000).Must(p => p is null || Text.IsStorable(p));
        RuleFor(c => c.Facts).Must(f => f is null
            || (f.Count <= 50 && f.All(t => !string.IsNullOrWhiteSpace(t) && t.Length <= 500 && Text.IsStorable(t))))
            .WithMessage("facts must be at most 50 texts of 1 to 500 characters.");
    }
}

/// <summary>How often what was done, and what the shadow would have done.</summary>
/// <param name="Actual"><c>reply</c>, <c>handover</c>, <c>silent</c>, <c>person</c> (a person answered) or <c>none</c>.</param>
/// <param name="Shadow"><c>reply</c>, <c>handover</c> or <c>silent</c>.</param>
public sealed record ShadowCount(string Actual, string Shadow, int Count);

/// <summary>A replay and what it has found so far.</summary>
/// <param name="Status"><c>planning</c>, <c>running</c>, <c>completed</c>, <c>failed</c> or <c>cancelled</c>.</param>
/// <param name="Bursts">Of the day, as far as they are replayed.</param>
/// <param name="Truncated">The day had more.</param>
/// <param name="Different">In how many the shadow would have done something else than was done by a machine.</param>
/// <param name="TextDistance">Mean of the answers that both gave: 0 equal, 1 nothing in common; null: there is none.</param>
public sealed record AiShadowView(Guid Id, DateOnly Day, string Status, string Provider, string? Model, string? Prompt, int BurstsMax,
    int Bursts, int Done, bool Truncated, int Same, int Different, IReadOnlyList<ShadowCount> Actions, double? TextDistance,
    long InputTokens, long OutputTokens, decimal Cost, string Currency, int? LatencyMs, string? Error, DateTimeOffset CreatedAt,
    DateTimeOffset? CompletedAt, [property: JsonIgnore] Guid OrganizationId);

/// <summary>One burst of a replay.</summary>
/// <param name="Messages">What was to be answered.</param>
/// <param name="ActualReply">What was answered; null: nothing, or it was erased.</param>
/// <param name="Shadow">Null: not done yet, or the customer was erased.</param>
/// <param name="ShadowReply">What the shadow would have answered; null: nothing, or it was erased.</param>
public sealed record AiShadowItem(int Ordinal, Guid ConversationId, DateTimeOffset At, IReadOnlyList<Guid> Messages, string Actual,
    string? ActualReason, Guid? ActualMessageId, string? ActualReply, string? Shadow, string? ShadowReason, string? Intent,
    string? ShadowReply, double? TextDistance, decimal? Cost, int? LatencyMs);

/// <summary>Refused with <c>ai_shadow.unknown</c>.</summary>
public sealed record GetAiShadow(Guid OrganizationId, Guid ShadowId) : IRequest<AiShadowView>;

/// <summary>In the order of ids, oldest first.</summary>
public sealed record ListAiShadows(Guid OrganizationId, int Limit, string? Cursor) : IRequest<Page<AiShadowView>>;

/// <summary>In the order of the day. Refused with <c>ai_shadow.unknown</c>.</summary>
/// <param name="Different">Only where the shadow would have done something else.</param>
public sealed record ListAiShadowItems(Guid OrganizationId, Guid ShadowId, bool Different, int Limit, string? Cursor)
    : IRequest<Page<AiShadowItem>>;
