using Bsp.Application.Templates;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>What a page of a campaign is made of.</summary>
internal static class DispatchSql
{
    /// <summary>The template with the campaign's parameters; null when the campaign is gone.</summary>
    public static async Task<CampaignText?> TextAsync(this TenantTransaction transaction, Guid organizationId, Guid campaignId, CancellationToken ct) =>
        (await transaction.QueryAsync("""
            SELECT c.account_id, t.id, t.name, t.language, t.category, t.components, c.metadata -> 'template_parameters'
              FROM campaigns c JOIN templates t ON t.id = c.template_id WHERE c.organization_id = $1 AND c.id = $2
            """,
            r => new CampaignText(campaignId, r.GetGuid(0), new TemplateUse(r.GetGuid(1), r.GetString(2), r.GetString(3), r.GetString(4)),
                TemplateBody.Prepare(r.GetString(2), r.GetString(3), r.Json(5), r.IsDBNull(6) ? null : r.Json(6))),
            ct, organizationId, campaignId)).FirstOrDefault();

    /// <summary>Members from an ordinal on; those whose contact is gone come without data. One who became part of another contact since is that contact, unless it is in the audience itself, or for an earlier member.</summary>
    public static Task<List<Member>> MembersAsync(this TenantTransaction transaction, Guid organizationId, Guid campaignId, int from, int count, CancellationToken ct) =>
        transaction.QueryAsync("""
            SELECT a.contact_id, c.phone_number, c.wa_user_id, c.consent_status, c.first_name, c.last_name, c.email, c.custom_fields, a.person
              FROM (
                SELECT a.contact_id, a.ordinal, coalesce(x.into_id, a.contact_id) AS person
                  FROM bsp.campaign_audience a
                  LEFT JOIN bsp.contact_aliases x ON x.contact_id = a.contact_id AND NOT EXISTS (
                    SELECT FROM bsp.campaign_audience o WHERE o.campaign_id = a.campaign_id AND o.contact_id <> a.contact_id AND (o.contact_id = x.into_id
                      OR o.ordinal < a.ordinal AND o.contact_id IN (SELECT y.contact_id FROM bsp.contact_aliases y WHERE y.into_id = x.into_id)))
                 WHERE a.campaign_id = $1 AND a.organization_id = $4 AND a.ordinal >= $2 AND a.ordinal < $3 OFFSET 0) a
              LEFT JOIN contacts c ON c.id = a.person ORDER BY a.ordinal
            """,
            r => new Member(r.GetGuid(0), r.TextOrNull(1), r.TextOrNull(2), r.TextOrNull(3), new ContactValues(r.TextOrNull(4), r.TextOrNull(5), r.TextOrNull(6), r.TextOrNull(1), r.IsDBNull(7) ? default : r.Json(7)), r.GetGuid(8)),
            ct, campaignId, from, from + count, organizationId);
}
