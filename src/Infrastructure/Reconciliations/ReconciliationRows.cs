using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Reconciliations;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary><c>bsp.reconciliations</c>.</summary>
internal static class ReconciliationRows
{
    private const int Kept = 100;
    private const string Columns = "id, organization_id, scope, status, first::text, rows::text, started_at, completed_at";

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static async Task SaveAsync(Shard shard, ReconciliationView view, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(view.OrganizationId, ct);
        await transaction.ExecuteAsync("""
            INSERT INTO bsp.reconciliations (id, organization_id, scope, status, first, rows, started_at, completed_at)
            VALUES ($1, $2, $3, $4, $5::text::jsonb, $6::text::jsonb, $7, $8) ON CONFLICT DO NOTHING
            """, ct, view.Id, view.OrganizationId, view.Scope, view.Status,
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text, Value = view.First is null ? DBNull.Value : Text(view.First) },
            Text(view.Rows), view.StartedAt.UtcDateTime, view.CompletedAt.UtcDateTime);
        await transaction.ExecuteAsync("""
            DELETE FROM bsp.reconciliations a WHERE a.organization_id = $1
               AND a.id < (SELECT k.id FROM bsp.reconciliations k WHERE k.organization_id = $1 ORDER BY k.id DESC OFFSET $2 LIMIT 1)
            """, ct, view.OrganizationId, Kept - 1);
        await transaction.CommitAsync(ct);
    }

    public static ReconciliationView Read(NpgsqlDataReader row) => new(row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetString(3),
        row.IsDBNull(4) ? null : JsonSerializer.Deserialize<ReconciliationFault>(row.GetString(4), Json),
        JsonSerializer.Deserialize<ReconciliationRow[]>(row.GetString(5), Json)!, row.GetFieldValue<DateTimeOffset>(6),
        row.GetFieldValue<DateTimeOffset>(7));

    public static string Select(string where) => $"SELECT {Columns} FROM bsp.reconciliations WHERE {where}";

    // PostgreSQL's jsonb cannot hold U+0000, which a spoiled document may show.
    private static string Text<T>(T value) => JsonSerializer.Serialize(value, Json).Replace("\\u0000", "\uFFFD", StringComparison.Ordinal);
}

public sealed class ListReconciliationsHandler(Shards shards) : IRequestHandler<ListReconciliations, Page<ReconciliationView>>
{
    private static readonly Guid Last = new("ffffffff-ffff-ffff-ffff-ffffffffffff");

    public async Task<Page<ReconciliationView>> Handle(ListReconciliations query, CancellationToken ct)
    {
        var before = query.Cursor is null ? Last : Guid.Parse(query.Cursor);
        var status = new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)query.Status ?? DBNull.Value };
        var rows = await (await shards.OfAsync(query.OrganizationId, ct)).QueryAsync(query.OrganizationId,
            ReconciliationRows.Select("organization_id = $1 AND id < $2 AND ($3 IS NULL OR status = $3) ORDER BY id DESC LIMIT $4"),
            ReconciliationRows.Read, ct, query.OrganizationId, before, status, query.Limit + 1);
        return Keyset.Of(rows, query.Limit, r => r.Id);
    }
}

public sealed class GetReconciliationHandler(Shards shards) : IRequestHandler<GetReconciliation, ReconciliationView>
{
    public async Task<ReconciliationView> Handle(GetReconciliation query, CancellationToken ct) =>
        await (await shards.OfAsync(query.OrganizationId, ct)).FirstAsync(query.OrganizationId,
            ReconciliationRows.Select("id = $1 AND organization_id = $2"), ReconciliationRows.Read, ct, query.Id, query.OrganizationId)
        ?? throw new Refusal("reconciliation.unknown", "There is no such reconciliation.");
}
