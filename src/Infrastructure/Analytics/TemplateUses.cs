using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Domain.Charging;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// Which template a message was made of. Only its first event says so; those that a page's messages lack are asked of the log together and
/// remembered, because the reports on a message follow each other closely.
/// </summary>
internal sealed class TemplateUses
{
    private const int KeptMax = 200_000;

    [Bounded("200,000 pairs of ids, 20 MB; all forgotten when full")]
    private readonly ConcurrentDictionary<Guid, Guid> known = new();

    /// <summary>By message, for those of type <c>template</c> that the page speaks of; absent: none, or it cannot be read.</summary>
    public async Task<IReadOnlyDictionary<Guid, Guid>> FindAsync(EventPage page, CancellationToken ct)
    {
        var asked = page.Events.SelectMany(e => Messages(e.Body).Select(id => (e.OrganizationId, Id: id))).Distinct().ToList();
        var missing = asked.Where(a => !known.ContainsKey(a.Id)).ToList();
        if (known.Count + missing.Count > KeptMax)
        {
            known.Clear();
            missing = asked;
        }

        if (missing.Count > 0)
        {
            await AskAsync(page, missing, ct);
        }

        var found = new Dictionary<Guid, Guid>(asked.Count);
        foreach (var (_, id) in asked)
        {
            found[id] = known.GetValueOrDefault(id);
        }

        return found;
    }

    private async Task AskAsync(EventPage page, List<(Guid OrganizationId, Guid Id)> missing, CancellationToken ct)
    {
        var rows = await page.Shard.QueryAsync(page.Organizations, """
            SELECT s.id, e.template FROM unnest($1::text[], $2::uuid[]) AS s (tenant, id)
             CROSS JOIN LATERAL (SELECT x.data #>> '{template,template_id}' AS template FROM public.mt_events x
                                  WHERE x.tenant_id = s.tenant AND x.stream_id = s.id AND x.version = 1 AND x.bdata IS NULL OFFSET 0) e
            """, row => (Id: row.GetGuid(0), Template: row.IsDBNull(1)
                 || !Guid.TryParse(row.GetString(1), out var id) ? Guid.Empty : id), ct,
            missing.Select(m => m.OrganizationId.ToString()).ToArray(), missing.Select(m => m.Id).ToArray());
        foreach (var (id, template) in rows)
        {
            known[id] = template;
        }
    }

    private static IEnumerable<Guid> Messages(object? body) => body switch
    {
        MessageReceived or MessageAccepted or MessageEchoed => [],
        MessageEvent { Ref: { Type: "template", Direction: "outbound" } of } => [of.MessageId],
        MessagesCharged charged => charged.Charges.Where(c => c.Type == "template").Select(c => c.MessageId),
        _ => [],
    };
}
