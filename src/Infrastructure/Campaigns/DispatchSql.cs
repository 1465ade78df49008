using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Templates;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>What a page of a campaign is made of.</summary>
internal static class DispatchSql
{
    // $1 campaign, $2 and $3 first and after the last ordinal, $4 organization. Everything is looked up row by row behind OFFSET 0 by the
    // one
    // index that can serve it (schema 0150): what the planner thinks of a campaign that it has never seen does not matter.
    internal const string MembersSql = """
        SELECT a.contact_id, c.phone_number, c.wa_user_id, c.consent_status, c.first_name, c.last_name, c.email, c.custom_fields, a.person, a.earlier
          FROM (
            SELECT m.contact_id, m.ordinal, m.person,
              ARRAY(SELECT o.contact_id FROM (SELECT y.contact_id FROM bsp.contact_aliases y WHERE y.into_id = m.person UNION ALL SELECT m.person WHERE m.person <> m.contact_id) i
                     CROSS JOIN LATERAL (SELECT e.contact_id, e.ordinal FROM bsp.campaign_audience e
                                          WHERE e.campaign_id = $1 AND e.contact_id = i.contact_id AND e.contact_id <> '00000000-0000-0000-0000-000000000000' OFFSET 0) o
                     WHERE o.ordinal < m.ordinal) AS earlier
              FROM (SELECT p.contact_id, p.ordinal, coalesce(x.into_id, p.contact_id) AS person
                      FROM (SELECT q.contact_id, q.ordinal FROM bsp.campaign_audience q
                             WHERE q.campaign_id = $1 AND q.ordinal >= $2 AND q.ordinal < $3 AND q.ordinal > 0 AND (q.organization_id = $4) IS TRUE OFFSET 0) p
                      LEFT JOIN LATERAL (SELECT y.into_id FROM bsp.contact_aliases y WHERE y.contact_id = p.contact_id OFFSET 0) x ON true OFFSET 0) m OFFSET 0) a
          LEFT JOIN LATERAL (SELECT k.* FROM contacts k WHERE k.id = a.person OFFSET 0) c ON true ORDER BY a.ordinal
        """;

    /// <summary>The template with the campaign's parameters; null when the campaign is gone.</summary>
    /// <param name="parameters">Instead of the campaign's; null: the campaign's.</param>
    public static async Task<CampaignText?> TextAsync(this TenantTransaction transaction, Guid organizationId, Guid campaignId,
        CancellationToken ct, JsonElement? parameters = null)
    {
        var found = (await transaction.QueryAsync("""
            SELECT c.account_id, t.id, t.name, t.language, t.category, t.components, c.metadata -> 'template_parameters',
                   t.status = 'APPROVED' AND t.deleted_at IS NULL, c.retry_of, c.hours,
                   c.options -> 'variants'
              FROM campaigns c JOIN templates t ON t.id = c.template_id WHERE c.organization_id = $1 AND c.id = $2
            """,
            r => (Text: TextOf(campaignId, r, parameters ?? (r.IsDBNull(6) ? null : r.Json(6))),
                Variants: r.IsDBNull(10) ? null : r.Json(10).Deserialize<CampaignVariant[]>(EventTypes.Json)), ct, organizationId,
            campaignId)).FirstOrDefault();
        return found is not ({ } text, { } variants) ? found.Text
            : text with { Variants = await VariantsAsync(transaction, organizationId, text, variants, parameters, ct) };
    }

