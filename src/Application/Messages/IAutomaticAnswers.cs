namespace Bsp.Application.Messages;

/// <summary>A last look at answers of machines before they leave.</summary>
public interface IAutomaticAnswers
{
    /// <summary>
    /// Those that must not leave any more, with why, in a word: a person has answered or taken the conversation, the customer wants no
    /// messages, or the window has closed.
    /// </summary>
    /// <param name="answers">Message and conversation, whose contact.</param>
    Task<IReadOnlyDictionary<Guid, string>> WithdrawnAsync(Guid organizationId,
        IReadOnlyCollection<(Guid MessageId, Guid ConversationId, Guid ContactId)> answers, CancellationToken ct);
}
