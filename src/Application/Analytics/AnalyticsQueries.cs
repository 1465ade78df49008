using System.Text.RegularExpressions;
using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Analytics;

/// <summary>Whose numbers, of which days.</summary>
/// <param name="From">First day, in the zone.</param>
/// <param name="To">Last day, included.</param>
/// <param name="AccountId">Only this number; null: all.</param>
/// <param name="CampaignId">Only this campaign; null: all, and what no campaign sent.</param>
/// <param name="Zone">IANA name of the zone whose days and hours these are; null: the organization's (<c>settings.time_zone</c>), else
/// UTC.</param>
/// <param name="TemplateId">Only messages of this template; null: all.</param>
/// <param name="Min">The figures must be counted up to here at least; null: as they are.</param>
public sealed record AnalyticsScope(Guid OrganizationId, DateOnly From, DateOnly To, Guid? AccountId, Guid? CampaignId,
    string? Zone = null, Guid? TemplateId = null, Position? Min = null);

/// <summary>Up to which place in the log figures are true, and at which time that was so.</summary>
/// <param name="Position">As in <c>Bsp-Position</c>.</param>
public sealed record CountedTo(string Position, DateTimeOffset Time);

/// <summary>An answer.</summary>
/// <param name="Zone">Whose days and hours it has.</param>
/// <param name="AsOf">Null: nothing was ever counted.</param>
public sealed record Report<TRow>(IReadOnlyList<TRow> Rows, string Zone, CountedTo? AsOf);

/// <summary>A question about figures.</summary>
public interface IReportQuery<TRow> : IRequest<Report<TRow>>
{
    AnalyticsScope Scope { get; }

    string GroupBy { get; }
}

/// <summary>The specification's <c>daily_stats</c>; its days are UTC, whatever the zone.</summary>
/// <param name="GroupBy"><c>day</c>, <c>week</c> (from Monday), <c>month</c>, <c>total</c>: all numbers of the organization together;
/// <c>account</c>: each, day by day.</param>
public sealed record GetDailyStats(AnalyticsScope Scope, string GroupBy) : IReportQuery<DailyStatsRow>;

/// <param name="Date">First day of what the row is about.</param>
/// <param name="AccountId">Null unless grouped by account.</param>
/// <param name="UniqueContacts">Exact for one number and day; over several estimated (error under 1 %).</param>
public sealed record DailyStatsRow(string Date, Guid? AccountId, long TotalMessages, long SentMessages, long DeliveredMessages,
    long ReadMessages, long FailedMessages, decimal TotalCost,
    long UniqueContacts, long NewContacts, long AiProcessedMessages, long AutoRepliedMessages, long AvgDeliveryTimeMs, long AvgReadTimeMs);

/// <summary>Messages and their states.</summary>
/// <param name="GroupBy">One of <see cref="AnalyticsGroups.All"/>.</param>
public sealed record GetMessageCounts(AnalyticsScope Scope, string GroupBy) : IReportQuery<MessageCountsRow>;

/// <param name="Group">The day, week (its Monday), month, hour of the day (0–23), type, direction, or id; all zeros: no campaign. By
/// <c>interval=hour</c> the hour's beginning with its offset: of a repeated hour there are two.</param>
/// <param name="Messages">To which something happened; of one that lasted for days, once a UTC day.</param>
/// <param name="Received">Inbound messages.</param>
public sealed record MessageCountsRow(string Group, long Messages, long Received, long Sent, long Delivered, long Read, long Failed);

/// <summary>How far outbound messages came.</summary>
public sealed record GetFunnel(AnalyticsScope Scope, string GroupBy) : IReportQuery<FunnelRow>;

/// <param name="Group">By <c>variant</c>: campaign and template, with a slash between them.</param>
/// <param name="Queued">Of campaigns and their variants, over their whole life; null otherwise.</param>
/// <param name="Replied">People who wrote within seven days of the latest message delivered to them.</param>
/// <param name="Skipped">As <paramref name="Queued"/>: decided not to be sent.</param>
/// <param name="Unknown">As <paramref name="Queued"/>: nobody knows whether they were sent.</param>
/// <param name="DeliveryRate">Delivered of sent, 0–1; null: nothing was sent.</param>
/// <param name="ReadRate">Read of delivered, 0–1; null: nothing was delivered.</param>
/// <param name="FailedReasons">Of campaigns, variants and templates: numbers by Meta's error code, the most frequent first.</param>
/// <param name="Template">Of variants; null otherwise, or when it is gone.</param>
public sealed record FunnelRow(string Group, long Sent, long Delivered, long Read, long Failed, double? DeliveryRate, double? ReadRate,
    long AvgDeliveryTimeMs, long AvgReadTimeMs, long? Queued = null, long Replied = 0, long? Skipped = null, long? Unknown = null,
    IReadOnlyList<FailureReason>? FailedReasons = null, TemplateName? Template = null);

