using System.Text.Json;
using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.Subscriptions;
using Bsp.Application.Templates;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <inheritdoc cref="ICampaignReferences"/>
public sealed class CampaignReferences(Shards shards, ISubscriptionGate subscriptions) : ICampaignReferences
{
    private const string ParametersField = "metadata.template_parameters";

    public async Task RequireAsync(Guid organizationId, CampaignPlan plan, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var wanted = Texts(plan).Select(t => t.TemplateId).Append(plan.TemplateId).Distinct().ToArray();
        var templates = await shard.QueryAsync(organizationId,
            "SELECT account_id, category FROM templates WHERE organization_id = $1 AND id = ANY ($2) AND deleted_at IS NULL",
            r => (Account: r.GetGuid(0), Category: r.GetString(1)), ct, organizationId, wanted);
        if (templates.Count < wanted.Length)
        {
            throw new Refusal("template.unknown", "There is no such template.");
        }

        if (await CountAsync(shard, organizationId, "SELECT count(*)::int FROM whatsapp_accounts WHERE organization_id = $1 AND id = $2",
            plan.AccountId, ct) == 0)
        {
            throw new Refusal("account.unknown", "There is no such account.");
        }

        if (templates.Any(t => t.Account != plan.AccountId))
        {
            throw new Refusal("campaign.template_of_other_account",
                "The template belongs to another account than the one that is to send.");
        }

        if (templates.DistinctBy(t => t.Category).Count() > 1)
        {
            throw new Refusal("campaign.variants_of_several_categories",
                $"Variants are of one category; these are {string.Join(" and ", templates.Select(t => t.Category).Distinct().Order())}.");
        }

        await RequireTriggerAsync(shard, organizationId, plan.Options?.Trigger, ct);
        var only = plan.AudienceSegment.EnumerateObject().First();
        if (only.Name == AudienceSegment.Retry)
        {
            if (plan.Options?.RetryOf is null)
            {
                throw new Refusal("campaign.audience_fixed", "Only POST …/retry makes a campaign with the audience retry.");
            }

            return;
        }

        var table = only.Name switch { "list_ids" => "contact_lists", "contact_ids" => "contacts", _ => null };
        if (table is null)
        {
            await AudienceSql.OfAsync(shard, organizationId, plan.AudienceSegment, ct);
            return;
        }

        var ids = AudienceSql.Ids(only.Value);
        if (await CountAsync(shard, organizationId, $"SELECT count(*)::int FROM {table} WHERE organization_id = $1 AND id = ANY ($2)", ids,
            ct) != ids.Length)
        {
            throw new Refusal(table == "contacts" ? "contact.unknown"
                : "list.unknown", $"audience_segment.{only.Name} names something that does not exist here.");
        }
    }

    private static async Task RequireTriggerAsync(Shard shard, Guid organizationId, CampaignTrigger? trigger, CancellationToken ct)
    {
        if (trigger?.ListId is { } list)
        {
            var found = await shard.QueryAsync(organizationId,
                "SELECT filters IS NULL FROM contact_lists WHERE organization_id = $1 AND id = $2",
                r => r.GetBoolean(0), ct, organizationId, list);
            if (found.Count == 0)
            {
                throw new Refusal("list.unknown", "trigger.list_id names something that does not exist here.");
            }

            if (!found[0])
            {
                throw new Refusal("list.filtered", "Nobody joins a filtered list: trigger.list_id must name one that is kept by hand.");
            }
        }
    }

    public async Task RequireSendableAsync(Guid organizationId, CampaignPlan plan, CancellationToken ct)
    {
        await RequireAsync(organizationId, plan, ct);
        var shard = await shards.OfAsync(organizationId, ct);
        var found = await shard.QueryAsync(organizationId, """
            SELECT t.status, a.status, o.status FROM templates t JOIN whatsapp_accounts a ON a.id = t.account_id
              JOIN organizations o ON o.id = t.organization_id WHERE t.organization_id = $1 AND t.id = ANY ($2) ORDER BY t.status = 'APPROVED'
            """, r => (Template: r.GetString(0), Account: r.GetString(1), Organization: r.GetString(2)), ct, organizationId,
            Texts(plan).Select(t => t.TemplateId).ToArray());
        var (template, account, organization) = found[0]; // one that is not approved comes first
        if (organization != "active")
        {
            throw new Refusal("organization.suspended", "The organization is not active: it can read, but nothing is sent.");
        }

        await subscriptions.RequireMaySendAsync(organizationId, ct);
        if (account != "CONNECTED")
        {
            throw new Refusal("campaign.account_not_connected", $"The account is {account}: connect it first.");
        }

        RequireApproved(template);
        await RequireParametersAsync(organizationId, plan, complete: true, ct);
    }

