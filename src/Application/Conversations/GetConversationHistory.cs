using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using MediatR;

namespace Bsp.Application.Conversations;

/// <summary>
/// Who assigned, filed, put aside and read the conversation, from the log itself, oldest first. Refused with <c>conversation.unknown</c>.
/// </summary>
public sealed record GetConversationHistory(Guid OrganizationId, Guid ConversationId, int Limit, string? Cursor)
    : IRequest<Page<StoredFact>>;

public sealed class GetConversationHistoryHandler(IEventLog log, ConversationParties parties)
    : IRequestHandler<GetConversationHistory, Page<StoredFact>>
{
    // Not who wrote: that is what its messages show.
    private static readonly string[] Types =
        ["conversation_assigned", "conversation_classified", "conversation_snoozed", "conversation_woken", "conversation_read"];

    public async Task<Page<StoredFact>> Handle(GetConversationHistory query, CancellationToken ct)
    {
        await parties.RequireAsync(query.OrganizationId, query.ConversationId, ct);
        var after = query.Cursor is null ? Position.Start : Position.TryParse(query.Cursor, out var position) ? position
            : throw new Refusal("cursor.invalid", "This cursor is not one of ours. Start again without it.");
        var slice = await log.ReadAsync(query.OrganizationId, new(Types, query.ConversationId), after, query.Limit, ct);
        return new([.. slice.Events.Select(StoredFact.Of)], slice.Events.Count == query.Limit && slice.More ? slice.UpTo.ToToken() : null);
    }
}
