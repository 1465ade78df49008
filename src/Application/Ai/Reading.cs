using Bsp.Domain.Common;

namespace Bsp.Application.Ai;

/// <summary>What customers want, in the words that events and documents use.</summary>
public static class Intents
{
    public const string OrderStatus = "order_status";
    public const string ProductInfo = "product_info";
    public const string StoreInfo = "store_info";
    public const string Payment = "payment";
    public const string RefundReturn = "refund_return";
    public const string Appointment = "appointment";
    public const string Cancel = "cancel";
    public const string Complaint = "complaint";
    public const string Thanks = "thanks";
    public const string Greeting = "greeting";

    /// <summary>A person is asked for.</summary>
    public const string Human = "human";
    public const string Account = "account";

    /// <summary>No more messages are wanted. Consent is never changed by this: keywords and people do that.</summary>
    public const string OptOut = "opt_out";
    public const string Other = "other";

    public static readonly IReadOnlyList<string> All =
    [
        OrderStatus, ProductInfo, StoreInfo, Payment, RefundReturn, Appointment, Cancel, Complaint, Thanks, Greeting, Human, Account,
        OptOut, Other,
    ];
}

/// <summary>A text that is to be read.</summary>
/// <param name="Text">What the customer wrote, at most 4,096 characters.</param>
/// <param name="Hint">Language of the conversation so far; null: not known. A text too short to tell has it.</param>
public sealed record TextToRead(string Text, string? Hint);

/// <summary>What a text says.</summary>
/// <param name="Language">Two letters; null: it cannot be told.</param>
/// <param name="Score">−1 to 1.</param>
/// <param name="Intent">One of <see cref="Intents.All"/>.</param>
/// <param name="Confidence">0 to 1: how sure the intent is.</param>
/// <param name="Summary">One sentence of at most 200 characters; null: none.</param>
/// <param name="SuggestedReplies">At most three.</param>
public sealed record TextReading(string? Language, double Score, string Intent, double Confidence, string? Summary,
    IReadOnlyList<string> SuggestedReplies)
{
    private const double NeutralBelow = 0.2;

    /// <summary>The specification's word for a score.</summary>
    public static string Word(double score) => score >= NeutralBelow ? "positive" : score <= -NeutralBelow ? "negative" : "neutral";

    /// <summary><c>positive</c>, <c>negative</c> or <c>neutral</c>.</summary>
    public string Sentiment => Word(Score);
}

/// <summary>A reading with what it took.</summary>
/// <param name="Fallback">Why the embedded reader read it in place of the organization's model; null: it did not.</param>
public sealed record ReadText(TextReading Reading, ModelUse Use, string? Fallback);

/// <summary>Reads what customers write: embedded, or by a model. It always answers: when a model fails, the embedded reader does.</summary>
public interface IAnalyzeText
{
    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    Task<ReadText> ReadAsync(Guid organizationId, AiSettings settings, TextToRead text, CancellationToken ct);
}
