using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;

namespace Bsp.Application.Messages;

/// <summary>
/// What a person answers: the message and the conversation's mark of it are one append at the conversation's version, so that of two who
/// answer at once the second one is told of the first, if they
/// said how far they had seen. Decision: docs/decisions/0251.
/// </summary>
public sealed class PersonsAnswers(IEventStore store, TimeProvider clock)
{
    private const int AttemptsMax = 50;

    /// <param name="seen">Null: whatever a colleague has answered meanwhile.</param>
    /// <exception cref="Refusal"><c>conversation.answered_meanwhile</c>, <c>conversation.window_closed</c></exception>
    public async Task<Done> AppendAsync(
        Guid organizationId, MessageRef reference, TemplateUse? template, Sealed content, SentBy by, Position? seen, CancellationToken ct)
    {
        var of = new ConversationOf(reference.ConversationId, reference.AccountId, reference.ContactId);
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            var (state, version, _) = await store.LoadStateAsync<Conversation, ConversationEvent>(organizationId, of.Id, ct);
            var now = clock.GetUtcNow();
            if (template is null)
            {
                Conversation.RequireOpenWindow(state, now);
            }

            if (seen is { } position && await LaterAsync(organizationId, state, by.Who, reference.MessageId, position, ct))
            {
                throw new Refusal("conversation.answered_meanwhile",
                    "A colleague has answered since what you had seen. Look at their answer, then send yours with force, or with the position that you have seen then.");
            }

            var message =
                new StreamAppend(reference.MessageId, Message.StreamType, 0,
                    Message.Queue(Message.Initial, reference, template, content, by, now));
            var mark = new StreamAppend(of.Id, Conversation.StreamType, version,
                [Conversation.Answer(of, reference.MessageId, by.UserId, by.Who, now)]);
            var outcome = await store.AppendAsync(organizationId, [message, mark], ct);
            if (outcome.Verdict == AppendVerdict.Ok || outcome.Versions[0] > 0) // there already: the same request came before
            {
                return new(reference.MessageId, Math.Max(1, outcome.Versions[0]));
            }

            if (outcome.Verdict == AppendVerdict.Archived)
            {
                await store.RestoreAsync(organizationId, [of.Id], ct);
            }
        }

        throw new VersionConflict(of.Id, named: false);
    }

    // The place of an answer is that of its message, which was appended with it.
    private async Task<bool> LaterAsync(Guid organizationId, Conversation state, string who, Guid own, Position seen, CancellationToken ct)
    {
        var others = (state.Answers ?? []).Where(a => a.By != who && a.MessageId != own).Select(a => a.MessageId).ToList();
        var found = others.Count == 0 ? [] : await store.LoadManyAsync(organizationId, others, ct, archivedToo: true);
        return found.Any(stream => stream.Events is [var first, ..] && first.Sequence > seen.Sequence);
    }
}
