using System.Text.Json;

namespace Bsp.Domain.Charging;

/// <summary>What is known of the charge of one message (of a group: of one participant).</summary>
/// <param name="Number">How often it was rated with an effect on the ledger or on what is shown; 1: once.</param>
/// <param name="DebitNumber">The <paramref name="Number"/> whose debit stands in the ledger; 0: none does.</param>
/// <param name="EvidenceAt">Timestamp of the evidence that decided; null: assumed.</param>
/// <param name="EvidenceRung">Of that evidence.</param>
/// <param name="Included">It has taken one of the plan's included messages.</param>
public sealed record Bill(Delivery Delivery, RatingOutcome Outcome, decimal Amount, string? Market, string? Category, string? Type,
    string? Card, string? Reason, int Number, int DebitNumber,
    DateTimeOffset? EvidenceAt, int EvidenceRung, bool Included)
{
    /// <summary>The first rating of a message that was delivered.</summary>
    public static BillStep Deliver(Delivery delivery, Tariff tariff, string currency, PlanTerms plan, Func<string, long> count)
    {
        var rated = Rating.Of(delivery, tariff, currency, plan, count);
        return new(Next(delivery, rated, 1, null), 0, 0, rated.Amount, rated.Counted);
    }

    /// <summary>
    /// Meta says what it is priced as, after we have rated it. Older evidence than what decided changes nothing; the same price again is
    /// noted; another one takes back exactly
    /// what was charged and charges anew.
    /// </summary>
    /// <returns>Null: nothing changes, not even what is known.</returns>
    public BillStep? Correct(PricingEvidence evidence, Tariff tariff, string currency, PlanTerms plan, Func<string, long> count) =>
        EvidenceAt is { } at && !evidence.Overrules(at, EvidenceRung) ? null
        : Again(Delivery with { Evidence = evidence }, tariff, currency, plan, count);

    /// <summary>What was pending, by the tariff as it is now; null: it still is, for the same reason.</summary>
    public BillStep? Retry(Tariff tariff, string currency, PlanTerms plan, Func<string, long> count) =>
        Outcome == RatingOutcome.Pending && Again(Delivery, tariff, currency, plan, count) is { } step
        && (step.After.Outcome, step.After.Reason) != (Outcome, Reason) ? step : null;

    private BillStep Again(Delivery delivery, Tariff tariff, string currency, PlanTerms plan, Func<string, long> count)
    {
        var rated = Rating.Of(delivery, tariff, currency, plan, count, Included);
        if (Outcome != RatingOutcome.Pending && (rated.Category, rated.Type) == (Category, Type))
        {
            return new(this with { Delivery = delivery, EvidenceAt = delivery.Evidence?.At, EvidenceRung = delivery.Evidence?.Rung ?? 0 },
                0, 0, 0, []);
        }

        // Its place in the month was taken when it was first rated in this category.
        var counted = Category == rated.Category && Outcome != RatingOutcome.Pending
            ? rated.Counted.Where(c => !c.StartsWith("allowance/", StringComparison.Ordinal)) : rated.Counted;
        return new(Next(delivery, rated, Number + 1, this), Outcome == RatingOutcome.Charged ? Amount
            : 0, DebitNumber, rated.Amount, [.. counted]);
    }

    private static Bill Next(Delivery delivery, Rated rated, int number, Bill? before) =>
        new(delivery, rated.Outcome, rated.Amount, rated.Market, rated.Category, rated.Type, rated.Card, rated.Reason,
        number, rated.Outcome == RatingOutcome.Charged ? number : 0, delivery.Evidence?.At, delivery.Evidence?.Rung
        ?? 0, before?.Included == true || rated.Outcome == RatingOutcome.Included);

    /// <summary>
    /// Reference of the ledger's entry: <c>message/{id}</c>, of a group <c>message/{id}/{participant}</c>, and from the second rating on
    /// with its number.
    /// </summary>
    public static string Reference(Guid messageId, string participant, int number) =>
        $"message/{messageId}{(participant.Length == 0 ? "" : $"/{participant}")}{(number <= 1 ? "" : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"#{number}"))}";
}

/// <summary>What follows for the ledger.</summary>
/// <param name="After">What is known from then on.</param>
/// <param name="Refund">Amount taken back; 0: nothing is.</param>
/// <param name="RefundOf">Number of the rating whose debit it takes back.</param>
/// <param name="Debit">Amount charged; 0: nothing is.</param>
/// <param name="Counted">Counters that go up by one.</param>
public sealed record BillStep(Bill After, decimal Refund, int RefundOf, decimal Debit, IReadOnlyList<string> Counted)
{
    /// <summary>What it costs has changed, or was told for the first time.</summary>
    public bool Rates(Bill? before) => before is null || before.Number != After.Number;
}

/// <summary>Reads what Meta says of a price.</summary>
public static class PricingItem
{
    private const int WordMax = 64; // UTF-16 units of a word of Meta's that is kept

    /// <summary>The <c>pricing</c> of a status item; null: it has none.</summary>
    /// <param name="at">Timestamp of the status.</param>
    public static PricingEvidence? Read(JsonElement? item, DateTimeOffset at)
    {
        if (item is not { ValueKind: JsonValueKind.Object } status || !status.TryGetProperty("pricing", out var pricing)
            || pricing.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        return new(Word(pricing, "category"), Word(pricing, "type"), Word(pricing, "subtype"),
            pricing.TryGetProperty("billable", out var billable) && billable.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? billable.GetBoolean() : null,
            at, Rung(Word(status, "status")));
    }

    /// <summary>1 sent, 2 delivered, 3 read; 0: another word.</summary>
    public static int Rung(string? status) => status switch { "sent" => 1, "delivered" => 2, "read" or "played" => 3, _ => 0 };

    private static string? Word(JsonElement of, string name) =>
        of.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } word
        ? Common.Text.Cut(word, WordMax).ToLowerInvariant() : null;
}
