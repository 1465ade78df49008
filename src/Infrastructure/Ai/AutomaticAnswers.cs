using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Conversations;

namespace Bsp.Infrastructure.Ai;

/// <inheritdoc cref="IAutomaticAnswers"/>
public sealed class AutomaticAnswers(IEventStore store, ISendReferences references, TimeProvider clock) : IAutomaticAnswers
{
    public async Task<IReadOnlyDictionary<Guid, string>> WithdrawnAsync(Guid organizationId,
        IReadOnlyCollection<(Guid MessageId, Guid ConversationId, Guid ContactId)> answers, CancellationToken ct)
    {
        var withdrawn = new Dictionary<Guid, string>();
        foreach (var (message, conversation, contact) in answers)
        {
            var (state, _, _) = await store.LoadStateAsync<Conversation, ConversationEvent>(organizationId, conversation, ct);
            if (AutoAnswering.Withdrawn(state, clock.GetUtcNow()) is { } reason)
            {
                withdrawn[message] = $"ai_{reason}";
            }
            else if (await references.ConsentAsync(organizationId, contact, ct) == "OPTED_OUT")
            {
                withdrawn[message] = "ai_no_consent";
            }
        }

        return withdrawn;
    }
}
