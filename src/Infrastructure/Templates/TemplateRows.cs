using Bsp.Application.Templates;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Templates;

/// <summary>Between the table <c>templates</c> and what the application shows.</summary>
internal static class TemplateRows
{
    public const string Columns = """
        t.id, t.organization_id, t.account_id, t.name, t.meta_template_id, t.category, t.language, t.components, t.variables, t.status, t.status_exact, t.rejection_reason, t.quality,
        t.submitted_at, t.approved_at, t.created_at, t.updated_at, t.version
        """;

    public static TemplateView Read(NpgsqlDataReader row) =>
        new(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), row.GetString(3), row.TextOrNull(4), row.GetString(5), row.GetString(6),
        row.Json(7), row.IsDBNull(8) ? null : row.Json(8), row.GetString(9), row.GetString(10), row.TextOrNull(11), row.GetString(12),
        row.TimeOrNull(13), row.TimeOrNull(14), row.GetFieldValue<DateTimeOffset>(15), row.GetFieldValue<DateTimeOffset>(16),
        row.GetInt64(17));

    public static async Task<TemplateView> FindAsync(Shard shard, Guid organizationId, Guid templateId, CancellationToken ct) =>
        await shard.FirstAsync(organizationId, $"SELECT {Columns} FROM templates t WHERE t.id = $1 AND t.deleted_at IS NULL", Read, ct,
            templateId) ?? throw Unknown();

    public static Refusal Unknown() => new("template.unknown", "There is no such template.");
}
