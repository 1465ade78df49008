using System.Text.Json;
using Bsp.Application.Common;
using FluentValidation;

namespace Bsp.Application.Contacts;

/// <summary>
/// Changes a contact by a JSON merge patch (RFC 7396) over phone_number, wa_user_id, first_name, last_name, email, custom_fields and tags.
/// </summary>
/// <param name="SeenVersion">If-Match; null patches whatever is stored.</param>
public sealed record PatchContact(Guid OrganizationId, Guid ContactId, JsonElement Patch, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => ContactId;
}

public sealed class PatchContactValidator : AbstractValidator<PatchContact>
{
    private static readonly string[] Known = ["phone_number", "wa_user_id", "first_name", "last_name", "email", "custom_fields", "tags"];

    public PatchContactValidator() => RuleFor(p => p.Patch).Custom((patch, context) =>
    {
        if (patch.ValueKind != JsonValueKind.Object)
        {
            context.AddFailure(new FluentValidation.Results.ValidationFailure("",
                "A merge patch is a JSON object.") { ErrorCode = "request.malformed" });
            return;
        }

        foreach (var name in patch.EnumerateObject().Select(p => p.Name).Where(name => !Known.Contains(name)))
        {
            context.AddFailure(new FluentValidation.Results.ValidationFailure(name, name == "consent_status"
                ? "Consent is changed by POST /v1/contacts/{id}/consent."
                : $"'{name}' cannot be changed.") { ErrorCode = "request.unknown_field" });
        }
    });
}

/// <summary>
/// Removes a contact and its list memberships. Its streams and messages stay, and <see cref="EraseContact"/> still reaches them. Refused
/// with <c>contact.unknown</c>.
/// </summary>
/// <param name="SeenVersion">If-Match; null removes whatever is stored.</param>
public sealed record DeleteContact(Guid OrganizationId, Guid ContactId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => ContactId;
}

/// <summary>
/// Records what a person agreed to, as an event with source and proof; the contact's row shows it in the same transaction.
/// </summary>
public sealed record ChangeContactConsent(Guid OrganizationId, Guid ContactId, Consent Consent) : ICommandOn
{
    /// <summary>
    /// The proof names one piece of news (a message, a webhook), which counts once: told again after a later word, it changes nothing.
    /// </summary>
    public bool Once { get; init; }

    Guid ICommandOn.Id => ContactId;
}

public sealed class ChangeContactConsentValidator : AbstractValidator<ChangeContactConsent>
{
    public ChangeContactConsentValidator() => RuleFor(c => c.Consent).SetValidator(new ConsentValidator()).OverridePropertyName("");
}