    public async Task RequireApprovedAsync(Guid organizationId, CampaignPlan plan, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        RequireApproved(await shard.FirstAsync(organizationId, """
            SELECT CASE WHEN t.deleted_at IS NULL THEN t.status ELSE 'deleted' END FROM templates t
             WHERE t.organization_id = $1 AND t.id = ANY ($2)
             ORDER BY t.status = 'APPROVED' AND t.deleted_at IS NULL LIMIT 1
            """, r => r.GetString(0), ct, organizationId, Texts(plan).Select(t => t.TemplateId).ToArray()) ?? "deleted");
    }

    private static void RequireApproved(string status)
    {
        if (status != "APPROVED")
        {
            throw new Refusal("campaign.template_not_approved", $"The template is {status}; only an approved one can be sent.");
        }
    }

    public async Task RequireParametersAsync(Guid organizationId, CampaignPlan plan, bool complete, CancellationToken ct)
    {
        var texts = Texts(plan).Where(t => complete || t.Parameters is not null).ToList();
        if (texts.Count == 0)
        {
            return;
        }

        var shard = await shards.OfAsync(organizationId, ct);
        var approved = (await shard.QueryAsync(organizationId,
            "SELECT id, components FROM templates WHERE organization_id = $1 AND id = ANY ($2) AND status = 'APPROVED'",
            r => (Id: r.GetGuid(0), Components: r.Json(1)), ct, organizationId, texts.Select(t => t.TemplateId).ToArray()))
            .ToDictionary(t => t.Id, t => t.Components);
        foreach (var (template, parameters, field) in texts.Where(t => approved.ContainsKey(t.TemplateId)))
        {
            if (TemplateBody.FaultsOf(approved[template], parameters) is { Count: > 0 } faults)
            {
                var lacking = string.Join(", ", faults.Keys.Select(f => f.Length == 0 ? "all" : f));
                throw new RefusedFields("campaign.template_parameters",
                    $"{field} does not give what the template needs ({lacking}): see errors.",
                    faults.ToDictionary(f => f.Key.Length == 0 ? field : $"{field}.{f.Key}", f => f.Value));
            }
        }
    }

    // What is sent: the campaign's template, or its variants, with the parameters that fill it and where these stand.
    private static IEnumerable<(Guid TemplateId, JsonElement? Parameters, string Field)> Texts(CampaignPlan plan)
    {
        JsonElement? common = plan.Metadata is { ValueKind: JsonValueKind.Object } metadata
            && metadata.TryGetProperty("template_parameters", out var given) && given.ValueKind != JsonValueKind.Null ? given : null;
        return plan.Options?.Variants is not { } variants ? [(plan.TemplateId, common, ParametersField)]
            : variants.Select((v, i) => v.TemplateParameters is { } own ? (v.TemplateId, own, $"variants.{i}.template_parameters")
                : (v.TemplateId, common, ParametersField));
    }

    public async Task<TimeZoneInfo> ZoneAsync(Guid organizationId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        return RecipientZones.Find(await shard.FirstAsync(organizationId,
            "SELECT settings ->> 'time_zone' FROM organizations WHERE id = $1",
            r => r.TextOrNull(0), ct, organizationId)) ?? TimeZoneInfo.Utc;
    }

    public async Task<int> CountAsync(Guid organizationId, JsonElement segment, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var audience = await AudienceSql.OfAsync(shard, organizationId, segment, ct);
        var rows = await shard.QueryAsync(organizationId,
            $"SELECT count(*)::int FROM contacts c WHERE c.organization_id = $1 AND {ContactRows.InOrder} AND ({audience.Condition})", r =>
                r.GetInt32(0), ct, [organizationId, .. audience.Arguments]);
        return rows[0];
    }

    private static async Task<int> CountAsync(Shard shard, Guid organizationId, string sql, object argument, CancellationToken ct) =>
        (await shard.QueryAsync(organizationId, sql, r => r.GetInt32(0), ct, organizationId, argument))[0];
}
