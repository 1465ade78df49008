using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// Events → rows, one JSON object a line. A row's identity is (organization, timestamp, message, status), all taken from the fact. An inbound message is a row
/// <c>delivered</c>, <c>inbound</c> (the enum has no word for it). A rejected one is <c>failed</c>. A failure that a delivery overruled is written again at its own time with count 0.
/// </summary>
public static class MessageAnalyticsRows
{
    /// <summary>Empty when the page has none.</summary>
    public static ReadOnlyMemory<byte> Write(EventPage page, IReadOnlyDictionary<Guid, PriorSettlement> priors)
    {
        var buffer = new ArrayBufferWriter<byte>(page.Events.Count * 512 + 16);
        using var json = new Utf8JsonWriter(buffer);
        foreach (var stored in page.Events)
        {
            var position = new Position(page.Shard.Epoch, stored.Sequence).Packed;
            foreach (var row in Of(stored, priors.GetValueOrDefault(stored.Id)))
            {
                json.Reset();
                Write(json, stored.OrganizationId, ((MessageEvent)stored.Body!).Ref, row, position);
                json.Flush();
                buffer.Write("\n"u8);
            }
        }

        return buffer.WrittenMemory;
    }

    private sealed record Row(string Status, DateTimeOffset At, int Count = 1, decimal Cost = 0, bool NewContact = false, long DeliveryMs = 0, long ReadMs = 0);

    private static IEnumerable<Row> Of(StoredEvent stored, PriorSettlement? prior)
    {
        switch (stored.Body)
        {
            case MessageSent e: yield return new("sent", e.At, Cost: Cost(e.Evidence, stored)); break;
            case MessageDelivered e:
                yield return new("delivered", e.At, DeliveryMs: Ms(e.SentAt, e.At));
                if (e.FailedAt is { } failed)
                {
                    yield return new("failed", failed, Count: 0);
                }

                break;
            case MessageRead e: yield return new("read", e.At, ReadMs: Ms(e.DeliveredAt, e.At)); break;
            case MessageFailed e: yield return new("failed", e.At); break;
            case MessageRejected e: yield return new("failed", e.At); break;
            case MessageAccepted when prior is { Kind: "rejected" }: yield return new("failed", prior.At, Count: 0); break;
            case MessageReceived e: yield return new("delivered", e.At, NewContact: e.NewContact); break;
        }
    }

    // On one status row of a message only (facts/clickhouse.md): the first one, "sent".
    private static decimal Cost(Evidence? evidence, StoredEvent stored) => evidence?.Item is { } item ? MessageDocumentPricing.Read(item)?.Amount ?? 0 : 0;

    private static long Ms(DateTimeOffset from, DateTimeOffset to) => Math.Clamp((long)(to - from).TotalMilliseconds, 0, uint.MaxValue);

    private static void Write(Utf8JsonWriter json, Guid organizationId, MessageRef of, Row row, long position)
    {
        json.WriteStartObject();
        json.WriteString("timestamp", row.At.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture));
        json.WriteString("organization_id", organizationId);
        json.WriteString("account_id", of.AccountId);
        json.WriteString("campaign_id", of.CampaignId ?? Guid.Empty);
        json.WriteString("contact_id", of.ContactId);
        json.WriteString("message_id", of.MessageId);
        json.WriteString("direction", of.Direction);
        json.WriteString("message_type", NearestMessageType.ForAnalytics(of.Type));
        json.WriteString("status", row.Status);
        json.WriteNumber("count", row.Count);
        json.WriteString("cost", row.Cost.ToString(CultureInfo.InvariantCulture));
        json.WriteNumber("sentiment_score", 0);
        json.WriteNumber("ai_processed", 0);
        json.WriteNumber("auto_replied", 0);
        json.WriteNumber("new_contact", row.NewContact ? 1 : 0);
        json.WriteNumber("delivery_time_ms", row.DeliveryMs);
        json.WriteNumber("read_time_ms", row.ReadMs);
        json.WriteString("message_type_exact", of.Type);
        json.WriteNumber("position", position);
        json.WriteEndObject();
    }
}
