using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Domain.Common;

namespace Bsp.Application.Imports;

/// <summary>What becomes of a column whose name is none of ours.</summary>
public enum UnknownColumns
{
    /// <summary>The file is refused, so that a typing error does not lose a column.</summary>
    Refuse,

    /// <summary>It becomes the custom field of its name.</summary>
    Custom,

    /// <summary>It is not read.</summary>
    Ignore,
}

/// <summary>How the columns of a file are to be read.</summary>
/// <param name="Map">Name in the file → name of ours (<c>phone_number</c>, <c>custom.city</c>, <c>ignore</c>); compared without case.
/// Empty: the names are ours.</param>
public sealed record ImportMapping(IReadOnlyDictionary<string, string> Map, UnknownColumns Unknown)
{
    /// <summary>The names are ours, others are refused.</summary>
    public static readonly ImportMapping None = new(new Dictionary<string, string>(), UnknownColumns.Refuse);
}

/// <summary>The header of a file: which column means what.</summary>
public sealed class ImportColumns
{
    /// <summary>Name of a column that is not read.</summary>
    public const string Ignored = "ignore";

    private const string CustomPrefix = "custom.";
    private const string CustomFields = "custom_fields";
    private const int ColumnsMax = 200;
    private const int KeyCharactersMax = 64;
    private static readonly string[] Known =
        ["phone_number", "wa_user_id", "first_name", "last_name", "email", "consent_status", "tags", CustomFields, Ignored];

    private ImportColumns(IReadOnlyList<string> names) => Names = names;

    /// <summary>
    /// Whose numbers may be written without country code: the organization's default country, ISO 3166-1 alpha-2. Null: there is none.
    /// </summary>
    public string? Country { get; init; }

    /// <summary>Tidied names in the file's order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Reads a header line. Names are trimmed and compared without case (custom field keys keep theirs).</summary>
    /// <exception cref="Refusal"><c>import.header_missing</c>, <c>import.header_unknown_column</c>, <c>import.header_duplicate_column</c>,
    /// <c>import.header_missing_identity</c></exception>
    public static ImportColumns Read(IReadOnlyList<string> header, ImportMapping? mapping = null)
    {
        var (map, unknown) = (mapping ?? ImportMapping.None, (mapping ?? ImportMapping.None).Unknown);
        var mapped = map.Map.ToDictionary(p => Tidy(p.Key), p => Tidy(p.Value), StringComparer.OrdinalIgnoreCase);
        if (!header.Any(name => mapped.GetValueOrDefault(Tidy(name), Tidy(name)) is "phone_number" or "wa_user_id"))
        {
            throw new Refusal("import.header_missing_identity", OtherSeparator(header)
                ?? "Line 1 must be a header naming a column phone_number (or wa_user_id). Known columns: phone_number, wa_user_id, first_name, last_name, email, consent_status, tags, custom_fields, custom.<key>.");
        }

        var names = header.Select(name => mapped.GetValueOrDefault(Tidy(name), Tidy(name)))
            .Select((name, i) => IsKnown(name) ? name : unknown switch
        {
            UnknownColumns.Ignore => Ignored,
            UnknownColumns.Custom when header[i].Trim().Trim('\uFEFF') is { Length: > 0 and <= KeyCharactersMax } key => CustomPrefix + key,
            _ => throw new Refusal("import.header_unknown_column",
                $"Line 1: there is no column '{Shorten(name)}'. Known columns: {string.Join(", ", Known)}, custom.<key>. Name it in map, or say unknown=custom or unknown=ignore."),
        }).ToList();
        if (names.Count > ColumnsMax)
        {
            throw new Refusal("import.header_unknown_column", $"A file has at most {ColumnsMax} columns.");
        }

        return names.Where(n => n != Ignored).GroupBy(n => n).FirstOrDefault(g => g.Count() > 1) is { Key: var twice }
            ? throw new Refusal("import.header_duplicate_column", $"Line 1 names the column '{twice}' twice.")
            : new(names);
    }

    private static bool IsKnown(string name) =>
        Known.Contains(name)
        || (name.StartsWith(CustomPrefix, StringComparison.Ordinal) && name.Length > CustomPrefix.Length
            && name.Length <= CustomPrefix.Length + KeyCharactersMax);

    /// <summary>A header read before.</summary>
    public static ImportColumns Of(IReadOnlyList<string> names, string? country = null) => new(names) { Country = country };

    /// <summary>Checks one row. Exactly one of the two is null.</summary>
    public (ImportRow? Row, RowFault? Fault) Check(IReadOnlyList<string> fields)
    {
        if (fields.Count != Names.Count)
        {
            return (null, new(null, WrongCount(fields)));
        }

        if (fields.Any(f => f.Contains('\uFFFD')))
        {
            return (null, new(Names[fields.ToList().FindIndex(f => f.Contains('\uFFFD'))], "is not valid UTF-8"));
        }

        return Build(fields);
    }

    private string WrongCount(IReadOnlyList<string> fields)
    {
        var hint = fields is [var only] && Names.Count > 1 && only.IndexOfAny([';', '\t', '|', ',']) >= 0
            ? "the line is separated by something else than the header"
            : fields.Count < Names.Count ? "an empty cell still needs its separator"
            : "a cell with the separator in it needs quotes around it";
        return string.Create(CultureInfo.InvariantCulture, $"has {fields.Count} columns, the header {Names.Count}: {hint}");
    }

