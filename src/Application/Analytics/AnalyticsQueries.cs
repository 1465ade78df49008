using FluentValidation;
using MediatR;

namespace Bsp.Application.Analytics;

/// <summary>Whose numbers, of which days.</summary>
/// <param name="From">First day, UTC.</param>
/// <param name="To">Last day, UTC, included.</param>
/// <param name="AccountId">Only this number; null: all.</param>
/// <param name="CampaignId">Only this campaign; null: all, and what no campaign sent.</param>
public sealed record AnalyticsScope(Guid OrganizationId, DateOnly From, DateOnly To, Guid? AccountId, Guid? CampaignId);

/// <summary>The specification's <c>daily_stats</c>.</summary>
/// <param name="GroupBy"><c>day</c>: all numbers of the organization together; <c>account</c>: each.</param>
public sealed record GetDailyStats(AnalyticsScope Scope, string GroupBy) : IRequest<IReadOnlyList<DailyStatsRow>>;

/// <param name="AccountId">Null when grouped by day.</param>
/// <param name="UniqueContacts">Exact for one account; over several accounts estimated (error under 1 %).</param>
public sealed record DailyStatsRow(string Date, Guid? AccountId, long TotalMessages, long SentMessages, long DeliveredMessages,
    long ReadMessages, long FailedMessages, decimal TotalCost,
    long UniqueContacts, long NewContacts, long AiProcessedMessages, long AutoRepliedMessages, long AvgDeliveryTimeMs, long AvgReadTimeMs);

/// <summary>Messages and their states.</summary>
/// <param name="GroupBy">One of <see cref="AnalyticsGroups.All"/>.</param>
public sealed record GetMessageCounts(AnalyticsScope Scope, string GroupBy) : IRequest<IReadOnlyList<MessageCountsRow>>;

/// <param name="Group">The day, hour (0–23), type, direction, or id; all zeros: no campaign.</param>
/// <param name="Received">Inbound messages.</param>
public sealed record MessageCountsRow(string Group, long Messages, long Received, long Sent, long Delivered, long Read, long Failed);

/// <summary>How far outbound messages came.</summary>
public sealed record GetFunnel(AnalyticsScope Scope, string GroupBy) : IRequest<IReadOnlyList<FunnelRow>>;

/// <param name="DeliveryRate">Delivered of sent, 0–1; null: nothing was sent.</param>
/// <param name="ReadRate">Read of delivered, 0–1; null: nothing was delivered.</param>
public sealed record FunnelRow(string Group, long Sent, long Delivered, long Read, long Failed, double? DeliveryRate, double? ReadRate,
    long AvgDeliveryTimeMs, long AvgReadTimeMs);

/// <summary>
/// What Meta's pricing evidence names, summed. Meta names categories, seldom amounts: what the organization was charged stands in its
/// ledger.
/// </summary>
public sealed record GetCosts(AnalyticsScope Scope, string GroupBy) : IRequest<IReadOnlyList<CostRow>>;

public sealed record CostRow(string Group, long SentMessages, decimal Cost);

/// <summary>Words of <c>group_by</c>.</summary>
public static class AnalyticsGroups
{
    public static readonly IReadOnlySet<string> All = new HashSet<string> { "day", "hour", "account", "campaign", "type", "direction" };

    public static readonly IReadOnlySet<string> Daily = new HashSet<string> { "day", "account" };
}

/// <summary>What every analytics question must satisfy.</summary>
internal sealed class AnalyticsScopeValidator : AbstractValidator<AnalyticsScope>
{
    /// <summary>Days in one question.</summary>
    public const int DaysMax = 366;

    public AnalyticsScopeValidator()
    {
        RuleFor(s => s.To).GreaterThanOrEqualTo(s => s.From).OverridePropertyName("to").WithMessage("to must not lie before from.");
        RuleFor(s => s.To).Must((s, to) => to.DayNumber - s.From.DayNumber < DaysMax).OverridePropertyName("from")
            .WithMessage($"from and to may span {DaysMax} days at most.");
        RuleFor(s => s.From).Must(from => from.Year is >= 2015 and <= 2100).OverridePropertyName("from")
            .WithMessage("from must lie between 2015 and 2100.");
    }
}

public sealed class GetDailyStatsValidator : AbstractValidator<GetDailyStats>
{
    public GetDailyStatsValidator()
    {
        RuleFor(q => q.Scope).SetValidator(new AnalyticsScopeValidator());
        RuleFor(q => q.Scope.CampaignId).Null().OverridePropertyName("campaign_id")
            .WithMessage("Daily figures are kept per account, not per campaign: use /v1/analytics/messages.");
        RuleFor(q => q.GroupBy).Must(AnalyticsGroups.Daily.Contains).OverridePropertyName("group_by")
            .WithMessage("group_by must be day or account.");
    }
}

public sealed class GetMessageCountsValidator : AbstractValidator<GetMessageCounts>
{
    public GetMessageCountsValidator()
    {
        RuleFor(q => q.Scope).SetValidator(new AnalyticsScopeValidator());
        RuleFor(q => q.GroupBy).Must(AnalyticsGroups.All.Contains).OverridePropertyName("group_by")
            .WithMessage("group_by must be day, hour, account, campaign, type or direction.");
    }
}

public sealed class GetFunnelValidator : AbstractValidator<GetFunnel>
{
    public GetFunnelValidator()
    {
        RuleFor(q => q.Scope).SetValidator(new AnalyticsScopeValidator());
        RuleFor(q => q.GroupBy).Must(AnalyticsGroups.All.Contains).OverridePropertyName("group_by")
            .WithMessage("group_by must be day, hour, account, campaign, type or direction.");
    }
}

public sealed class GetCostsValidator : AbstractValidator<GetCosts>
{
    public GetCostsValidator()
    {
        RuleFor(q => q.Scope).SetValidator(new AnalyticsScopeValidator());
        RuleFor(q => q.GroupBy).Must(AnalyticsGroups.All.Contains).OverridePropertyName("group_by")
            .WithMessage("group_by must be day, hour, account, campaign, type or direction.");
    }
}
