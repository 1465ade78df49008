using Bsp.Domain.Common;

namespace Bsp.Domain.Messages;

/// <summary>A customer's message was read by a machine, once.</summary>
/// <param name="Language">Two letters; null: it cannot be told.</param>
/// <param name="Sentiment"><c>positive</c>, <c>negative</c> or <c>neutral</c>.</param>
/// <param name="SentimentScore">−1 to 1.</param>
/// <param name="Intent">A word of docs/ai.md; <c>other</c>: none of them.</param>
/// <param name="Confidence">0 to 1: how sure the intent is.</param>
/// <param name="Words">Sealed JSON of what quotes the customer: <c>summary</c>, <c>suggested_replies</c>; null: neither.</param>
/// <param name="Saw">The event that it read.</param>
/// <param name="Fallback">Why the embedded reader took the place of the organization's model; null: it did not.</param>
/// <param name="ReceivedAt">When the message was received, as the views count it.</param>
/// <param name="NewContact">The contact was made for this message.</param>
[StoredAs("message_analysed")]
public sealed record MessageAnalysed(MessageRef Ref, string? Language, string Sentiment, decimal SentimentScore, string Intent,
    decimal Confidence, Sealed? Words, Guid Saw, ModelUse Use, string? Fallback, DateTimeOffset ReceivedAt, bool NewContact,
    DateTimeOffset At)
    : MessageEvent(Ref, At);

/// <summary>
/// A customer's message was answered by a machine: appended together with the answer, once for each message that it answers.
/// </summary>
/// <param name="ReplyId">The answer: a message of its own.</param>
/// <param name="Content">The answer's sealed text.</param>
/// <param name="SentimentScore">As it was read; null: it was not.</param>
/// <param name="ReceivedAt">When the message was received, as the views count it.</param>
/// <param name="NewContact">The contact was made for this message.</param>
[StoredAs("message_auto_replied")]
public sealed record MessageAutoReplied(MessageRef Ref, Guid ReplyId, Sealed Content, decimal? SentimentScore, DateTimeOffset ReceivedAt,
    bool NewContact, DateTimeOffset At)
    : MessageEvent(Ref, At);
