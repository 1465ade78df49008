using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.Contacts;

namespace Bsp.Application.Imports;

/// <summary>One good row: what the file says about a contact. Null and empty: it says nothing, what is known stays.</summary>
/// <param name="Consent">OPTED_IN, OPTED_OUT or PENDING; null when the file does not say.</param>
/// <param name="CustomFields">Merged key by key.</param>
/// <param name="Tags">Added to those there.</param>
public sealed record ImportRow(string? PhoneNumber, string? WaUserId, string? FirstName, string? LastName, string? Email, string? Consent,
    JsonObject CustomFields, IReadOnlyList<string> Tags)
{
    /// <summary>
    /// Why the phone number is none unless a contact has it already: no country has numbers of its length, but Meta may have named it.
    /// Null: it is one.
    /// </summary>
    public string? PhoneDoubt { get; init; }

    /// <summary>What makes two rows the same contact.</summary>
    public string Key => PhoneNumber ?? WaUserId!;

    /// <summary>Rows of one contact add up: what they make together has the bounds of a contact. Null: it has.</summary>
    public RowFault? Fault() =>
        Tags.Count > ContactFieldsValidator.TagsMax
        ? new("tags", $"has with the contact's rows before more than {ContactFieldsValidator.TagsMax} tags")
        : ContactFieldsValidator.CustomFieldFault(JsonSerializer.SerializeToElement(CustomFields)) is { } fault
        ? new(null, $"with the contact's rows before: {fault}")
        : null;

    /// <summary>
    /// The same contact later in the file: the last wins where it says something, and a withdrawn consent stays withdrawn. The same rules
    /// as for contacts that exist.
    /// </summary>
    public ImportRow Then(ImportRow later)
    {
        var fields = CustomFields.DeepClone().AsObject();
        foreach (var (key, value) in later.CustomFields)
        {
            fields[key] = value?.DeepClone();
        }

        return new(PhoneNumber ?? later.PhoneNumber, later.WaUserId ?? WaUserId, later.FirstName ?? FirstName, later.LastName
            ?? LastName, later.Email ?? Email,
            Consent == "OPTED_OUT" || later.Consent is null or "PENDING" && Consent is not null ? Consent
            : later.Consent, fields, [.. Tags.Union(later.Tags)]);
    }
}

/// <param name="Column">Null: the row as a whole.</param>
public sealed record RowFault(string? Column, string Reason);
