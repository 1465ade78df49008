using Bsp.Application.Analytics;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using static Bsp.Infrastructure.Analytics.ReportSql;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// How far messages came, by whatever groups, and how templates fare: from the quarter-hour table, with what only PostgreSQL knows beside
/// it
/// (what was queued and never sent, names of templates).
/// </summary>
public sealed class FunnelReader(ReportReader reports, Shards shards) : IRequestHandler<GetFunnel, Report<FunnelRow>>,
    IRequestHandler<GetTemplatePerformance, Report<TemplateRow>>
{
    private const string Outbound = " AND direction = 'outbound'";
    private const string Sent = $"{Outbound} AND template_id != toUUID('00000000-0000-0000-0000-000000000000')";
    private const int ReasonsMax = 20; // of one group

    private const string Numbers = "sum(q.sent) AS was_sent, sum(q.delivered) AS came, sum(q.read) AS was_read, sum(q.failed) AS lost, "
        + "sum(q.replied) AS answered, sum(q.delivery_ms_sum) AS delivery_ms, sum(q.delivery_n) AS deliveries, sum(q.read_ms_sum) AS "
            + "read_ms, "
        + "sum(q.read_n) AS readings, toString(sum(q.cost)) AS total";

    private const string Currencies = "arrayStringConcat(arraySort(groupUniqArrayIf(q.currency, q.currency != '')), ',') AS money";

    private const string Some = "HAVING was_sent + came + was_read + lost + answered > 0";

    public Task<Report<FunnelRow>> Handle(GetFunnel query, CancellationToken ct) =>
        reports.ReportAsync<FunnelRow>(query.Scope, async (zone, ask) =>
        {
            var from = From(query.Scope, zone, query.GroupBy, more: Outbound);
            var groups = await ask.RowsAsync(Grouped(query.GroupBy, zone, $"{Numbers}, '' AS money", from, Some), Read);
            var reasons = query.GroupBy is "campaign" or "variant" or "template" ? await ReasonsAsync(ask, query.GroupBy, zone, from) : [];
            var before = await BeforeAsync(query, groups, ct);
            var templates = query.GroupBy is "variant" or "template"
                ? await TemplatesAsync(query.Scope.OrganizationId, groups.Select(g => TemplateOf(g.Key)), ct) : [];
            return [.. groups.Select(g =>
            {
                var own = before.GetValueOrDefault(g.Key);
                return new FunnelRow(g.Key, g.Sent, g.Delivered, g.Read, g.Failed, Rate(g.Delivered, g.Sent), Rate(g.Read, g.Delivered),
                    Mean(g.DeliveryMs, g.Deliveries), Mean(g.ReadMs, g.Readings), own?.Queued, g.Replied, own?.Skipped, own?.Unknown,
                    reasons.GetValueOrDefault(g.Key, []), templates.GetValueOrDefault(TemplateOf(g.Key)));
            })];
        }, ct);

    public Task<Report<TemplateRow>> Handle(GetTemplatePerformance query, CancellationToken ct) =>
        reports.ReportAsync<TemplateRow>(query.Scope, async (zone, ask) =>
        {
            var from = From(query.Scope, zone, "template", large: true, Sent);
            var groups = (await ask.RowsAsync(Grouped("template", zone, $"{Numbers}, {Currencies}", from, Some), Read))
                .OrderByDescending(g => g.Sent).ThenBy(g => g.Key, StringComparer.Ordinal).ToList();
            var reasons = await ReasonsAsync(ask, "template", zone, from);
            var names = await TemplatesAsync(query.Scope.OrganizationId, groups.Select(g => Guid.Parse(g.Key)), ct);
            return [.. groups.Select(g =>
            {
                var name = names.GetValueOrDefault(Guid.Parse(g.Key));
                return new TemplateRow(Guid.Parse(g.Key), name?.Name, name?.Language, name?.Category, g.Sent, g.Delivered, g.Read,
                    g.Replied,
                    g.Failed, Rate(g.Delivered, g.Sent), Rate(g.Read, g.Delivered), Rate(g.Replied, g.Delivered), g.Cost,
                    g.Currencies.Length > 0 && !g.Currencies.Contains(',', StringComparison.Ordinal) ? g.Currencies : null,
                    reasons.GetValueOrDefault(g.Key, []));
            })];
        }, ct);

    private static async Task<Dictionary<string, IReadOnlyList<FailureReason>>> ReasonsAsync(ReportReader.ReportQuestions ask, string by,
        string zone, string from) => (await ask.RowsAsync($"""
            SELECT {Key(by)} AS key, code, lost FROM (
                SELECT {Group(by, zone)} AS k, q.error_code AS code, sum(q.failed) AS lost FROM ({from}) AS q WHERE q.error_code != ''
                GROUP BY k, code HAVING lost > 0 ORDER BY k, lost DESC, code LIMIT {ReasonsMax} BY k)
            ORDER BY key, lost DESC, code
            """, r => (Key: Text(r, "key"), Reason: new FailureReason(Text(r, "code"), Long(r, "lost"))))).GroupBy(r => r.Key)
        .ToDictionary(g => g.Key, g => (IReadOnlyList<FailureReason>)[.. g.Select(r => r.Reason)]);

    // What came before sending: known of campaigns, over their whole life. A campaign has one variant for each template that it used;
    // where it
    // used one only, its numbers are the variant's.
    private async Task<Dictionary<string, Before>> BeforeAsync(GetFunnel query, List<Numbered> groups, CancellationToken ct)
    {
        if (query.GroupBy is not ("campaign" or "variant"))
        {
            return [];
        }

        var campaigns = groups.Select(g => CampaignOf(g.Key)).Where(id => id != Guid.Empty).ToArray();
        var shard = await shards.OfAsync(query.Scope.OrganizationId, ct);
        var known = (await shard.QueryAsync(query.Scope.OrganizationId, """
            SELECT p.campaign_id, p.queued::bigint, p.skipped::bigint, (p.unknown + p.unknown_closed)::bigint FROM bsp.campaign_progress p
             WHERE p.campaign_id = ANY ($1) AND (p.organization_id = $2) IS TRUE
            """, row => (Id: row.GetGuid(0), Before: new Before(row.GetInt64(1), row.GetInt64(2), row.GetInt64(3))), ct,
            campaigns.Distinct().ToArray(), query.Scope.OrganizationId)).ToDictionary(r => r.Id, r => r.Before);
        return groups.Where(g => known.ContainsKey(CampaignOf(g.Key)) && campaigns.Count(id => id == CampaignOf(g.Key)) == 1)
            .ToDictionary(g => g.Key, g => known[CampaignOf(g.Key)]);
    }

    private async Task<Dictionary<Guid, TemplateName>> TemplatesAsync(Guid organizationId, IEnumerable<Guid> ids, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        return (await shard.QueryAsync(organizationId, """
            SELECT t.id, t.name, t.language, t.category FROM templates t WHERE t.id = ANY ($1) AND (t.organization_id = $2) IS TRUE
            """, row => new TemplateName(row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetString(3)), ct,
            ids.Distinct().ToArray(), organizationId)).ToDictionary(t => t.Id);
    }

    private static Guid CampaignOf(string key) => Guid.TryParse(key.Split('/')[0], out var id) ? id : Guid.Empty;

    private static Guid TemplateOf(string key) => Guid.TryParse(key.Split('/')[^1], out var id) ? id : Guid.Empty;

    private static Numbered Read(System.Data.Common.DbDataReader r) => new(Text(r, "key"), Long(r, "was_sent"), Long(r, "came"),
        Long(r, "was_read"), Long(r, "lost"), Long(r, "answered"), Long(r, "delivery_ms"), Long(r, "deliveries"), Long(r, "read_ms"),
        Long(r, "readings"), Money(r, "total"), Text(r, "money"));

    private sealed record Numbered(string Key, long Sent, long Delivered, long Read, long Failed, long Replied, long DeliveryMs,
        long Deliveries, long ReadMs, long Readings, decimal Cost, string Currencies);

    private sealed record Before(long Queued, long Skipped, long Unknown);
}
