using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using FluentValidation;

namespace Bsp.Application.Campaigns;

/// <summary>Rules of <c>audience_segment</c>: exactly one of <c>all</c>, <c>list_ids</c>, <c>contact_ids</c>, <c>filter</c>.</summary>
public static class AudienceSegment
{
    /// <summary>Ids in one segment, at most; more people belong into a list.</summary>
    public const int IdsMax = 10_000;

    /// <summary>Of a campaign that retries another: those members of the other that failed. The value is the campaign's own id.</summary>
    public const string Retry = "retry";

    /// <summary>Null when well-formed, else what is wrong.</summary>
    public static string? Fault(JsonElement segment)
    {
        if (KeptJson.Fault(segment) is { } kept)
        {
            return kept.For("");
        }

        if (segment.ValueKind != JsonValueKind.Object || segment.EnumerateObject().Count() != 1)
        {
            return "must be an object with exactly one of all, list_ids, contact_ids, filter.";
        }

        var only = segment.EnumerateObject().First();
        return only.Name switch
        {
            "all" => only.Value.ValueKind == JsonValueKind.True ? null : "all must be true.",
            "list_ids" or "contact_ids" => Ids(only),
            "filter" => FilterFaultOf(only.Value),
            Retry => only.Value.ValueKind == JsonValueKind.String && only.Value.TryGetGuid(out _) ? null : "retry must be an id.",
            _ => $"does not know {only.Name}; use all, list_ids, contact_ids or filter.",
        };
    }

    /// <summary>As a validation rule.</summary>
    public static IRuleBuilderOptionsConditions<T, JsonElement> MustBeAudience<T>(this IRuleBuilder<T, JsonElement> rule) =>
        rule.Custom((segment, context) =>
    {
        if (Fault(segment) is { } fault)
        {
            context.AddFailure($"audience_segment {fault}");
        }
    });

    private static string? FilterFaultOf(JsonElement filter)
    {
        try
        {
            FilterExpression.Parse(filter);
            return null;
        }
        catch (FilterFault fault)
        {
            return $"filter: {fault.Message}";
        }
    }

    private static string? Ids(JsonProperty property) =>
        property.Value.ValueKind == JsonValueKind.Array && property.Value.GetArrayLength() is > 0 and <= IdsMax
        && property.Value.EnumerateArray().All(id => id.ValueKind == JsonValueKind.String && id.TryGetGuid(out _))
            ? null
            : $"{property.Name} must be 1 to {IdsMax} ids.";
}
