using System.Text.Json;
using Bsp.Application.Imports;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Imports;

public sealed class GetImportHandler(Shards shards) : IRequestHandler<GetImport, ImportView>
{
    public async Task<ImportView> Handle(GetImport query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        return await shard.FirstAsync(query.OrganizationId, """
            SELECT id, status, total, done, created, updated, duplicates, rejected, file_sha256, source, proof, error, created_at, updated_at, completed_at, rejects_kept FROM bsp.imports WHERE id = $1
            """, row => new ImportView(row.GetGuid(0), row.GetString(1), row.GetInt32(2), row.GetInt32(3), row.GetInt32(4), row.GetInt32(5), row.GetInt32(6), row.GetInt32(7),
                row.GetBoolean(15) ? $"/v1/imports/{row.GetGuid(0)}/rejected"
                : null, row.GetString(8), row.GetString(9), row.TextOrNull(10), row.TextOrNull(11),
                row.GetFieldValue<DateTimeOffset>(12), row.GetFieldValue<DateTimeOffset>(13), row.TimeOrNull(14)), ct, query.ImportId)
            ?? throw Unknown();
    }

    internal static Refusal Unknown() => new("import.unknown", "There is no such import.");
}

public sealed class ListRejectedRowsHandler(Shards shards) : IRequestHandler<ListRejectedRows, RejectedRows>
{
    private const int RowsMax = 5000;

    public async Task<RejectedRows> Handle(ListRejectedRows query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var (columns, kept) =
            await shard.FirstAsync(query.OrganizationId, "SELECT columns, rejects_kept FROM bsp.imports WHERE id = $1", row =>
                (row.GetFieldValue<string[]>(0), row.GetBoolean(1)), ct, query.ImportId);
        if (columns is null || !kept)
        {
            throw columns is null ? GetImportHandler.Unknown()
                : new Refusal("import_rejects.unknown", $"Bad rows are kept for {ImportView.RejectsKeptDays} days.");
        }

        return new(columns, await shard.QueryAsync(query.OrganizationId,
            "SELECT row, line, column_name, reason, fields FROM bsp.import_rejects WHERE import_id = $1 AND row > $2 ORDER BY row LIMIT $3",
            row => new RejectedRow(row.GetInt32(0), row.GetInt32(1), row.TextOrNull(2), row.GetString(3),
                JsonSerializer.Deserialize<string[]>(row.GetString(4))!), ct,
            query.ImportId, query.AfterRow, Math.Min(query.Limit, RowsMax)));
    }
}
