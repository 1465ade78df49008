using System.Text.Json;
using Bsp.Application.Common;
using FluentValidation;

namespace Bsp.Application.Contacts;

/// <summary>What a client may write into a contact.</summary>
/// <param name="PhoneNumber">E.164 or anything that normalizes to it; null when only <paramref name="WaUserId"/> is known.</param>
/// <param name="WaUserId">WhatsApp's business-scoped user id.</param>
/// <param name="CustomFields">A flat object of texts, numbers and booleans: ≤ 50 keys, ≤ 8 KB as stored.</param>
/// <param name="Tags">≤ 50, each ≤ 64 characters.</param>
public sealed record ContactFields(string? PhoneNumber, string? WaUserId, string? FirstName, string? LastName, string? Email,
    JsonElement CustomFields, IReadOnlyList<string> Tags)
{
    /// <summary>Nothing known.</summary>
    public static readonly ContactFields Empty = new(null, null, null, null, null, JsonSerializer.SerializeToElement(new { }), []);

    /// <summary>As it is stored: texts trimmed and null when empty, tags trimmed and each once.</summary>
    /// <param name="phone">The phone number in E.164, as it was read by the organization's default country; null: none.</param>
    public ContactFields Normalized(string? phone) => this with
    {
        PhoneNumber = phone,
        WaUserId = Tidy(WaUserId),
        FirstName = Tidy(FirstName),
        LastName = Tidy(LastName),
        Email = Tidy(Email),
        Tags = [.. Tags.Select(tag => tag.Trim()).Distinct()],
    };

    private static string? Tidy(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}

/// <summary>Bounds of a contact. Each failure names the field in snake_case as the client wrote it.</summary>
public sealed class ContactFieldsValidator : AbstractValidator<ContactFields>
{
    /// <summary>Keys of custom_fields.</summary>
    public const int CustomFieldsMax = 50;

    /// <summary>Bytes of custom_fields, as stored.</summary>
    public const int CustomFieldsBytesMax = 8 * 1024;

    /// <summary>Tags of a contact.</summary>
    public const int TagsMax = 50;

    /// <summary>Characters of a name.</summary>
    public const int NameCharactersMax = 200;

    private const int KeyCharactersMax = 64;
    private const int EmailCharactersMax = 254; // RFC 5321 §4.5.3.1.3
    // two letters, a dot, up to 128 characters, Meta's BSUID; the parent form is a little longer
    private const int WaUserIdCharactersMax = 140;

    public ContactFieldsValidator() : this(phoneIsRead: false)
    {
    }

    /// <param name="phoneIsRead">The phone number was read already, and is not judged here.</param>
    public ContactFieldsValidator(bool phoneIsRead)
    {
        // Digits without a country code are judged by who knows the organization's default country.
        RuleFor(c => c.PhoneNumber).Custom((phone, context) =>
        {
            if (!phoneIsRead && !string.IsNullOrWhiteSpace(phone)
                && E164.Read(phone, null) is { E164: null, IsBare: false, Fault: { } fault })
            {
                context.AddFailure(PhoneFault(phone, fault));
            }
        });
        RuleFor(c => c.PhoneNumber).NotEmpty().When(c => string.IsNullOrWhiteSpace(c.WaUserId)).OverridePropertyName("phone_number")
            .WithErrorCode("contact.identity_missing").WithMessage("A contact needs a phone_number or a wa_user_id.");
        RuleFor(c => c.WaUserId).MaximumLength(WaUserIdCharactersMax).Must(Plain).OverridePropertyName("wa_user_id")
            .WithErrorCode("contact.wa_user_id_invalid").WithMessage("A wa_user_id is a short text such as US.13491208655302741918.");
        RuleFor(c => c.FirstName).MaximumLength(NameCharactersMax).Must(Plain).OverridePropertyName("first_name")
            .WithErrorCode("contact.name_invalid")
            .WithMessage($"A name has at most {NameCharactersMax} characters and no control characters.");
        RuleFor(c => c.LastName).MaximumLength(NameCharactersMax).Must(Plain).OverridePropertyName("last_name")
            .WithErrorCode("contact.name_invalid")
            .WithMessage($"A name has at most {NameCharactersMax} characters and no control characters.");
        RuleFor(c => c.Email).Must(IsEmail).When(c => !string.IsNullOrWhiteSpace(c.Email)).OverridePropertyName("email")
            .WithErrorCode("contact.email_invalid").WithMessage("'{PropertyValue}' is no e-mail address.");
        RuleFor(c => c.CustomFields).Custom((fields, context) =>
        {
            if (CustomFieldFault(fields) is { } fault)
            {
                context.AddFailure(new FluentValidation.Results.ValidationFailure("custom_fields",
                    fault) { ErrorCode = "contact.custom_fields_invalid" });
            }
        });
        RuleFor(c => c.Tags).Must(tags => tags.Count <= TagsMax).OverridePropertyName("tags").WithErrorCode("contact.tags_invalid")
            .WithMessage($"A contact has at most {TagsMax} tags.");
        RuleFor(c => c.Tags).Must(tags => tags.All(tag => !string.IsNullOrWhiteSpace(tag) && tag.Length <= KeyCharactersMax && Plain(tag)))
            .OverridePropertyName("tags")
            .WithErrorCode("contact.tags_invalid").WithMessage($"A tag has 1 to {KeyCharactersMax} characters.");
    }

    /// <summary>That a phone number was refused, and why.</summary>
    public static FluentValidation.Results.ValidationFailure PhoneFault(string written, string fault) =>
        new("phone_number",
            $"'{Domain.Common.Text.Cut(written, 60)}' {fault}{(fault.Contains("+4915112345678", StringComparison.Ordinal) ? "" : " (E.164, like +4915112345678)")}.") { ErrorCode = "contact.phone_number_invalid" };

    /// <summary>What is wrong with custom_fields; null when nothing is.</summary>
    public static string? CustomFieldFault(JsonElement fields)
    {
        if (fields.ValueKind != JsonValueKind.Object)
        {
            return "custom_fields is an object.";
        }

        if (KeptJson.Fault(fields, CustomFieldsBytesMax) is { } kept)
        {
            return $"custom_fields {kept.For("")}";
        }

        var members = fields.EnumerateObject().ToList();
        if (members.Count > CustomFieldsMax)
        {
            return $"custom_fields has at most {CustomFieldsMax} keys.";
        }

        if (members.Find(m =>
            m.Value.ValueKind is JsonValueKind.Object or JsonValueKind.Array) is { Value.ValueKind: not JsonValueKind.Undefined } nested)
        {
            return $"custom_fields is flat: '{nested.Name}' is a text, a number, a boolean or null.";
        }

        return members.Any(m => m.Name.Length is 0 or > KeyCharactersMax || !Plain(m.Name))
            ? $"A key of custom_fields has 1 to {KeyCharactersMax} characters and no control characters." : null;
    }

    /// <summary>One '@' between something and a host; more only the recipient's server knows.</summary>
    public static bool IsEmail(string? email)
    {
        var text = email?.Trim();
        if (text is not { Length: > 2 and <= EmailCharactersMax } || !Plain(text) || text.Any(char.IsWhiteSpace))
        {
            return false;
        }

        var at = text.IndexOf('@');
        return at > 0 && at == text.LastIndexOf('@') && at < text.Length - 1 && text[^1] != '.' && text[at + 1] != '.';
    }

    /// <summary>Without control characters and half characters.</summary>
    public static bool Plain(string? text) => text is null || (!text.Any(char.IsControl) && KeptJson.TextFault(text) is null);
}
