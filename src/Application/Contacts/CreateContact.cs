using Bsp.Application.Common;
using FluentValidation;

namespace Bsp.Application.Contacts;

/// <summary>
/// Adds one contact. Refused with <c>contact.duplicate</c> (naming the existing one) when phone number or user id is taken in the
/// organization.
/// </summary>
/// <param name="Consent">What the person agreed to; null: PENDING.</param>
public sealed record CreateContact(Guid OrganizationId, ContactFields Fields, Consent? Consent) : ICommand;

/// <param name="Status"><c>OPTED_IN</c>, <c>OPTED_OUT</c> or <c>PENDING</c>.</param>
/// <param name="Source">Who says so, ≤ 100 characters.</param>
/// <param name="Proof">What shows it, ≤ 2,000 characters; null when there is none.</param>
public sealed record Consent(string Status, string Source, string? Proof);

public sealed class CreateContactValidator : AbstractValidator<CreateContact>
{
    public CreateContactValidator()
    {
        RuleFor(c => c.Fields).SetValidator(new ContactFieldsValidator()).OverridePropertyName("");
        RuleFor(c => c.Consent!).SetValidator(new ConsentValidator()).When(c => c.Consent is not null).OverridePropertyName("");
    }
}

public sealed class ConsentValidator : AbstractValidator<Consent>
{
    private const int SourceCharactersMax = 100;
    private const int ProofCharactersMax = 2000;

    public ConsentValidator()
    {
        RuleFor(c => c.Status).Must(s => s is not null && Domain.Contacts.Contact.ConsentStatuses.Contains(s))
            .OverridePropertyName("status").WithErrorCode("contact.consent_status_invalid")
            .WithMessage("A consent is OPTED_IN, OPTED_OUT or PENDING.");
        RuleFor(c => c.Source).NotEmpty().MaximumLength(SourceCharactersMax).Must(ContactFieldsValidator.Plain)
            .OverridePropertyName("source").WithErrorCode("contact.consent_source_invalid")
            .WithMessage($"A consent names its source in at most {SourceCharactersMax} characters.");
        RuleFor(c => c.Proof).MaximumLength(ProofCharactersMax).Must(p => p?.Contains('\0') is not true).OverridePropertyName("proof")
            .WithErrorCode("contact.consent_proof_invalid").WithMessage($"A proof has at most {ProofCharactersMax} characters.");
    }
}
