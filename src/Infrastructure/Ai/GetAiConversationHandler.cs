using Bsp.Application.Common;
using Bsp.Application.Ai;
using Bsp.Application.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Ai;

/// <summary>From the documents, whichever store holds them.</summary>
public sealed class GetAiConversationHandler(Shards shards, IDocumentStore documents)
    : IRequestHandler<GetAiConversation, AiConversationDocument?>
{
    public async Task<AiConversationDocument?> Handle(GetAiConversation query, CancellationToken ct) =>
        await documents.AiConversationAsync(await shards.OfAsync(query.OrganizationId, ct), query.OrganizationId,
            DocumentId.Of(query.ConversationId), ct);
}
