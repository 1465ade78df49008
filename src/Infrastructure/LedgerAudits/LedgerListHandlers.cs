using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Ledger;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>Audits and holds as lists.</summary>
public sealed class LedgerListHandlers(Shards shards)
    : IRequestHandler<ListLedgerAudits, Page<LedgerAuditView>>, IRequestHandler<ListHolds, Page<LedgerHoldView>>
{
    private static readonly Guid Last = Guid.Parse("ffffffff-ffff-ffff-ffff-ffffffffffff");

    public async Task<Page<LedgerAuditView>> Handle(ListLedgerAudits request, CancellationToken cancellationToken) =>
        Keyset.Of(await (await shards.OfAsync(request.OrganizationId, cancellationToken)).QueryAsync(request.OrganizationId, """
            SELECT id, status, from_month, to_month, entries, months, first_fault::text, checks::text, error, created_at, completed_at
              FROM bsp.ledger_audits WHERE organization_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3
            """, Audit, cancellationToken, request.OrganizationId, request.Cursor is null ? Last : Guid.Parse(request.Cursor),
            request.Limit + 1), request.Limit, audit => audit.Id);

    public async Task<Page<LedgerHoldView>> Handle(ListHolds request, CancellationToken cancellationToken)
    {
        var rows = await (await shards.OfAsync(request.OrganizationId, cancellationToken)).QueryAsync(request.OrganizationId, """
            SELECT reference, currency, category, placed, remaining, expires_at, created_at FROM bsp.ledger_holds
             WHERE organization_id = $1 AND reference > $2 AND state = 'open' ORDER BY reference LIMIT $3
            """, Hold, cancellationToken, request.OrganizationId, request.Cursor ?? "", request.Limit + 1);
        return rows.Count <= request.Limit ? new(rows, null) : new(rows[..request.Limit], rows[request.Limit - 1].Reference);
    }

    private static LedgerAuditView Audit(NpgsqlDataReader r) => new(r.GetGuid(0), r.GetString(1), r.TextOrNull(2), r.TextOrNull(3),
        r.GetInt64(4), r.GetInt32(5), r.IsDBNull(6) ? null : JsonSerializer.Deserialize<LedgerFault>(r.GetString(6)),
        JsonSerializer.Deserialize<LedgerCheck[]>(r.GetString(7))!, r.TextOrNull(8), r.GetFieldValue<DateTimeOffset>(9), r.TimeOrNull(10));

    private static LedgerHoldView Hold(NpgsqlDataReader r) => new(r.GetString(0), r.GetString(1), r.GetString(2), r.GetDecimal(3),
        r.GetDecimal(4), r.GetFieldValue<DateTimeOffset>(5), r.GetFieldValue<DateTimeOffset>(6));
}
