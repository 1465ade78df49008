using System.Text.Json;

namespace Bsp.Domain.Plans;

/// <summary>Something that a plan may give or limit.</summary>
/// <param name="Name">In <c>features</c>.</param>
/// <param name="IsCount">True: a number (0 and more), or true (without limit), or false (none). False: true or false only.</param>
/// <param name="Default">Where a plan does not name it; null: without limit.</param>
/// <param name="What">As a sentence counts it: <c>The plan Start allows 2 …</c>.</param>
public sealed record PlanFeature(string Name, bool IsCount, int? Default, string What);

/// <summary>
/// The names in a plan's <c>features</c> that are enforced. Other names are kept and shown, and mean nothing here. What a plan does not
/// name it does not limit: nobody loses anything because a
/// new name came into being.
/// </summary>
public static class PlanFeatures
{
    /// <summary>Largest number that a limit may be.</summary>
    public const int LimitMax = 1_000_000_000;

    /// <summary>WhatsApp numbers that are not disconnected.</summary>
    public static readonly PlanFeature Numbers = new("numbers", IsCount: true, null, "WhatsApp numbers");

    /// <summary>People who may sign in: active users.</summary>
    public static readonly PlanFeature Users = new("users", IsCount: true, null, "active users");

    /// <summary>Campaigns launched in a period of the subscription.</summary>
    public static readonly PlanFeature CampaignsPerMonth = new("campaigns_per_month", IsCount: true, null, "campaigns a month");

    /// <summary>Webhooks to the organization's own systems.</summary>
    public static readonly PlanFeature Webhooks = new("webhooks", IsCount: true, null, "webhooks");

    /// <summary>API keys that work.</summary>
    public static readonly PlanFeature ApiKeys = new("api_keys", IsCount: true, null, "API keys");

    /// <summary>Answers and analyses by machines.</summary>
    public static readonly PlanFeature Ai = new("ai", IsCount: false, null, "AI");

    /// <summary>Days for nothing that an organization may give itself, once.</summary>
    public static readonly PlanFeature TrialDays = new("trial_days", IsCount: true, 30, "days of trial");

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<PlanFeature> Known = [Numbers, Users, CampaignsPerMonth, Webhooks, ApiKeys, Ai, TrialDays];

    /// <summary>
    /// How much of a feature these give; null: without limit. 0: none of it. What is not well-formed counts as not named.
    /// </summary>
    public static int? Limit(JsonElement features, PlanFeature feature) =>
        features.ValueKind == JsonValueKind.Object && features.TryGetProperty(feature.Name, out var given) && Fault(feature, given) is null
        && given.ValueKind != JsonValueKind.Null
            ? given.ValueKind switch
            {
                JsonValueKind.True => null,
                JsonValueKind.False => 0,
                _ => given.GetInt32(),
            }
            : feature.Default;

    /// <summary>What is wrong with the known names; in the order of <see cref="Known"/>.</summary>
    public static IEnumerable<(string Name, string Message)> Faults(JsonElement features)
    {
        if (features.ValueKind != JsonValueKind.Object)
        {
            yield break;
        }

        foreach (var feature in Known)
        {
            if (features.TryGetProperty(feature.Name, out var given) && Fault(feature, given) is { } fault)
            {
                yield return (feature.Name, fault);
            }
        }
    }

    private static string? Fault(PlanFeature feature, JsonElement given) => given.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null => null,
        JsonValueKind.Number when feature.IsCount && given.TryGetInt32(out var count) && count is >= 0 and <= LimitMax => null,
        _ => feature.IsCount ? $"is a whole number from 0 to {LimitMax:N0}, true (no limit) or false (none)." : "is true or false.",
    };
}