/// <param name="Code">Meta's error code; <c>unknown</c>: it named none.</param>
public sealed record FailureReason(string Code, long Count);

public sealed record TemplateName(Guid Id, string Name, string Language, string Category);

/// <summary>What messages cost: by the charges of the ledger, or where nothing is charged, by Meta's pricing evidence.</summary>
public sealed record GetCosts(AnalyticsScope Scope, string GroupBy) : IReportQuery<CostRow>;

/// <param name="Cost">Of all currencies together: meaningful where <paramref name="Currency"/> is not null.</param>
/// <param name="Currency">Null: several, or none is named.</param>
/// <param name="Charged">Deliveries with a price above zero.</param>
public sealed record CostRow(string Group, long SentMessages, decimal Cost, string? Currency = null, long Charged = 0,
    IReadOnlyList<CurrencyCost>? ByCurrency = null);

public sealed record CurrencyCost(string Currency, decimal Cost);

/// <summary>When messages are written and read, by weekday and hour.</summary>
public sealed record GetHeatMap(AnalyticsScope Scope, string GroupBy) : IReportQuery<HeatMapRow>;

/// <param name="DayOfWeek">1: Monday, 7: Sunday.</param>
/// <param name="Hour">0–23, in the zone.</param>
/// <param name="Hours">How often this hour occurred in the range: a day on which clocks change has 23 or 25.</param>
/// <param name="ReceivedPerHour">Received by <paramref name="Hours"/>; null: the hour never occurred.</param>
public sealed record HeatMapRow(int DayOfWeek, int Hour, double Hours, long Received, long Sent, long Delivered, long Read, long Failed,
    double? ReceivedPerHour, double? SentPerHour, double? ReadPerHour);

/// <summary>How templates fare.</summary>
public sealed record GetTemplatePerformance(AnalyticsScope Scope, string GroupBy) : IReportQuery<TemplateRow>;

/// <param name="Name">Null: the template is gone.</param>
public sealed record TemplateRow(Guid TemplateId, string? Name, string? Language, string? Category, long Sent, long Delivered, long Read,
    long Replied, long Failed, double? DeliveryRate, double? ReadRate, double? ReplyRate, decimal Cost, string? Currency,
    IReadOnlyList<FailureReason> FailedReasons);

/// <summary>What the machine did for the inbox.</summary>
public sealed record GetAiStats(AnalyticsScope Scope, string GroupBy) : IReportQuery<AiRow>;

/// <param name="Processed">Inbound messages that were analysed.</param>
/// <param name="AutoReplied">Messages that the machine answered.</param>
/// <param name="Sentiment">Mean, −1 to 1; null: nothing was analysed.</param>
public sealed record AiRow(string Group, long Received, long Processed, long AutoReplied, double? Sentiment);

/// <summary>How fast people answer and close.</summary>
public sealed record GetAgentTimes(AnalyticsScope Scope, string GroupBy) : IReportQuery<AgentRow>;

/// <param name="Group">By <c>agent</c>: the user's id, a key's prefix, <c>phone</c>, or empty for nobody.</param>
/// <param name="Name">Of a user; null otherwise.</param>
/// <param name="First">From the customer's first message of an episode to the first answer of a person.</param>
/// <param name="Next">From the first message that nobody had answered to the answer of a person.</param>
/// <param name="Resolution">From the first message of an episode until it was archived; credited to whom it was assigned.</param>
/// <param name="Waiting">Customers who wait now; 0 by days and kinds.</param>
/// <param name="LongestWaitingSeconds">Null: nobody waits.</param>
public sealed record AgentRow(string Group, string? Name, ResponseTimeStats First, ResponseTimeStats Next, ResponseTimeStats Resolution,
    long Waiting, long? LongestWaitingSeconds);

/// <param name="MedianSeconds">By the clock; null: there were none.</param>
/// <param name="BusinessMedianSeconds">Within <c>settings.business_hours</c> of the organization; without any, as above.</param>
public sealed record ResponseTimeStats(long Count, long? MedianSeconds, long? P90Seconds, long? BusinessMedianSeconds,
    long? BusinessP90Seconds)
{
    public static readonly ResponseTimeStats None = new(0, null, null, null, null);
}

