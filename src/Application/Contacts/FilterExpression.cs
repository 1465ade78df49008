using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using FluentValidation;

namespace Bsp.Application.Contacts;

/// <summary>A filter over contacts, checked. Compiled to SQL by <c>ContactFilter</c> in Infrastructure.</summary>
/// <remarks>
/// <c>{"all":[…]}</c>, <c>{"any":[…]}</c>, <c>{"not":…}</c> or a condition <c>{"field":…,"op":…,"value":…}</c>; <c>{}</c> is everybody.
/// Fields are the columns, <c>tags</c>,
/// <c>custom_fields.&lt;key&gt;</c> and <c>consent_status</c>; which operators a field takes stands in <see cref="FilterFields"/>.
/// </remarks>
public abstract record FilterExpression
{
    /// <summary>Levels of all, any and not.</summary>
    public const int DepthMax = 6;

    /// <summary>Conditions in one filter.</summary>
    public const int ConditionsMax = 50;

    /// <exception cref="FilterFault">It is not well-formed; the message says where.</exception>
    public static FilterExpression Parse(JsonElement json)
    {
        var conditions = 0;
        try
        {
            return Parse(json, "filter", 1, ref conditions);
        }
        catch (InvalidOperationException)
        {
            // System.Text.Json cannot give it as a string
            throw new FilterFault("A text of the filter has half a character in it (\\ud800 to \\udfff without its other half).");
        }
    }

    private static FilterExpression Parse(JsonElement json, string at, int depth, ref int conditions)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new FilterFault($"{at} must be an object.");
        }

        if (depth > DepthMax)
        {
            throw new FilterFault($"{at}: all, any and not nest at most {DepthMax} deep.");
        }

        var members = json.EnumerateObject().ToList();
        if (members.Count == 0 && depth == 1)
        {
            return new FilterAll([]);
        }

        if (members is [{ Name: "all" or "any", Value: var parts } group])
        {
            var inner = Parts(parts, $"{at}.{group.Name}", depth, ref conditions);
            return group.Name == "all" ? new FilterAll(inner) : new FilterAny(inner);
        }

        if (members is [{ Name: "not", Value: var negated }])
        {
            return new FilterNot(Parse(negated, $"{at}.not", depth + 1, ref conditions));
        }

        if (++conditions > ConditionsMax)
        {
            throw new FilterFault($"A filter has at most {ConditionsMax} conditions.");
        }

        return FilterFields.Condition(json, at);
    }

    private static List<FilterExpression> Parts(JsonElement parts, string at, int depth, ref int conditions)
    {
        if (parts.ValueKind != JsonValueKind.Array || parts.GetArrayLength() == 0)
        {
            throw new FilterFault($"{at} must be a list of at least one condition.");
        }

        var inner = new List<FilterExpression>();
        foreach (var part in parts.EnumerateArray())
        {
            inner.Add(Parse(part, $"{at}[{inner.Count}]", depth + 1, ref conditions));
        }

        return inner;
    }
}

/// <summary>Every part holds; no part: everybody.</summary>
public sealed record FilterAll(IReadOnlyList<FilterExpression> Parts) : FilterExpression;

/// <summary>At least one part holds.</summary>
public sealed record FilterAny(IReadOnlyList<FilterExpression> Parts) : FilterExpression;

/// <summary>The part does not hold; a contact without a value counts as not.</summary>
public sealed record FilterNot(FilterExpression Part) : FilterExpression;

/// <param name="Field">A column, <c>tags</c> or <c>custom_fields</c>.</param>
/// <param name="Key">Of a custom field; null otherwise.</param>
/// <param name="Op">As <see cref="FilterFields"/> lists for the field's kind.</param>
/// <param name="Value">string, long, decimal, bool, DateTimeOffset, <c>string[]</c>, or null for exists.</param>
public sealed record FilterCondition(string Field, string? Key, FieldKind Kind, string Op, object Value) : FilterExpression;

/// <summary>What may be asked of a field.</summary>
public enum FieldKind
{
    Text,
    Number,
    Time,
    Consent,
    Tags,
    Custom,
}

/// <summary>A filter is not well-formed.</summary>
public sealed class FilterFault(string message) : Exception(message);

/// <summary>The fields and their operators.</summary>
public static partial class FilterFields
{
    private const int ValuesMax = 1000;
    private const int TextCharactersMax = 500;
    private const int DaysMax = 36_500;

    private static readonly Dictionary<string, FieldKind> Kinds = new()
    {
        ["phone_number"] = FieldKind.Text, ["wa_user_id"] = FieldKind.Text, ["first_name"] = FieldKind.Text,
            ["last_name"] = FieldKind.Text, ["email"] = FieldKind.Text,
        ["consent_status"] = FieldKind.Consent, ["tags"] = FieldKind.Tags,
        ["total_messages_received"] = FieldKind.Number, ["total_messages_sent"] = FieldKind.Number,
        ["created_at"] = FieldKind.Time, ["updated_at"] = FieldKind.Time, ["consent_updated_at"] = FieldKind.Time,
        ["last_interaction"] = FieldKind.Time,
    };

