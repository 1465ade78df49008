using System.Text.Json;
using Bsp.Application.EventStore;
using FluentValidation.Results;

namespace Bsp.Application.Campaigns;

/// <summary>What an organization's settings say for all its campaigns.</summary>
public static class CampaignSettings
{
    /// <summary>Beyond which failures campaigns pause.</summary>
    public const string ErrorBudget = "campaign_error_budget";

    /// <summary>When campaigns may send.</summary>
    public const string SendingHours = "campaign_sending_hours";

    /// <summary>What is wrong with them, as they are about to be merged; empty: nothing, or they say nothing.</summary>
    public static List<ValidationFailure> Faults(JsonElement? settings)
    {
        var faults = new List<ValidationFailure>();
        if (Of(settings, ErrorBudget) is { } given)
        {
            var field = "settings." + ErrorBudget;
            if (Read<Domain.Campaigns.ErrorBudget>(given) is { } budget)
            {
                CampaignOptionRules.OfBudget(field, budget, (name, message) => faults.Add(new(name, message)));
            }
            else
            {
                faults.Add(new(field, "must be an object with share (above 0, at most 1), min_sample and, if needed, codes."));
            }
        }

        if (Of(settings, SendingHours) is { } said)
        {
            var field = "settings." + SendingHours;
            if (Read<Domain.Campaigns.SendingHours>(said) is { } hours)
            {
                CampaignOptionRules.OfHours(field, hours, (name, message) => faults.Add(new(name, message)));
            }
            else
            {
                faults.Add(new(field, "must be an object of quiet_from and quiet_to, days, zone and zone_field, each if needed."));
            }
        }

        return faults;
    }

    /// <summary>A part of settings as it is written; null: it is not there, or no such thing.</summary>
    public static T? Read<T>(JsonElement part) where T : class
    {
        try
        {
            return part.ValueKind == JsonValueKind.Object ? part.Deserialize<T>(Strict) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static readonly JsonSerializerOptions Strict = new(EventTypes.Json)
    {
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
    };

    private static JsonElement? Of(JsonElement? settings, string name) =>
        settings is { ValueKind: JsonValueKind.Object } given && given.TryGetProperty(name, out var part)
        && part.ValueKind != JsonValueKind.Null ? part : null;
}
