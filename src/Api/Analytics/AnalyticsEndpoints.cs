using Bsp.Api.Common;
using Bsp.Application.Analytics;
using Bsp.Application.EventStore;
using Carter;
using MediatR;

namespace Bsp.Api.Analytics;

/// <summary>An answer of a report.</summary>
/// <param name="NextCursor">Always null: a report is whole or refused.</param>
/// <param name="Zone">Whose days and hours it has.</param>
/// <param name="AsOf">Up to which place in the log and which time it is true; null: nothing was ever counted.</param>
public sealed record ReportResponse<TRow>(IReadOnlyList<TRow> Data, string? NextCursor, string Zone, CountedTo? AsOf);

/// <summary>
/// Reporting, as JSON or (Accept: text/csv) as CSV. Days are the organization's (settings.time_zone, else UTC), or those of ?zone=; without
/// from and to, the last 30. Each answer says up to where it is true.
/// </summary>
public sealed class AnalyticsEndpoints : ICarterModule
{
    private const int DaysStandard = 30;

    private static readonly string[] Codes =
        ["analytics.too_many_rows", "analytics.too_large", "analytics.zone", "view.behind", "store.unavailable"];

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var analytics = app.MapGroup("/v1/analytics").WithTags("Analytics");
        Map<DailyStatsRow>(analytics, "daily", "Daily figures by UTC day (default), week, month, total or account.", (scope, by) =>
            new GetDailyStats(scope, by));
        Map<MessageCountsRow>(analytics, "messages",
            "Messages and their states by day (default), week, month, hour of the day, account, campaign, template, type or direction; "
            + "?interval=hour, day, week or month: over time.", (scope, by) => new GetMessageCounts(scope, by));
        Map<FunnelRow>(analytics, "funnel",
            "How far messages came: queued, sent, delivered, read, replied, failed with reasons, with rates; by day (default), "
                + "campaign, variant "
            + "(campaign and template), template, account, type and more.", (scope, by) => new GetFunnel(scope, by));
        Map<HeatMapRow>(analytics, "heatmap", "Weekdays and hours: received, sent, read, and each by how often the hour occurred.",
            (scope, by) => new GetHeatMap(scope, by));
        Map<CostRow>(analytics, "costs", "What messages cost by day (default), category, market, account, campaign, template and more.",
            (scope, by) => new GetCosts(scope, by));
        Map<TemplateRow>(analytics, "templates", "How each template fares: deliveries, reads, replies, failures with reasons, costs.",
            (scope, by) => new GetTemplatePerformance(scope, by));
        Map<AgentRow>(analytics, "agents",
            "How fast people answer and close, by agent (default), day, week, month, team or kind: first and next answers, resolutions.",
            (scope, by) => new GetAgentTimes(scope, by), "agent");
        Map<AiRow>(analytics, "ai", "What the machine did for the inbox by day (default), week, month or account.", (scope, by) =>
            new GetAiStats(scope, by));
    }

    private static void Map<TRow>(IEndpointRouteBuilder app, string route, string summary,
        Func<AnalyticsScope, string, IRequest<Report<TRow>>> question, string standard = "day") =>
        app.MapGet(route,
            async (DateOnly? from, DateOnly? to, Guid? account_id, Guid? campaign_id, Guid? template_id, string? group_by, string? interval,
                string? zone, MinPosition min, Caller caller, IMediator mediator, TimeProvider clock, HttpContext context,
                CancellationToken ct) =>
        {
            var by = By(group_by, interval, route, standard);
            await min.ReachedAsync(context.RequestServices, route == "agents" ? ViewNames.ResponseTimes : ViewNames.MessageAnalytics,
                caller.OrganizationId, ct);
            var last = to ?? DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
            var report = await mediator.Send(question(new(caller.OrganizationId, from ?? last.AddDays(1 - DaysStandard), last, account_id,
                campaign_id, zone, template_id, min.Position), by), ct);
            context.Response.Headers["Bsp-As-Of-Position"] = report.AsOf?.Position;
            context.Response.Headers["Bsp-As-Of"] = report.AsOf?.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'",
                System.Globalization.CultureInfo.InvariantCulture);
            return AnalyticsCsv.Wanted(context) ? AnalyticsCsv.Answer(report.Rows)
                : TypedResults.Ok(new ReportResponse<TRow>(report.Rows, null, report.Zone, report.AsOf));
        }).Describe(summary, Codes).Produces<ReportResponse<TRow>>().Produces<string>(200, "text/csv");

    // Over time is a group of its own: by "hour" alone, hours of the day are meant.
    private static string By(string? groupBy, string? interval, string route, string standard) => (groupBy, interval) switch
    {
        ({ }, { }) => throw Problem.Field("request.invalid", "interval", "cannot stand beside group_by: it is a group of its own."),
        (AnalyticsGroups.EachHour, _) => throw Problem.Field("request.invalid", "group_by",
            "must be a word of the documentation: interval=hour."),
        (_, "hour") when route == "messages" => AnalyticsGroups.EachHour,
        (_, "day" or "week" or "month") => interval!,
        (_, { }) => throw Problem.Field("request.invalid", "interval", "must be hour (of messages), day, week or month."),
        _ => groupBy ?? standard,
    };
}
