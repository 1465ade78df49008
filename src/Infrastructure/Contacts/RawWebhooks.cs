using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;

namespace Bsp.Infrastructure.Contacts;

/// <inheritdoc cref="IRawWebhooks"/>
public sealed class RawWebhooks(JournalTraces journal, IEventStore store) : IRawWebhooks
{
    // Meta's largest messages have some hundred KB; who looks at one message does not make us read what came beside it for seconds.
    private const int BytesMax = 1024 * 1024;

    public async Task<JsonElement?> OfAsync(Guid organizationId, MessageDocument message, CancellationToken ct)
    {
        if (message.WaMessageId is not { } wamid)
        {
            return null;
        }

        var stream = (await store.LoadManyAsync(organizationId, [message.Uuid], ct, archivedToo: true))[0];
        return stream.Events is [var first, ..] && JournalTraces.Row(first.Body) is { } row
            ? await journal.ItemAsync(organizationId, row, wamid, BytesMax, ct) : null;
    }
}
