using System.Text.Json;
using Bsp.Application.Messages;
using Bsp.Domain.Charging;

namespace Bsp.Infrastructure.Messages;

/// <summary>Reads the <c>pricing</c> object of a status item (it appears on sent, and on one of delivered and read).</summary>
public static class MessageDocumentPricing
{
    /// <summary>Null when the item carries none.</summary>
    public static MessageCost? Read(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("pricing", out var pricing)
            || pricing.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        var category = MessageDocumentContent.Text(pricing, "category") ?? "unknown";
        return new(Amount(pricing), MessageDocumentContent.Text(pricing, "currency"), Nearest(category), category,
            MessageDocumentContent.Text(pricing, "pricing_model"), MessageDocumentContent.Text(pricing, "type"),
            pricing.TryGetProperty("billable", out var billable) && billable.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? billable.GetBoolean() : null);
    }

    /// <summary>
    /// What it was charged, beside what the evidence said. A charge decides by the newest evidence, so what it says stays.
    /// </summary>
    public static MessageCost Charged(MessageCost? known, MessageCharge charge) => new(
        charge.Outcome == "pending" ? null : charge.Amount, charge.Currency, charge.Category is { } category ? Nearest(category)
        : known?.Category ?? Nearest("unknown"),
        charge.Category ?? known?.CategoryExact ?? "unknown", known?.PricingModel, charge.PricingType
        ?? known?.PricingType, known?.Billable, charge.Outcome);

    /// <summary>The specification's three conversation-based words for Meta's per-message categories.</summary>
    private static string Nearest(string category) => category switch
    {
        "service" or "user_initiated" => "user_initiated",
        "referral_conversion" => "referral_conversion",
        _ => "business_initiated", // marketing, utility, authentication, marketing_lite, group_*, and what comes next
    };

    private static decimal? Amount(JsonElement pricing) =>
        pricing.TryGetProperty("amount", out var amount) && amount.ValueKind == JsonValueKind.Number && amount.TryGetDecimal(out var value)
        ? value : null;
}
