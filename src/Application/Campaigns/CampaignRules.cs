using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using FluentValidation;

namespace Bsp.Application.Campaigns;

internal static class CampaignRules
{
    private const int MetadataBytesMax = 32 * 1024;

    public static void Metadata<T>(this IRuleBuilder<T, JsonElement?> rule) => rule.KeptObject("metadata", MetadataBytesMax);
}

/// <summary>The template, account, lists and contacts that a campaign names: rows outside its own stream.</summary>
public interface ICampaignReferences
{
    /// <summary>All of them exist in this organization and fit together.</summary>
    /// <exception cref="Refusal"><c>template.unknown</c>, <c>account.unknown</c>, <c>list.unknown</c>, <c>contact.unknown</c>,
    /// <c>campaign.template_of_other_account</c>, <c>filter.invalid</c></exception>
    Task RequireAsync(Guid organizationId, CampaignPlan plan, CancellationToken ct);

    /// <summary>
    /// The plan's <c>template_parameters</c> fit its template, if that is approved: another one may still change. Absent ones are judged
    /// when <paramref name="complete"/>, for nothing is sent before.
    /// </summary>
    /// <exception cref="RefusedFields"><c>campaign.template_parameters</c>, each parameter by its name</exception>
    Task RequireParametersAsync(Guid organizationId, CampaignPlan plan, bool complete, CancellationToken ct);

    /// <summary>The template can be sent now (approved) and the account and organization may send.</summary>
    /// <exception cref="Refusal"><c>campaign.template_not_approved</c>, <c>campaign.account_not_connected</c>,
    /// <c>organization.suspended</c></exception>
    /// <exception cref="RefusedFields"><c>campaign.template_parameters</c></exception>
    Task RequireSendableAsync(Guid organizationId, CampaignPlan plan, CancellationToken ct);

    /// <summary>Meta takes what the campaign sends.</summary>
    /// <exception cref="Refusal"><c>campaign.template_not_approved</c></exception>
    Task RequireApprovedAsync(Guid organizationId, CampaignPlan plan, CancellationToken ct);

    /// <summary>The organization's zone (<c>settings.time_zone</c>); UTC where it says none.</summary>
    Task<TimeZoneInfo> ZoneAsync(Guid organizationId, CancellationToken ct);

    /// <summary>How many contacts the segment holds now.</summary>
    Task<int> CountAsync(Guid organizationId, JsonElement segment, CancellationToken ct);
}