    // Each with its own parameters, else the campaign's. One whose template is gone is not approved.
    private static async Task<IReadOnlyList<(CampaignText Text, int Share)>> VariantsAsync(TenantTransaction transaction,
        Guid organizationId, CampaignText text, CampaignVariant[] variants, JsonElement? parameters, CancellationToken ct)
    {
        var templates = (await transaction.QueryAsync("""
            SELECT t.id, t.name, t.language, t.category, t.components, t.status = 'APPROVED' AND t.deleted_at IS NULL
              FROM unnest($2::uuid[]) AS i (id) JOIN templates t ON t.id = i.id WHERE t.organization_id = $1
            """, r => (Use: new TemplateUse(r.GetGuid(0), r.GetString(1), r.GetString(2), r.GetString(3)), Components: r.Json(4),
                IsApproved: r.GetBoolean(5)), ct, organizationId, variants.Select(v => v.TemplateId).ToArray()))
            .ToDictionary(t => t.Use.TemplateId);
        return [.. variants.Select(v =>
        {
            var (use, components, approved) = templates[v.TemplateId];
            var own = parameters ?? v.TemplateParameters ?? text.Parameters;
            return (text with { Template = use, Components = components, Parameters = own, IsApproved = approved,
                Body = TemplateBody.Prepare(use.Name, use.Language, components, own) }, v.Share);
        })];
    }

    private static CampaignText TextOf(Guid campaignId, NpgsqlDataReader r, JsonElement? parameters)
    {
        var components = r.Json(5);
        return new(campaignId, r.GetGuid(0), new TemplateUse(r.GetGuid(1), r.GetString(2), r.GetString(3), r.GetString(4)),
            TemplateBody.Prepare(r.GetString(2), r.GetString(3), components, parameters), components, parameters, r.GetBoolean(7),
            r.IsDBNull(8) ? null : r.GetGuid(8), CampaignHours.Of(r.IsDBNull(9) ? null : r.Json(9)));
    }

    /// <summary>
    /// Members of a part, in their order; those whose contact is gone come without data. One who became part of another contact since is
    /// that
    /// contact, and what an earlier member of the same person came to is told with them.
    /// </summary>
    public static async Task<List<Member>> MembersAsync(this TenantTransaction transaction, Guid organizationId, Guid campaignId, Part part,
        int max, CancellationToken ct)
    {
        var (from, count) = (part.Next, Math.Min(max, part.Last - part.Next + 1));
        var members = await transaction.QueryAsync(MembersSql,
            r => new Member(r.GetGuid(0), r.TextOrNull(1), r.TextOrNull(2), r.TextOrNull(3),
                new ContactValues(r.TextOrNull(4), r.TextOrNull(5), r.TextOrNull(6), r.TextOrNull(1), r.IsDBNull(7) ? default : r.Json(7)),
                r.GetGuid(8),
                r.GetFieldValue<Guid[]>(9)),
            ct, campaignId, from, from + count, organizationId);
        var queued = await QueuedAsync(transaction, organizationId, campaignId, [.. members.SelectMany(m => m.Earlier).Distinct()], ct);
        var spam = (await transaction.QueryAsync("""
            SELECT s.contact_id FROM bsp.inbox_states s JOIN campaigns c ON c.id = $1 AND c.account_id = s.account_id
             WHERE s.contact_id = ANY ($2) AND s.status = 'spam' AND (s.organization_id = $3) IS TRUE
            """, r => r.GetGuid(0), ct, campaignId, members.Select(m => m.PersonId).Distinct().ToArray(), organizationId)).ToHashSet();
        return members.ConvertAll(m => m with { Earlier = [.. m.Earlier.Where(queued.Contains)], IsSpam = spam.Contains(m.PersonId) });
    }

    // Of these members, those who have the message or may get it; the others were passed over, refused, or have not had their turn.
    private static async Task<HashSet<Guid>> QueuedAsync(TenantTransaction transaction, Guid organizationId, Guid campaignId,
        Guid[] members, CancellationToken ct)
    {
        if (members.Length == 0)
        {
            return [];
        }

        var byMessage = members.ToDictionary(m => Uuid.CampaignMessage(campaignId, m));
        return [.. (await transaction.QueryAsync("""
            SELECT stream_id FROM mt_events WHERE tenant_id = $1 AND stream_id = ANY ($2) AND type IN ('message_queued', 'message_rejected', 'message_cancelled', 'message_accepted')
             GROUP BY stream_id HAVING bool_and(type = 'message_queued') OR bool_or(type = 'message_accepted')
            """, r => r.GetGuid(0), ct, organizationId.ToString(), byMessage.Keys.ToArray())).Select(message => byMessage[message])];
    }
}
