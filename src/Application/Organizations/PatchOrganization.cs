using System.Text.Json;
using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using FluentValidation;

namespace Bsp.Application.Organizations;

/// <summary>Changes what a merge patch names; settings merge, they are not replaced.</summary>
/// <param name="MetaAppSecret">Of the organization's own Meta app; verifies webhooks at <c>/webhooks/meta/{organization_id}</c>. Null: it
/// has none.</param>
/// <param name="SeenVersion">If-Match; null: whatever is stored.</param>
/// <exception cref="Domain.Common.Refusal"><c>organization.unknown</c></exception>
public sealed record PatchOrganization(Guid OrganizationId, Optional<string> Name, Optional<string?> LogoUrl,
    Optional<string?> MetaBusinessId, Optional<string?> MetaAccessToken,
    Optional<string?> WebhookVerifyToken, Optional<string?> MetaAppSecret, Optional<JsonElement?> Settings, long? SeenVersion) : ICommandOn
{
    public Guid Id => OrganizationId;
}

public sealed class PatchOrganizationValidator : AbstractValidator<PatchOrganization>
{
    public PatchOrganizationValidator()
    {
        RuleFor(c => c.Name.Value).NotEmpty().MaximumLength(200).When(c => c.Name.IsSet).OverridePropertyName("name");
        RuleFor(c => c.LogoUrl.Value).WebAddress().OverridePropertyName("logo_url");
        RuleFor(c => c.MetaBusinessId.Value).MaximumLength(64).OverridePropertyName("meta_business_id");
        RuleFor(c => c.MetaAccessToken.Value).MaximumLength(1_000).HeaderSecret().OverridePropertyName("meta_access_token");
        RuleFor(c => c.WebhookVerifyToken.Value).MaximumLength(200).SharedSecret().OverridePropertyName("webhook_verify_token");
        RuleFor(c => c.MetaAppSecret.Value).MaximumLength(200).SharedSecret().OverridePropertyName("meta_app_secret");
        RuleFor(c => c.Settings.Value).KeptObject("settings");
        RuleFor(c => c.Settings.Value).Must(Rules.HasCountry).OverridePropertyName("settings.default_country")
            .WithErrorCode("organization.default_country_invalid")
            .WithMessage(
                "must be a country's two letters in upper case (ISO 3166-1), such as IN: whose phone numbers may be written without country code.");
        RuleFor(c => c.Settings.Value).Custom((settings, context) =>
            CampaignSettings.Faults(settings).ForEach(context.AddFailure));
        RuleFor(c => c.Settings.Value).Must(Rules.HasLowBalance).OverridePropertyName("settings.low_balance")
            .WithMessage("must name a decimal string for each currency (ISO 4217), such as {\"USD\":\"10.00\"}.");
    }
}

/// <summary>
/// Suspends (it reads but sends nothing), deactivates (nobody of it gets in) or activates an organization; asking twice changes nothing.
/// Seen everywhere within a second.
/// </summary>
/// <param name="Status"><c>active</c>, <c>suspended</c> or <c>inactive</c>.</param>
/// <exception cref="Domain.Common.Refusal"><c>organization.unknown</c></exception>
public sealed record SetOrganizationStatus(Guid OrganizationId, string Status, long? SeenVersion) : ICommandOn
{
    public Guid Id => OrganizationId;
}

public sealed class SetOrganizationStatusValidator : AbstractValidator<SetOrganizationStatus>
{
    public SetOrganizationStatusValidator() => RuleFor(c => c.Status).Must(status => status is "active" or "suspended" or "inactive");
}
