using System.Globalization;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Common;

namespace Bsp.Infrastructure.Documents;

/// <summary>What is hashed of a message's document: whose it is, its state, its times and its cost. Not its words, which an erasure
/// takes.</summary>
internal static class DocumentRows
{
    /// <summary>The same text as <see cref="InPostgres"/> and the MongoDB side make.</summary>
    public static string Text(MessageDocument d) => Text(d.Id.ToString(), d.Uuid.ToString(), d.ConversationUuid.ToString(), d.Direction,
        d.Status, d.Status, Time(d.CreatedAt), Time(d.SentAt), Time(d.DeliveredAt), Time(d.ReadAt), Time(d.FailedAt),
        d.Cost?.Amount is { } amount ? RowHash.Micros(amount).ToString(CultureInfo.InvariantCulture) : "");

    public static string Text(params ReadOnlySpan<string?> parts) => string.Join('|', parts);

    public static string? Time(DateTimeOffset? at) =>
        at?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private const string Amount = "doc #> '{cost,amount}'";

    /// <summary>Millionths; empty: none; an exclamation mark: no number.</summary>
    public const string Micros =
        $"CASE jsonb_typeof({Amount}) WHEN 'number' THEN round(({Amount})::numeric * 1000000)::text ELSE CASE WHEN {Amount} IS NULL "
            + $"THEN '' ELSE '!' END END";

    /// <summary>In millionths, for sums.</summary>
    public const string Sum = $"CASE jsonb_typeof({Amount}) WHEN 'number' THEN round(({Amount})::numeric * 1000000) ELSE 0 END";

    /// <summary>The text in PostgreSQL. The column beside the document must say what the document says.</summary>
    public static readonly string InPostgres = "concat(" + string.Join(", '|', ",
        "encode(_id, 'hex')", "doc ->> 'uuid'", "doc ->> 'conversation_uuid'", "doc ->> 'direction'", "doc ->> 'status'", "status",
        "doc ->> 'created_at'", "doc ->> 'sent_at'", "doc ->> 'delivered_at'", "doc ->> 'read_at'", "doc ->> 'failed_at'", Micros) + ")";
}

/// <summary>What a conversation's document counts.</summary>
internal sealed record ConversationRow(Guid Id, long Incoming, long Outgoing, long Position, DateTimeOffset CreatedAt);
