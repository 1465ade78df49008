using Bsp.Application.Charging;
using Bsp.Application.Common;
using Bsp.Domain.Charging;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Charging;

public sealed class ChargeQueries(Shards shards) : IRequestHandler<ListCharges, Page<ChargeView>>
{
    private const string Columns = """
        b.message_id, b.participant, b.account_id, b.campaign_id, b.outcome, b.amount, b.currency, b.market, b.category, b.pricing_type, b.card, b.evidence_at IS NULL, b.reason, b.debit_number, b.delivered_at, b.updated_at
        """;

    public async Task<Page<ChargeView>> Handle(ListCharges query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var seen = query.Cursor?.Split('/');
        var (from, compare, direction) = Keyset.Of(seen?[0], query.NewestFirst);
        var rows = await shard.QueryAsync(query.OrganizationId, $"""
            SELECT {Columns} FROM bsp.message_bills b
             WHERE b.organization_id = $1{(query.Outcome is null ? "" : " AND b.outcome = 'pending'")}{(query.MessageId is null ? "" : " AND b.message_id = $5")}
               AND (b.message_id, b.participant) {compare} ($2, $3)
             ORDER BY b.message_id {direction}, b.participant {direction} LIMIT $4
            """, View, ct, [query.OrganizationId, from, seen?[1] ?? "", query.Limit + 1, .. query.MessageId is { } id ? new object[] { id } : []]);
        return rows.Count <= query.Limit ? new(rows, null)
            : new(rows[..query.Limit], $"{rows[query.Limit - 1].MessageId}/{rows[query.Limit - 1].Participant}");
    }

    private static ChargeView View(NpgsqlDataReader r)
    {
        var (message, participant, number) = (r.GetGuid(0), r.GetString(1), r.GetInt32(13));
        return new(message, participant.Length == 0 ? null : participant, r.GetGuid(2), r.IsDBNull(3) ? null
            : r.GetGuid(3), r.GetString(4), r.GetDecimal(5), r.GetString(6), r.TextOrNull(7), r.TextOrNull(8), r.TextOrNull(9),
            r.TextOrNull(10), r.GetBoolean(11) ? "assumed" : "meta", r.TextOrNull(12), number == 0 ? null
            : Bill.Reference(message, participant, number), r.GetFieldValue<DateTimeOffset>(14), r.GetFieldValue<DateTimeOffset>(15));
    }
}
