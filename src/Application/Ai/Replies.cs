using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Application.Ai;

/// <summary>One message of a conversation as a model is shown it.</summary>
/// <param name="FromCustomer">False: the business wrote it.</param>
/// <param name="Text">At most 1,000 characters.</param>
public sealed record Line(bool FromCustomer, string Text, DateTimeOffset At);

/// <summary>What is to be answered.</summary>
/// <param name="History">Oldest first.</param>
/// <param name="Burst">What no one has answered yet, oldest first.</param>
/// <param name="Contact">What of the contact may be told; null: nothing.</param>
/// <param name="Language">Of the customer; null: not known.</param>
/// <param name="Intent">As it was read.</param>
/// <param name="Confidence">How sure that is.</param>
/// <param name="Canned">The organization's canned replies.</param>
public sealed record Question(IReadOnlyList<Line> History, IReadOnlyList<Line> Burst, JsonElement? Contact, string? Language, string Intent,
    double Confidence, IReadOnlyList<CannedText> Canned);

/// <summary>A canned reply.</summary>
public sealed record CannedText(string Shortcut, string Text, string? Language);

/// <summary>What is to be done about a burst.</summary>
public enum ReplyAction
{
    /// <summary>The text is sent.</summary>
    Reply,

    /// <summary>A person goes on.</summary>
    Handover,

    /// <summary>Nothing is to be said.</summary>
    Silent,
}

/// <summary>What a machine made of a question.</summary>
/// <param name="Reason">Of a hand-over: a word of docs/ai.md.</param>
/// <param name="Text">Of an answer; null otherwise.</param>
/// <param name="Summary">Of the conversation; null: none was made.</param>
/// <param name="Use">Null: no model was asked, or none answered.</param>
public sealed record ReplyDecision(ReplyAction Action, string? Reason, string? Text, string Intent, double Confidence, string? Summary,
    ModelUse? Use)
{
    /// <summary>A person goes on.</summary>
    public static ReplyDecision Handover(string reason, string intent, double confidence, ModelUse? use = null) =>
        new(ReplyAction.Handover, reason, null, intent, confidence, null, use);
}

/// <summary>Answers customers. It can send nothing: what comes of an answer is decided by whoever asked.</summary>
public interface IReplyToCustomers
{
    /// <summary>
    /// Always a decision: a model that fails, is slow, refuses or answers nonsense comes to <see cref="ReplyAction.Handover"/>.
    /// </summary>
    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    Task<ReplyDecision> DecideAsync(Guid organizationId, AiSettings settings, Question question, CancellationToken ct);
}
