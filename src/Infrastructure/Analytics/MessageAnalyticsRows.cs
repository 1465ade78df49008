using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// Events → rows, one JSON object a line. A row's identity is (organization, timestamp, message, status), all taken from the fact. An
/// inbound message is a row
/// <c>delivered</c>, <c>inbound</c> (the enum has no word for it), written again when it was analysed and when it was answered by a
/// machine. A rejected one is <c>failed</c>. A failure that a delivery overruled is
/// written again at its own time with count 0.
/// </summary>
public static class MessageAnalyticsRows
{
    // A table takes rows of 100 months at most in one insert (code 252 otherwise), and each month is a part to be merged.
    private const int MonthsMax = 50;
    private const int WordUnitsMax = 64;

    /// <summary>
    /// The rows of a page, in as many inserts as their months need, the oldest months first; nearly always one. None when the page has no
    /// rows.
    /// </summary>
    internal static IReadOnlyList<AnalyticsBatch> Write(EventPage page, IReadOnlyDictionary<Guid, PriorSettlement> priors,
        IReadOnlyDictionary<Guid, Guid> templates)
    {
        var rows = page.Events.Select(FactTime.Bounded)
            .SelectMany(stored => Of(stored, priors.GetValueOrDefault(stored.Id)).Select(row => (Stored: stored, Row: row))).ToList();
        var months = rows.Select(r => Month(r.Row)).Distinct().Order().ToList();
        return months.Count <= MonthsMax
            ? rows.Count == 0 ? [] : [Write(page, rows, templates)]
            : [.. months.Chunk(MonthsMax)
                .Select(some => Write(page, [.. rows.Where(r => Month(r.Row) >= some[0] && Month(r.Row) <= some[^1])], templates))];
    }

    /// <summary>Names one of the inserts of a page, so that a repeat is known as one.</summary>
    public static string Token(string projection, EventPage page, long generation, int insert) =>
        string.Create(CultureInfo.InvariantCulture,
            $"{projection}/{page.Shard.Name}/{generation}/{page.After}/{page.UpTo}{(insert == 0 ? "" : $"/{insert}")}");

    private static int Month(Row row) => (row.At.UtcDateTime.Year * 12) + row.At.UtcDateTime.Month;

    private static AnalyticsBatch Write(EventPage page, List<(StoredEvent Stored, Row Row)> rows, IReadOnlyDictionary<Guid, Guid> templates)
    {
        var keys = new HashSet<(Guid, long, string)>();
        var buffer = new ArrayBufferWriter<byte>((rows.Count * 512) + 16);
        using var json = new Utf8JsonWriter(buffer);
        foreach (var (stored, row) in rows)
        {
            json.Reset();
            var of = row.Of ?? ((MessageEvent)stored.Body!).Ref;
            keys.Add((of.MessageId, row.At.ToUnixTimeMilliseconds(), row.Status));
            Write(json, stored.OrganizationId, of, row, templates.GetValueOrDefault(of.MessageId),
                new Position(page.Shard.Epoch, stored.Sequence).Packed);
            json.Flush();
            buffer.Write("\n"u8);
        }

        return new(buffer.WrittenMemory, rows.Count, keys.Count, [.. rows.Select(r => r.Stored.OrganizationId).Distinct()],
            rows.Min(r => r.Row.At), rows.Max(r => r.Row.At), new Position(page.Shard.Epoch, page.After).Packed);
    }

    /// <summary>A row before it is written.</summary>
    /// <param name="Of">Null: the event's own message.</param>
    internal sealed record Row(string Status, DateTimeOffset At, int Count = 1, decimal Cost = 0, bool NewContact = false,
        long DeliveryMs = 0, long ReadMs = 0, MessageRef? Of = null, string ErrorCode = "", string Category = "", string Market = "",
        string Currency = "", decimal Sentiment = 0, bool Analysed = false, bool AutoReplied = false);

