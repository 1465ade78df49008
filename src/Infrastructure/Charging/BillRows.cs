using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Domain.Charging;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Charging;

/// <summary>Which message, and of a group which participant (empty: none).</summary>
internal readonly record struct BillKey(Guid MessageId, string Participant);

/// <summary>A bill with what is shown of its message.</summary>
internal sealed record BillRow(BillKey Key, Guid ContactId, Guid? CampaignId, string MessageType, DateTimeOffset SentAt, Bill Bill,
    string Currency);

/// <summary>Rows of <c>bsp.message_bills</c>.</summary>
internal static class BillRows
{
    private const string Columns = """
        b.message_id, b.participant, b.contact_id, b.campaign_id, b.message_type, b.sent_at, b.account_id, b.recipient, b.delivered_at, b.sent_as, b.in_window, b.evidence::text,
        b.outcome, b.amount, b.market, b.category, b.pricing_type, b.card, b.reason, b.number, b.debit_number, b.evidence_at, b.evidence_rung, b.takes_included, b.currency
        """;

    /// <summary>Those of the named messages that have any.</summary>
    public static async Task<Dictionary<BillKey, BillRow>> FindAsync(TenantTransaction tx, Guid organizationId, Guid[] messages,
        CancellationToken ct) => messages.Length == 0 ? []
        : (await tx.QueryAsync($"""
            SELECT {Columns} FROM unnest($2::uuid[]) AS i (id)
             CROSS JOIN LATERAL (SELECT * FROM bsp.message_bills m WHERE m.organization_id = $1 AND m.message_id = i.id OFFSET 0) b
            """, Read, ct, organizationId, messages)).ToDictionary(r => r.Key);

    /// <summary>Pending ones that no tariff of this version has judged, locked.</summary>
    public static Task<List<BillRow>> PendingAsync(TenantTransaction tx, Guid organizationId, long tariff, int max,
        CancellationToken ct) => tx.QueryAsync($"""
        SELECT {Columns} FROM bsp.message_bills b WHERE b.organization_id = $1 AND b.outcome = 'pending' AND b.tariff_version < $2 ORDER BY b.message_id, b.participant LIMIT $3
        """, Read, ct, organizationId, tariff, max);

    /// <summary>Writes them as they are now.</summary>
    public static async Task SaveAsync(TenantTransaction tx, Guid organizationId, IReadOnlyCollection<BillRow> rows, long tariff,
        DateTimeOffset now, CancellationToken ct)
    {
        if (rows.Count == 0)
        {
            return;
        }

        await tx.ExecuteAsync("""
            INSERT INTO bsp.message_bills AS b (organization_id, message_id, participant, account_id, contact_id, campaign_id, message_type, recipient, sent_as, in_window, sent_at, delivered_at,
              outcome, amount, currency, market, category, pricing_type, card, reason, number, debit_number, evidence, evidence_at, evidence_rung, takes_included, tariff_version, updated_at)
            SELECT $1, i.*, $26, $27 FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::bool[], $11::timestamptz[], $12::timestamptz[],
              $13::text[], $14::numeric[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::int[], $22::int[], $23::jsonb[], $24::timestamptz[], $25::smallint[], $28::bool[]) i
            ON CONFLICT (organization_id, message_id, participant) DO UPDATE SET outcome = excluded.outcome, amount = excluded.amount, market = excluded.market, category = excluded.category,
              pricing_type = excluded.pricing_type, card = excluded.card, reason = excluded.reason, number = excluded.number, debit_number = excluded.debit_number, evidence = excluded.evidence,
              evidence_at = excluded.evidence_at, evidence_rung = excluded.evidence_rung, takes_included = excluded.takes_included, tariff_version = excluded.tariff_version, updated_at = excluded.updated_at
            """, ct, organizationId, Of(rows, r => r.Key.MessageId), Of(rows, r => r.Key.Participant), Of(rows, r => r.Bill.Delivery.AccountId), Of(rows, r => r.ContactId), Of(rows, r => r.CampaignId),
            Of(rows, r => r.MessageType), Of(rows, r => r.Bill.Delivery.Recipient), Of(rows, r => r.Bill.Delivery.SentAs),
            Of(rows, r => r.Bill.Delivery.InWindow), Of(rows, r => r.SentAt.UtcDateTime),
            Of(rows, r => r.Bill.Delivery.DeliveredAt.UtcDateTime), Of(rows, r => Word(r.Bill.Outcome)), Of(rows, r => r.Bill.Amount),
            Of(rows, r => r.Currency), Of(rows, r => r.Bill.Market),
            Of(rows, r => r.Bill.Category), Of(rows, r => r.Bill.Type), Of(rows, r => r.Bill.Card), Of(rows, r => r.Bill.Reason),
            Of(rows, r => r.Bill.Number), Of(rows, r => r.Bill.DebitNumber),
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb,
                Value = rows.Select(r => Json(r.Bill.Delivery.Evidence)).ToArray() }, Of(rows, r => r.Bill.EvidenceAt?.UtcDateTime),
            Of(rows, r => (short)r.Bill.EvidenceRung), tariff, now.UtcDateTime, Of(rows, r => r.Bill.Included));
    }

    /// <summary>The outcome as it is stored and shown.</summary>
    public static string Word(RatingOutcome outcome) => outcome.ToString().ToLowerInvariant();

    /// <summary>Evidence as it is kept.</summary>
    public static string? Json(PricingEvidence? evidence) => evidence is null ? null : JsonSerializer.Serialize(evidence, EventTypes.Json);

    private static NpgsqlParameter Of<T>(IReadOnlyCollection<BillRow> rows, Func<BillRow, T> value) =>
        new() { Value = rows.Select(value).ToArray() };

    private static BillRow Read(NpgsqlDataReader r)
    {
        var evidence = r.IsDBNull(11) ? null : JsonSerializer.Deserialize<PricingEvidence>(r.GetString(11), EventTypes.Json);
        var delivery =
            new Delivery(r.GetGuid(6), Text(r, 7), r.GetFieldValue<DateTimeOffset>(8), r.GetString(9), r.IsDBNull(10) ? null
                : r.GetBoolean(10), evidence);
        return new(new(r.GetGuid(0), r.GetString(1)), r.GetGuid(2), r.IsDBNull(3) ? null
            : r.GetGuid(3), r.GetString(4), r.GetFieldValue<DateTimeOffset>(5),
            new(delivery, Enum.Parse<RatingOutcome>(r.GetString(12), ignoreCase: true), r.GetDecimal(13), Text(r, 14), Text(r, 15),
                Text(r, 16), Text(r, 17), Text(r, 18), r.GetInt32(19), r.GetInt32(20),
                r.IsDBNull(21) ? null : r.GetFieldValue<DateTimeOffset>(21), r.GetInt16(22), r.GetBoolean(23)), r.GetString(24));
    }

    private static string? Text(NpgsqlDataReader r, int column) => r.IsDBNull(column) ? null : r.GetString(column);
}