    private static readonly Dictionary<FieldKind, string[]> Operators = new()
    {
        [FieldKind.Text] = ["eq", "ne", "in", "not_in", "starts_with", "contains", "exists"],
        [FieldKind.Number] = ["eq", "ne", "gt", "gte", "lt", "lte"],
        [FieldKind.Time] = ["gt", "gte", "lt", "lte", "before", "after", "within_days", "older_than_days", "exists"],
        [FieldKind.Consent] = ["eq", "ne", "in", "not_in"],
        [FieldKind.Tags] = ["has", "contains", "has_any", "has_all", "has_none", "exists"],
        [FieldKind.Custom] = ["eq", "ne", "in", "not_in", "starts_with", "contains", "gt", "gte", "lt", "lte", "exists"],
    };

    internal static FilterCondition Condition(JsonElement json, string at)
    {
        foreach (var member in json.EnumerateObject().Where(m => m.Name is not ("field" or "op" or "value")))
        {
            throw new FilterFault($"{at}: '{member.Name}' is none of all, any, not, field, op, value.");
        }

        var field = Text(json, "field", at);
        var op = json.TryGetProperty("op", out _) ? Text(json, "op", at) : "eq";
        var (column, key, kind) = Field(field, at);
        if (kind == FieldKind.Tags && op is "eq" or "contains")
        {
            op = "has";
        }

        if (!Operators[kind].Contains(op))
        {
            throw new FilterFault($"{at}.op: {field} takes {string.Join(", ", Operators[kind])}, not '{op}'.");
        }

        var value = json.TryGetProperty("value", out var given) ? given : op == "exists" ? JsonSerializer.SerializeToElement(true)
            : throw new FilterFault($"{at}.value is missing.");
        return new(column, key, kind, op, Value(kind, op, value, $"{at}.value"));
    }

    private static (string Column, string? Key, FieldKind Kind) Field(string field, string at)
    {
        if (CustomField().Match(field) is { Success: true } custom && !field.Contains('\0'))
        {
            return ("custom_fields", custom.Groups[1].Value, FieldKind.Custom);
        }

        return Kinds.TryGetValue(field, out var kind) ? (field, null, kind)
            : throw new FilterFault($"{at}.field: there is no field '{field}'.");
    }

    private static object Value(FieldKind kind, string op, JsonElement value, string at) => (kind, op) switch
    {
        (_, "exists") => value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
            : throw new FilterFault($"{at} must be true or false."),
        (FieldKind.Consent, "in" or "not_in") => Texts(value, at).Select(c => Consent(c, at)).ToArray(),
        (FieldKind.Consent, _) => Consent(One(value, at), at),
        (_, "in" or "not_in" or "has_any" or "has_all" or "has_none") => Texts(value, at),
        (FieldKind.Number, _) => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var whole) ? whole
        : throw new FilterFault($"{at} must be a whole number."),
        (FieldKind.Time, "within_days" or "older_than_days") =>
            value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var days) && days is >= 0 and <= DaysMax
            ? days : throw new FilterFault($"{at} must be a number of days, 0 to {DaysMax}."),
        (FieldKind.Time, _) => Time(value, at),
        (FieldKind.Custom, "gt" or "gte" or "lt" or "lte") => value.ValueKind == JsonValueKind.Number
        && value.TryGetDecimal(out var number) ? number : throw new FilterFault($"{at} must be a number."),
        _ => One(value, at),
    };

    private static DateTimeOffset Time(JsonElement value, string at) =>
        value.ValueKind == JsonValueKind.String
        && DateTimeOffset.TryParse(value.GetString(), CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            ? time : throw new FilterFault($"{at} must be a time such as 2026-01-31T00:00:00Z.");

    private static string Consent(string value, string at) =>
        Domain.Contacts.Contact.ConsentStatuses.Contains(value) ? value
        : throw new FilterFault($"{at} must be OPTED_IN, OPTED_OUT or PENDING.");

    private static string[] Texts(JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is 0 or > ValuesMax)
        {
            throw new FilterFault($"{at} must be a list of 1 to {ValuesMax} values.");
        }

        return [.. value.EnumerateArray().Select((item, i) => One(item, $"{at}[{i}]"))];
    }

    // Custom fields hold numbers and booleans too; they are compared as the text that JSON gives them.
    private static string One(JsonElement value, string at)
    {
        var text = value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number => value.GetRawText(),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            _ => throw new FilterFault($"{at} must be a text, a number or a boolean."),
        };
        return text.Length <= TextCharactersMax && !text.Contains('\0') ? text
            : throw new FilterFault($"{at} has at most {TextCharactersMax} characters and no NUL.");
    }

    private static string Text(JsonElement json, string name, string at) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()!
        : throw new FilterFault($"{at}.{name} must be a text.");

    [GeneratedRegex(@"^custom_fields\.(.{1,64})\z", RegexOptions.Singleline)]
    private static partial Regex CustomField();
}

/// <summary>Use in validators: <c>RuleFor(c =&gt; c.Filters).Filter("filters")</c>.</summary>
public static class FilterValidation
{
    /// <summary>The value, when there is one, must be a well-formed filter (<c>filter.invalid</c>).</summary>
    public static void Filter<T>(this IRuleBuilderInitial<T, JsonElement?> rule, string field) => rule.Custom((json, context) =>
    {
        if (json is not { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } filter)
        {
            return;
        }

        try
        {
            FilterExpression.Parse(filter);
        }
        catch (FilterFault fault)
        {
            context.AddFailure(new FluentValidation.Results.ValidationFailure(field, fault.Message) { ErrorCode = "filter.invalid" });
        }
    });
}
