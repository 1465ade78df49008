using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using MediatR;

namespace Bsp.Application.Messages;

/// <summary>Null: there is none in this organization (a skipped message never became one; its history says why).</summary>
public sealed record GetMessage(Guid OrganizationId, Guid MessageId) : IRequest<MessageDocument?>;

/// <summary>
/// Every fact of a message from the log itself, in order, as it was at a moment; sealed parts stay sealed. Null: there was no such message
/// in this organization.
/// </summary>
public sealed record GetMessageHistory(Guid OrganizationId, Guid MessageId, AsOf AsOf) : IRequest<IReadOnlyList<StoredFact>?>;

/// <summary>What Meta sent, as it came.</summary>
public interface IRawWebhooks
{
    /// <summary>
    /// The message's item out of the journal, which keeps it for days; null: it is there no more, or was erased. Asked for a document
    /// that was written before documents held it themselves.
    /// </summary>
    Task<System.Text.Json.JsonElement?> OfAsync(Guid organizationId, MessageDocument message, CancellationToken ct);
}

public sealed class MessageQueryHandler(IMessageDocuments documents, SenderNames names, IEventLog log, IRawWebhooks webhooks)
    : IRequestHandler<GetMessage, MessageDocument?>, IRequestHandler<GetMessageHistory, IReadOnlyList<StoredFact>?>
{
    public async Task<MessageDocument?> Handle(GetMessage query, CancellationToken ct) =>
        await documents.MessageAsync(query.OrganizationId, query.MessageId, ct) is { } message
        ? (await names.NamedAsync(query.OrganizationId, [message], ct))[0] with
        {
            RawWebhook = message.RawWebhook ?? await webhooks.OfAsync(query.OrganizationId, message, ct),
        } : null;

    public async Task<IReadOnlyList<StoredFact>?> Handle(GetMessageHistory query, CancellationToken ct)
    {
        var stream = await log.ReadStreamAsync(query.OrganizationId, query.MessageId, query.AsOf, ct);
        return stream.Events.Any(StoredFact.IsOf<MessageEvent>) ? [.. stream.Events.Select(StoredFact.Of)] : null;
    }
}
