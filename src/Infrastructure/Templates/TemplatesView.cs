using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Domain.Templates;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Templates;

/// <summary>
/// The specification's table <c>templates</c>, in the append's own transaction. Few and slow-moving, so one statement an event.
/// </summary>
public sealed class TemplatesView : IInlineView
{
    public IReadOnlyCollection<string> EventTypes { get; } =
    [
        "template_created", "template_revised", "template_submitted", "template_status_changed", "template_category_changed",
            "template_quality_changed", "template_components_changed", "template_deleted",
    ];

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        foreach (var stored in events)
        {
            if (Statement(stored) is { } command)
            {
                batch.BatchCommands.Add(command);
            }

            if (stored.Body is TemplateDeleted deleted)
            {
                batch.BatchCommands.Add(Sql("DELETE FROM bsp.template_names WHERE template_id = $1", deleted.TemplateId));
            }
        }
    }

    private static NpgsqlBatchCommand? Statement(StoredEvent stored) => stored.Body switch
    {
        TemplateCreated e => Sql("""
            INSERT INTO templates (id, organization_id, account_id, name, category, language, components, variables, status, status_exact, created_at, updated_at, version)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'DRAFT', 'DRAFT', $9, $9, $10)
            """, e.TemplateId, stored.OrganizationId, e.AccountId, e.Name, e.Category, e.Language, Jsonb(e.Components), Jsonb(e.Variables), e.At.UtcDateTime, stored.Version),
        TemplateRevised e =>
            Update(stored, e.At,
                "category = $4, components = $5, variables = $6, status = 'DRAFT', status_exact = 'DRAFT', rejection_reason = NULL",
                e.Category, Jsonb(e.Components), Jsonb(e.Variables)),
        TemplateSubmitted e => Update(stored, e.At, """
            meta_template_id = CASE WHEN bsp.meta_template_free($4, id) THEN $4 ELSE meta_template_id END, status = $5, status_exact = $5, category = $6, rejection_reason = NULL, submitted_at = $3,
            approved_at = CASE WHEN $5 = 'APPROVED' THEN $3 ELSE approved_at END
            """, e.MetaTemplateId, e.Status, e.Category),
        TemplateStatusChanged e => Update(stored, e.At, """
            status = $4, status_exact = $5, meta_template_id = CASE WHEN $5 = 'NOT_AT_META' THEN NULL ELSE meta_template_id END,
            rejection_reason = CASE WHEN $4 IN ('REJECTED', 'PAUSED') THEN $6 END,
            approved_at = CASE WHEN $4 = 'APPROVED' AND status <> 'PAUSED' THEN $3 ELSE approved_at END
            """, e.Status, e.StatusExact, new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)e.Reason ?? DBNull.Value }),
        TemplateCategoryChanged e => Update(stored, e.At, "category = $4", e.Category),
        TemplateQualityChanged e => Update(stored, e.At, "quality = $4", e.Quality),
        TemplateComponentsChanged e => Update(stored, e.At, "components = $4", Jsonb(e.Components)),
        TemplateDeleted e => Update(stored, e.At, "deleted_at = $3"),
        _ => null,
    };

    private static NpgsqlBatchCommand Update(StoredEvent stored, DateTimeOffset at, string set, params object[] arguments) =>
        Sql($"UPDATE templates SET version = $2, updated_at = greatest(updated_at, $3), {set} WHERE id = $1",
            [stored.StreamId, stored.Version, at.UtcDateTime, .. arguments]);

    private static NpgsqlBatchCommand Sql(string text, params object[] arguments)
    {
        var command = new NpgsqlBatchCommand(text);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(argument as NpgsqlParameter ?? new NpgsqlParameter { Value = argument });
        }

        return command;
    }

    private static NpgsqlParameter Jsonb(JsonElement? json) =>
        new() { NpgsqlDbType = NpgsqlDbType.Jsonb, Value = json is { } given ? given.GetRawText() : DBNull.Value };
}
