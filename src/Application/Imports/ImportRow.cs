using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.Contacts;
using Bsp.Domain.Common;

namespace Bsp.Application.Imports;

/// <summary>One good row: what the file says about a contact. Null and empty: it says nothing, what is known stays.</summary>
/// <param name="Consent">OPTED_IN, OPTED_OUT or PENDING; null when the file does not say.</param>
/// <param name="CustomFields">Merged key by key.</param>
/// <param name="Tags">Added to those there.</param>
public sealed record ImportRow(string? PhoneNumber, string? WaUserId, string? FirstName, string? LastName, string? Email, string? Consent, JsonObject CustomFields, IReadOnlyList<string> Tags)
{
    /// <summary>What makes two rows the same contact.</summary>
    public string Key => PhoneNumber ?? WaUserId!;

    /// <summary>The same contact later in the file: the last wins where it says something, and a withdrawn consent stays withdrawn. The same rules as for contacts that exist.</summary>
    public ImportRow Then(ImportRow later)
    {
        var fields = CustomFields.DeepClone().AsObject();
        foreach (var (key, value) in later.CustomFields)
        {
            fields[key] = value?.DeepClone();
        }

        return new(PhoneNumber ?? later.PhoneNumber, later.WaUserId ?? WaUserId, later.FirstName ?? FirstName, later.LastName ?? LastName, later.Email ?? Email,
            Consent == "OPTED_OUT" || later.Consent is null or "PENDING" && Consent is not null ? Consent : later.Consent, fields, [.. Tags.Union(later.Tags)]);
    }
}

/// <param name="Column">Null: the row as a whole.</param>
public sealed record RowFault(string? Column, string Reason);

/// <summary>The header of a file: which column means what.</summary>
public sealed class ImportColumns
{
    private const string CustomPrefix = "custom.";
    private const int ColumnsMax = 200;
    private static readonly string[] Known = ["phone_number", "wa_user_id", "first_name", "last_name", "email", "consent_status", "tags"];

    private ImportColumns(IReadOnlyList<string> names) => Names = names;

    /// <summary>Tidied names in the file's order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Reads a header line. Names are trimmed and compared without case (custom field keys keep theirs).</summary>
    /// <exception cref="Refusal"><c>import.header_missing</c>, <c>import.header_unknown_column</c>, <c>import.header_duplicate_column</c>, <c>import.header_missing_identity</c></exception>
    public static ImportColumns Read(IReadOnlyList<string> header)
    {
        var names = header.Select(Tidy).ToList();
        if (names.Count > ColumnsMax)
        {
            throw new Refusal("import.header_unknown_column", $"A file has at most {ColumnsMax} columns.");
        }

        if (!names.Intersect(["phone_number", "wa_user_id"]).Any())
        {
            throw new Refusal("import.header_missing_identity", "Line 1 must be a header naming a column phone_number (or wa_user_id). Known columns: phone_number, wa_user_id, first_name, last_name, email, consent_status, tags, custom.<key>.");
        }

        foreach (var name in names.Where(name => !Known.Contains(name) && !(name.StartsWith(CustomPrefix, StringComparison.Ordinal) && name.Length > CustomPrefix.Length && name.Length <= CustomPrefix.Length + 64)))
        {
            throw new Refusal("import.header_unknown_column", $"Line 1: there is no column '{Shorten(name)}'. Known columns: {string.Join(", ", Known)}, custom.<key>.");
        }

        return names.GroupBy(n => n).FirstOrDefault(g => g.Count() > 1) is { Key: var twice }
            ? throw new Refusal("import.header_duplicate_column", $"Line 1 names the column '{twice}' twice.")
            : new(names);
    }

    /// <summary>A header read before.</summary>
    public static ImportColumns Of(IReadOnlyList<string> names) => new(names);

    /// <summary>Checks one row. Exactly one of the two is null.</summary>
    public (ImportRow? Row, RowFault? Fault) Check(IReadOnlyList<string> fields)
    {
        if (fields.Count != Names.Count)
        {
            return (null, new(null, string.Create(CultureInfo.InvariantCulture, $"has {fields.Count} columns, the header {Names.Count}")));
        }

        if (fields.Any(f => f.Contains('\uFFFD')))
        {
            return (null, new(Names[fields.ToList().FindIndex(f => f.Contains('\uFFFD'))], "is not valid UTF-8"));
        }

        return Build(fields);
    }

    private (ImportRow?, RowFault?) Build(IReadOnlyList<string> fields)
    {
        var row = new ImportRow(null, null, null, null, null, null, [], []);
        for (var i = 0; i < Names.Count; i++)
        {
            var text = fields[i].Trim();
            if (text.Length == 0)
            {
                continue;
            }

            // Reading a phone number is most of a row's time: once.
            if (Names[i] == "phone_number" && ContactPhone.TryNormalize(text, out var e164))
            {
                row = row with { PhoneNumber = e164 };
                continue;
            }

            if (Fault(Names[i], text) is { } reason)
            {
                return (null, new(Names[i], reason));
            }

            row = With(row, Names[i], text);
        }

        return row switch
        {
            { PhoneNumber: null, WaUserId: null } => (null, new("phone_number", "is empty, and so is wa_user_id")),
            { Tags.Count: > ContactFieldsValidator.TagsMax } => (null, new("tags", $"has more than {ContactFieldsValidator.TagsMax} tags")),
            _ when ContactFieldsValidator.CustomFieldFault(JsonSerializer.SerializeToElement(row.CustomFields)) is { } fault => (null, new(null, fault)),
            _ => (row, null),
        };
    }

    private static string? Fault(string column, string text) => column switch
    {
        _ when text.Contains('\0') => "has a NUL character",
        "phone_number" => "is no phone number with country code",
        "email" => ContactFieldsValidator.IsEmail(text) ? null : "is no e-mail address",
        "consent_status" => Domain.Contacts.Contact.ConsentStatuses.Contains(text.ToUpperInvariant()) ? null : "is none of OPTED_IN, OPTED_OUT, PENDING",
        "first_name" or "last_name" => text.Length <= ContactFieldsValidator.NameCharactersMax && ContactFieldsValidator.Plain(text) ? null : $"has more than {ContactFieldsValidator.NameCharactersMax} characters or control characters",
        "wa_user_id" => text.Length <= 140 && ContactFieldsValidator.Plain(text) ? null : "is no user id",
        "tags" => Tags(text).All(t => t.Length <= 64 && ContactFieldsValidator.Plain(t)) ? null : "has a tag of more than 64 characters",
        _ => null,
    };

    private static ImportRow With(ImportRow row, string column, string text)
    {
        switch (column)
        {
            case "wa_user_id":
                return row with { WaUserId = text };
            case "first_name":
                return row with { FirstName = text };
            case "last_name":
                return row with { LastName = text };
            case "email":
                return row with { Email = text };
            case "consent_status":
                return row with { Consent = text.ToUpperInvariant() };
            case "tags":
                return row with { Tags = [.. Tags(text).Distinct()] };
            default:
                row.CustomFields[column[CustomPrefix.Length..]] = text;
                return row;
        }
    }

    private static IEnumerable<string> Tags(string text) => text.Split([';', '|'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static string Tidy(string name)
    {
        var trimmed = name.Trim().TrimStart('\uFEFF');
        return trimmed.StartsWith(CustomPrefix, StringComparison.OrdinalIgnoreCase) ? CustomPrefix + trimmed[CustomPrefix.Length..] : trimmed.ToLowerInvariant();
    }

    private static string Shorten(string name) => name.Length <= 60 ? name : $"{name[..60]}…";
}
