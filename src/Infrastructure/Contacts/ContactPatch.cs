using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.Contacts;
using FluentValidation;
using FluentValidation.Results;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// A JSON merge patch (RFC 7396) on the writable fields of a contact: null removes, an object merges, anything else replaces.
/// </summary>
internal static class ContactPatch
{
    public static ContactFields Apply(ContactFields before, JsonElement patch)
    {
        var fields = before;
        foreach (var member in patch.EnumerateObject())
        {
            fields = member.Name switch
            {
                "phone_number" => fields with { PhoneNumber = Text(member) },
                "wa_user_id" => fields with { WaUserId = Text(member) },
                "first_name" => fields with { FirstName = Text(member) },
                "last_name" => fields with { LastName = Text(member) },
                "email" => fields with { Email = Text(member) },
                "tags" => fields with { Tags = Tags(member) },
                "custom_fields" => fields with { CustomFields = Merge(fields.CustomFields, member.Value) },
                _ => throw Invalid(member.Name, $"'{member.Name}' cannot be changed."),
            };
        }

        return fields;
    }

    private static string? Text(JsonProperty member) => member.Value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => member.Value.GetString(),
        _ => throw Invalid(member.Name, $"{member.Name} is a text."),
    };

    private static string[] Tags(JsonProperty member) => member.Value.ValueKind switch
    {
        JsonValueKind.Null => [],
        JsonValueKind.Array when member.Value.EnumerateArray().All(t => t.ValueKind == JsonValueKind.String) =>
            [.. member.Value.EnumerateArray().Select(t => t.GetString()!)],
        _ => throw Invalid("tags", "tags is a list of texts."),
    };

    private static JsonElement Merge(JsonElement before, JsonElement patch)
    {
        if (patch.ValueKind == JsonValueKind.Null)
        {
            return ContactFields.Empty.CustomFields;
        }

        if (patch.ValueKind != JsonValueKind.Object)
        {
            throw Invalid("custom_fields", "custom_fields is an object.");
        }

        var merged = JsonNode.Parse(before.GetRawText())!.AsObject();
        foreach (var field in patch.EnumerateObject())
        {
            merged.Remove(field.Name);
            if (field.Value.ValueKind != JsonValueKind.Null)
            {
                merged[field.Name] = JsonNode.Parse(field.Value.GetRawText());
            }
        }

        return JsonSerializer.SerializeToElement(merged);
    }

    private static ValidationException Invalid(string field, string message) =>
        new([new ValidationFailure(field, message) { ErrorCode = "request.invalid" }]);
}