/// <summary>Words of <c>group_by</c>.</summary>
public static class AnalyticsGroups
{
    /// <summary>Group of <c>interval=hour</c>.</summary>
    public const string EachHour = "each_hour";

    public static readonly IReadOnlySet<string> All =
        new HashSet<string> { "day", "week", "month", "hour", "account", "campaign", "type", "direction", "template", EachHour };

    public static readonly IReadOnlySet<string> Funnel =
        new HashSet<string> { "day", "week", "month", "hour", "account", "campaign", "type", "direction", "template", "variant" };

    public static readonly IReadOnlySet<string> Costs = new HashSet<string>
    {
        "day", "week", "month", "hour", "account", "campaign", "type", "direction", "template", "category", "market",
    };

    public static readonly IReadOnlySet<string> Daily = new HashSet<string> { "day", "week", "month", "total", "account" };

    public static readonly IReadOnlySet<string> Agents = new HashSet<string> { "agent", "team", "account", "kind", "day", "week", "month" };

    public static readonly IReadOnlySet<string> Time = new HashSet<string> { "day", "week", "month", "account" };
}

/// <summary>What every question about figures must satisfy.</summary>
public sealed partial class AnalyticsScopeValidator : AbstractValidator<AnalyticsScope>
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
        RuleFor(s => s.Zone).Must(zone => zone is null || ZoneName().IsMatch(zone)).OverridePropertyName("zone")
            .WithMessage("zone must be the name of a time zone such as Africa/Cairo.");
    }

    /// <summary>What a zone's name is made of; whether there is one of this name, the store knows.</summary>
    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9_+\-]{0,31}(/[A-Za-z0-9_+\-]{1,31}){0,2}\z")]
    public static partial Regex ZoneName();
}

/// <summary>The rules of one kind of question.</summary>
public abstract class ReportValidator<TQuery, TRow> : AbstractValidator<TQuery> where TQuery : IReportQuery<TRow>
{
    protected ReportValidator(IReadOnlySet<string> groups)
    {
        RuleFor(q => q.Scope).SetValidator(new AnalyticsScopeValidator());
        RuleFor(q => q.GroupBy).Must(groups.Contains).OverridePropertyName("group_by").WithMessage(
            $"group_by must be one of {string.Join(", ", groups.Where(g => g != AnalyticsGroups.EachHour))}.");
    }
}

public sealed class GetDailyStatsValidator : ReportValidator<GetDailyStats, DailyStatsRow>
{
    public GetDailyStatsValidator() : base(AnalyticsGroups.Daily)
    {
        RuleFor(q => q.Scope.CampaignId).Null().OverridePropertyName("campaign_id")
            .WithMessage("Daily figures are kept per account, not per campaign: use /v1/analytics/messages.");
        RuleFor(q => q.Scope.TemplateId).Null().OverridePropertyName("template_id")
            .WithMessage("Daily figures are kept per account, not per template: use /v1/analytics/messages.");
    }
}

public sealed class GetMessageCountsValidator() : ReportValidator<GetMessageCounts, MessageCountsRow>(AnalyticsGroups.All);

public sealed class GetFunnelValidator() : ReportValidator<GetFunnel, FunnelRow>(AnalyticsGroups.Funnel);

public sealed class GetCostsValidator() : ReportValidator<GetCosts, CostRow>(AnalyticsGroups.Costs);

public sealed class GetHeatMapValidator() : ReportValidator<GetHeatMap, HeatMapRow>(AnalyticsGroups.Time);

public sealed class GetTemplatePerformanceValidator() : ReportValidator<GetTemplatePerformance, TemplateRow>(AnalyticsGroups.Time);

public sealed class GetAgentTimesValidator : ReportValidator<GetAgentTimes, AgentRow>
{
    public GetAgentTimesValidator() : base(AnalyticsGroups.Agents)
    {
        RuleFor(q => q.Scope.CampaignId).Null().OverridePropertyName("campaign_id").WithMessage("Answers belong to no campaign.");
        RuleFor(q => q.Scope.TemplateId).Null().OverridePropertyName("template_id").WithMessage("Answers belong to no template.");
    }
}

public sealed class GetAiStatsValidator() : ReportValidator<GetAiStats, AiRow>(AnalyticsGroups.Time);
