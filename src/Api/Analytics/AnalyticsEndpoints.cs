using Bsp.Api.Common;
using Bsp.Application.Analytics;
using Bsp.Application.EventStore;
using Carter;
using MediatR;

namespace Bsp.Api.Analytics;

/// <summary>Reporting, as JSON or (Accept: text/csv) as CSV. Days are UTC; without from and to, the last 30.</summary>
public sealed class AnalyticsEndpoints : ICarterModule
{
    private const int DaysStandard = 30;
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var analytics = app.MapGroup("/v1/analytics").WithTags("Analytics");
        Map<DailyStatsRow>(analytics, "daily", "Daily figures; group_by day (default) or account.", (scope, by) =>
            new GetDailyStats(scope, by));
        Map<MessageCountsRow>(analytics, "messages",
            "Messages and their states by day (default), hour, account, campaign, type or direction.", (scope, by) =>
                new GetMessageCounts(scope, by));
        Map<FunnelRow>(analytics, "funnel", "How far outbound messages came: sent, delivered, read, failed, with rates.", (scope, by) =>
            new GetFunnel(scope, by));
        Map<CostRow>(analytics, "costs", "Costs named by Meta's pricing evidence.", (scope, by) => new GetCosts(scope, by));
    }

    private static void Map<TRow>(IEndpointRouteBuilder app, string route, string summary,
        Func<AnalyticsScope, string, IRequest<IReadOnlyList<TRow>>> question) =>
        app.MapGet(route,
            async (DateOnly? from, DateOnly? to, Guid? account_id, Guid? campaign_id, string? group_by, MinPosition min, Caller caller,
                IMediator mediator, TimeProvider clock, HttpContext context, CancellationToken ct) =>
        {
            await min.ReachedAsync(context.RequestServices, ViewNames.MessageAnalytics, caller.OrganizationId, ct);
            var last = to ?? DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
            var rows = await mediator.Send(
                question(new(caller.OrganizationId, from ?? last.AddDays(1 - DaysStandard), last, account_id, campaign_id), group_by
                    ?? "day"), ct);
            return AnalyticsCsv.Wanted(context) ? AnalyticsCsv.Answer(rows) : TypedResults.Ok(new ListResponse<TRow>(rows, null));
        }).Describe(summary, "analytics.too_many_rows", "view.behind", "store.unavailable").Produces<ListResponse<TRow>>()
            .Produces<string>(200, "text/csv");
}