    /// <summary>The row of a delivery once more, with what it costs.</summary>
    internal static Row OfCharge(MessageCharge charge) => new("delivered", charge.DeliveredAt, Cost: charge.Amount,
        DeliveryMs: Ms(charge.SentAt, charge.DeliveredAt),
        Of: new(charge.MessageId, charge.AccountId, charge.ContactId, Guid.Empty, charge.CampaignId, charge.Type, "outbound"),
        Category: Text.Cut(charge.Category, WordUnitsMax) ?? "", Market: Text.Cut(charge.Market, WordUnitsMax) ?? "",
        Currency: Text.Cut(charge.Currency, WordUnitsMax) ?? "");

    /// <summary>The rows that an event calls for; its times are bounded (<see cref="FactTime"/>) by then.</summary>
    internal static IEnumerable<Row> Of(StoredEvent stored, PriorSettlement? prior)
    {
        switch (stored.Body)
        {
            case MessageSent e: yield return new("sent", e.At, Cost: Cost(e.Evidence, stored)); break;
            case MessageEchoed e when InboundKind.Of(e.Ref.Type).IsMessage: yield return new("sent", e.At); break;
            case MessageDelivered e:
                yield return new("delivered", e.At, DeliveryMs: Ms(e.SentAt, e.At));
                if (e.FailedAt is { } failed)
                {
                    yield return new("failed", failed, Count: 0);
                }

                break;
            case MessageRead e: yield return new("read", e.At, ReadMs: Ms(e.DeliveredAt, e.At)); break;
            case MessageFailed e: yield return new("failed", e.At, ErrorCode: Code(e.Code)); break;
            case MessagesCharged e:
                foreach (var charge in e.Charges)
                {
                    yield return OfCharge(charge);
                }

                break;
            case MessageRejected e: yield return new("failed", e.At, ErrorCode: Code(e.Code)); break;
            case MessageAccepted when prior is { Kind: "rejected" }: yield return new("failed", prior.At, Count: 0); break;
            case MessageReceived e
                when !InboundKind.IsNotice(e.Ref.Type): yield return new("delivered", e.At, NewContact: e.NewContact); break;
            // The row of the receipt once more, with all that is known by now: an answer follows the analysis.
            case MessageAnalysed e:
                yield return new("delivered", e.ReceivedAt, NewContact: e.NewContact, Sentiment: e.SentimentScore, Analysed: true);
                break;
            case MessageAutoReplied e:
                yield return new("delivered", e.ReceivedAt, NewContact: e.NewContact, Sentiment: e.SentimentScore ?? 0,
                    Analysed: e.SentimentScore is not null, AutoReplied: true);
                break;
        }
    }

    private static string Code(int? code) => code?.ToString(CultureInfo.InvariantCulture) ?? "unknown";

    // On one status row of a message only, because sums go over all its rows: the first one, "sent".
    private static decimal Cost(Evidence? evidence, StoredEvent stored) =>
        evidence?.Item is { } item ? MessageDocumentPricing.Read(item)?.Amount ?? 0 : 0;

    private static long Ms(DateTimeOffset from, DateTimeOffset to) => Math.Clamp((long)(to - from).TotalMilliseconds, 0, uint.MaxValue);

    private static void Write(Utf8JsonWriter json, Guid organizationId, MessageRef of, Row row, Guid template, long position)
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
        json.WriteNumber("sentiment_score", row.Sentiment);
        json.WriteNumber("ai_processed", row.Analysed ? 1 : 0);
        json.WriteNumber("auto_replied", row.AutoReplied ? 1 : 0);
        json.WriteNumber("new_contact", row.NewContact ? 1 : 0);
        json.WriteNumber("delivery_time_ms", row.DeliveryMs);
        json.WriteNumber("read_time_ms", row.ReadMs);
        json.WriteString("message_type_exact", Text.Cut(of.Type, NearestMessageType.ExactUnitsMax));
        json.WriteString("template_id", template);
        json.WriteString("error_code", row.ErrorCode);
        json.WriteString("category", row.Category);
        json.WriteString("market", row.Market);
        json.WriteString("currency", row.Currency);
        json.WriteNumber("position", position);
        json.WriteEndObject();
    }
}
