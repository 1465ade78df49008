using Bsp.Application.Common;
using FluentValidation;

namespace Bsp.Application.Contacts;

/// <summary>
/// Makes two contacts one: <paramref name="With"/> becomes part of <paramref name="ContactId"/>, whose word stands where both say
/// something. The other id keeps answering as this one.
/// Merged already: nothing happens. Refused with <c>contact.unknown</c>.
/// </summary>
/// <param name="Source"><c>api</c>, or what showed that they are one person.</param>
public sealed record MergeContacts(Guid OrganizationId, Guid ContactId, Guid With, string Source) : ICommandOn
{
    Guid ICommandOn.Id => ContactId;
}

public sealed class MergeContactsValidator : AbstractValidator<MergeContacts>
{
    public MergeContactsValidator() =>
        RuleFor(m => m.With).NotEmpty().NotEqual(m => m.ContactId).OverridePropertyName("with").WithErrorCode("contact.merge_invalid")
        .WithMessage("Name another contact to merge with.");
}
