using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Contacts;

/// <summary>A contact as the specification's table shows it.</summary>
/// <param name="RowVersion">ETag.</param>
public sealed record ContactView(Guid Id, Guid OrganizationId, string? PhoneNumber, string? WaUserId, string? FirstName, string? LastName,
    string? Email,
    JsonElement CustomFields, IReadOnlyList<string> Tags, string ConsentStatus, DateTimeOffset? ConsentUpdatedAt,
    DateTimeOffset? LastInteraction,
    int TotalMessagesReceived, int TotalMessagesSent, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt,
    [property: JsonIgnore] long RowVersion);

/// <summary>One contact; refused with <c>contact.unknown</c> when the organization has none with this id.</summary>
public sealed record GetContact(Guid OrganizationId, Guid ContactId) : IRequest<ContactView>;

/// <summary>
/// Contacts in the order of their ids (oldest first); where the beginning of a number is asked for, in the order of numbers.
/// </summary>
/// <param name="Q">Part of first name, last name or e-mail; a text of digits looks for phone numbers beginning so. Null: no matter.</param>
/// <param name="Phone">Beginning of the phone number, with country code.</param>
/// <param name="Tag">Has exactly this tag.</param>
/// <param name="Limit">1–200.</param>
/// <param name="Cursor">Id (by number: number) of the last contact of the page before; null: from the start.</param>
public sealed record ListContacts(Guid OrganizationId, string? Q, string? Phone, string? Tag, string? Consent, int Limit, string? Cursor)
    : IRequest<Page<ContactView>>
{
    /// <summary>
    /// Exactly this number, in any spelling; answered from the cache <c>contact:{phone_number}</c> when nothing else is asked. Null: no
    /// matter.
    /// </summary>
    public string? PhoneNumber { get; init; }

    /// <summary>Exactly this address, whatever the case. Null: no matter.</summary>
    public string? Email { get; init; }

    /// <summary>Custom fields with exactly these values; numbers and booleans are found by their text.</summary>
    public IReadOnlyDictionary<string, string> Custom { get; init; } = new Dictionary<string, string>();
}

public sealed class ListContactsValidator : AbstractValidator<ListContacts>
{
    private const int CustomMax = 5;

    public ListContactsValidator()
    {
        RuleFor(l => l.Limit).InclusiveBetween(1, 200).OverridePropertyName("limit");
        RuleFor(l => l.Q).MaximumLength(100).Must(ContactFieldsValidator.Plain).OverridePropertyName("q");
        RuleFor(l => l.Phone).MaximumLength(60).Must(ContactFieldsValidator.Plain).OverridePropertyName("phone");
        RuleFor(l => l.Phone).Custom((phone, context) =>
        {
            if (phone is not null && E164.Digits(phone) is { Digits: null, Fault: { } fault } && phone.Trim().TrimStart('+').Length > 0)
            {
                context.AddFailure(new FluentValidation.Results.ValidationFailure("phone",
                    $"'{Domain.Common.Text.Cut(phone, 60)}' {fault}.") { ErrorCode = "contact.phone_number_invalid" });
            }
        });
        RuleFor(l => l.Tag).MaximumLength(64).Must(ContactFieldsValidator.Plain).OverridePropertyName("tag");
        // A number that no country has may be one that Meta named: whether somebody here has it, only the search knows.
        RuleFor(l => l.PhoneNumber).Custom((phone, context) =>
        {
            if (phone is not null && E164.Read(phone, null) is { E164: null, Written: null, IsBare: false, Fault: { } fault })
            {
                context.AddFailure(ContactFieldsValidator.PhoneFault(phone, fault));
            }
        });
        RuleFor(l => l.Email).MaximumLength(254).Must(ContactFieldsValidator.Plain).OverridePropertyName("email");
        RuleFor(l => l.Custom)
            .Must(c => c.Count <= CustomMax
                && c.All(p => p.Key.Length is > 0 and <= 64 && p.Value.Length <= 500 && ContactFieldsValidator.Plain(p.Key)
                    && !p.Value.Contains('\0'))).OverridePropertyName("custom")
            .WithMessage($"At most {CustomMax} custom fields, as custom.<key>=<value>.");
        RuleFor(l => l.Consent).Must(c => c is null || Domain.Contacts.Contact.ConsentStatuses.Contains(c)).OverridePropertyName("consent")
            .WithMessage("consent is OPTED_IN, OPTED_OUT or PENDING.");
        RuleFor(l => l.Cursor).Must(c => c is null || Guid.TryParse(c, out _) || (c.StartsWith('+') && E164.OfMeta(c) is not null))
            .OverridePropertyName("cursor").WithErrorCode("request.cursor_invalid").WithMessage("This cursor is none of ours.");
    }
}
