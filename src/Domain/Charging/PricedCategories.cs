namespace Bsp.Domain.Charging;

/// <summary>Words of Meta's that a rate card may name.</summary>
public static class PricedCategories
{
    /// <summary>
    /// Categories of <c>pricing.category</c>, groups apart, which have the same prices. Source: Meta's pricing page and status webhooks as
    /// of October 2026.
    /// </summary>
    public static readonly IReadOnlyList<string> All =
        ["marketing", "marketing_lite", "marketing_lite_dynamic", "utility", "authentication", "authentication-international",
            Rating.Service, "referral_conversion",
        "general_purpose_ai", "ai_bot"];

    /// <summary>Those that every market should have a price for: an import names those that a card leaves out.</summary>
    public static readonly IReadOnlyList<string> Usual = ["marketing", "utility", "authentication", Rating.Service];

    /// <summary>
    /// What may be assumed of a message without evidence, beside a pricing type: by the customer-service window, by the month's allowance.
    /// </summary>
    public static readonly IReadOnlyList<string> Assumptions = ["by_window", "by_allowance"];
}
