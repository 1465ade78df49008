using System.Text.Json;
using Bsp.Application.Common;
using FluentValidation;

namespace Bsp.Application.Organizations;

/// <summary>Begins an organization. The slug's first letter chooses its shard for good.</summary>
/// <param name="OrganizationId">The new id.</param>
/// <param name="Slug">3–60 of a–z, 0–9 and '-', unique everywhere, never changed.</param>
/// <param name="Settings">A JSON object; null: empty.</param>
/// <exception cref="Domain.Common.Refusal"><c>organization.slug_taken</c></exception>
public sealed record CreateOrganization(Guid OrganizationId, string Name, string Slug, string? LogoUrl, string? MetaBusinessId,
    string? MetaAccessToken, string? WebhookVerifyToken, JsonElement? Settings) : ICommand;

public sealed class CreateOrganizationValidator : AbstractValidator<CreateOrganization>
{
    public CreateOrganizationValidator()
    {
        RuleFor(c => c.Name).NotEmpty().MaximumLength(200);
        RuleFor(c => c.Slug).NotEmpty().Matches(@"^[a-z0-9](?:[a-z0-9-]{1,58})[a-z0-9]\z")
            .WithMessage("must be 3–60 of a–z, 0–9 and '-', and neither begin nor end with '-'.");
        RuleFor(c => c.LogoUrl).WebAddress();
        RuleFor(c => c.MetaBusinessId).MaximumLength(64);
        RuleFor(c => c.MetaAccessToken).MaximumLength(1_000).HeaderSecret();
        RuleFor(c => c.WebhookVerifyToken).MaximumLength(200).SharedSecret();
        RuleFor(c => c.Settings).KeptObject("settings");
        RuleFor(c => c.Settings).Must(Rules.HasCountry).OverridePropertyName("settings.default_country")
            .WithErrorCode("organization.default_country_invalid")
            .WithMessage(
                "must be a country's two letters in upper case (ISO 3166-1), such as IN: whose phone numbers may be written without country code.");
        RuleFor(c => c.Settings).Must(Rules.HasLowBalance).OverridePropertyName("settings.low_balance")
            .WithMessage("must name a decimal string for each currency (ISO 4217), such as {\"USD\":\"10.00\"}.");
    }
}