    // One column with another separator in its name: what a spreadsheet of another country writes.
    private static string? OtherSeparator(IReadOnlyList<string> header) => header is not [var line] ? null
        : line.Contains(';') ? "Line 1 is one column, and it has semicolons in it: if they separate the columns, say ?delimiter=semicolon."
        : line.Contains('\t') ? "Line 1 is one column, and it has tabs in it: if they separate the columns, say ?delimiter=tab."
        : line.Contains(',') ? "Line 1 is one column, and it has commas in it: if they separate the columns, say ?delimiter=comma."
        : null;

    private (ImportRow?, RowFault?) Build(IReadOnlyList<string> fields)
    {
        var row = new ImportRow(null, null, null, null, null, null, [], []);
        for (var i = 0; i < Names.Count; i++)
        {
            var text = CsvCell.Read(fields[i]).Trim();
            if (text.Length == 0 || Names[i] == Ignored)
            {
                continue;
            }

            // Reading a phone number is most of a row's time: once.
            if (Names[i] == "phone_number")
            {
                var reading = E164.Read(text, Country);
                if (reading is { E164: null, Written: null } or { E164: null, IsBare: true })
                {
                    return (null, new("phone_number", reading.Fault!));
                }

                row = row with { PhoneNumber = reading.E164 ?? reading.Written, PhoneDoubt = reading.Fault };
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
            { CustomFields.Count: > 0 } when !SurelySmall(row.CustomFields, fields)
            && ContactFieldsValidator.CustomFieldFault(JsonSerializer.SerializeToElement(row.CustomFields)) is { } fault =>
                (null, new(null, fault)),
            _ => (row, null),
        };
    }

    // Writing each row's custom fields out only to count their bytes costs a fifth of its time. A character is at most six bytes of JSON.
    private static bool SurelySmall(JsonObject customFields, IReadOnlyList<string> fields) =>
        customFields.Count <= ContactFieldsValidator.CustomFieldsMax
        && (fields.Sum(f =>
            f.Length) * 6) + (customFields.Count * (KeyCharactersMax + 6) * 6) <= ContactFieldsValidator.CustomFieldsBytesMax;

    private static string? Fault(string column, string text) => column switch
    {
        _ when text.Contains('\0') => "has a NUL character",
        "email" => ContactFieldsValidator.IsEmail(text) ? null : "is no e-mail address",
        "consent_status" =>
            Domain.Contacts.Contact.ConsentStatuses.Contains(text.ToUpperInvariant()) ? null : "is none of OPTED_IN, OPTED_OUT, PENDING",
        "first_name" or "last_name" => text.Length <= ContactFieldsValidator.NameCharactersMax && ContactFieldsValidator.Plain(text) ? null
        : $"has more than {ContactFieldsValidator.NameCharactersMax} characters or control characters",
        "wa_user_id" => text.Length <= 140 && ContactFieldsValidator.Plain(text) ? null : "is no user id",
        CustomFields => Object(text) is { } given ? ContactFieldsValidator.CustomFieldFault(given) : "is no JSON object",
        "tags" => Tags(text) is not { } tags ? "is a JSON list of something else than texts"
            : tags.All(t => t.Length <= 64 && ContactFieldsValidator.Plain(t)) ? null
            : "has a tag of more than 64 characters, or with control characters",
        _ => KeptJson.TextFault(text),
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
                return row with { Tags = [.. Tags(text)!.Distinct()] };
            case CustomFields:
                foreach (var member in Object(text)!.Value.EnumerateObject())
                {
                    row.CustomFields[member.Name] = JsonSerializer.SerializeToNode(member.Value);
                }

                return row;
            default:
                row.CustomFields[column[CustomPrefix.Length..]] = text;
                return row;
        }
    }

    // a;b or a|b, or a JSON list where a tag has one of these in it. Null: a JSON list of other things.
    private static string[]? Tags(string text)
    {
        if (text[0] != '[' || Json(text) is not { } list)
        {
            return text.Split([';', '|'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        }

        return list.EnumerateArray().Any(t => t.ValueKind != JsonValueKind.String) || KeptJson.Fault(list) is not null ? null
            : [.. list.EnumerateArray().Select(t => t.GetString()!.Trim()).Where(t => t.Length > 0)];
    }

    private static JsonElement? Object(string text) => Json(text) is { ValueKind: JsonValueKind.Object } given ? given : null;

    // Twice the same member is said by the rules of what is kept.
    private static JsonElement? Json(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<JsonElement>(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Tidy(string name)
    {
        var trimmed = CsvCell.Read(name.TrimStart('\uFEFF')).Trim();
        return trimmed.StartsWith(CustomPrefix, StringComparison.OrdinalIgnoreCase) ? CustomPrefix + trimmed[CustomPrefix.Length..]
            : trimmed.ToLowerInvariant();
    }

    private static string Shorten(string name) => name.Length <= 60 ? Text.Storable(name) : $"{Text.Cut(name, 60)}…";
}
