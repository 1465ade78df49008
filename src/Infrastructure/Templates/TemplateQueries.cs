using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Templates;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;
using MediatR;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Templates;

public sealed class GetTemplateHandler(Shards shards) : IRequestHandler<GetTemplate, TemplateView>
{
    public async Task<TemplateView> Handle(GetTemplate query, CancellationToken ct) =>
        await TemplateRows.FindAsync(await shards.OfAsync(query.OrganizationId, ct), query.OrganizationId, query.TemplateId, ct);
}

public sealed class ListTemplatesHandler(Shards shards) : IRequestHandler<ListTemplates, Page<TemplateView>>
{
    public async Task<Page<TemplateView>> Handle(ListTemplates query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var rows = await shard.QueryAsync(query.OrganizationId, $"""
            SELECT {TemplateRows.Columns} FROM templates t
            WHERE t.organization_id = $1 AND t.id > $2 AND t.deleted_at IS NULL AND ($3::uuid IS NULL OR t.account_id = $3) AND ($4::text IS NULL OR t.status = $4) AND ($5::text IS NULL OR t.name = $5)
            ORDER BY t.id LIMIT $6
            """, TemplateRows.Read, ct, query.OrganizationId, query.Cursor is null ? Guid.Empty : Guid.Parse(query.Cursor), ContactRows.Nullable(NpgsqlDbType.Uuid, query.AccountId),
            ContactRows.Nullable(NpgsqlDbType.Text, query.Status), ContactRows.Nullable(NpgsqlDbType.Text, query.Name), query.Limit + 1);
        return rows.Count > query.Limit ? new(rows[..query.Limit], rows[query.Limit - 1].Id.ToString()) : new(rows, null);
    }
}

public sealed class GetTemplateVersionsHandler(IEventStore store) : IRequestHandler<GetTemplateVersions, IReadOnlyList<TemplateVersion>>
{
    public async Task<IReadOnlyList<TemplateVersion>> Handle(GetTemplateVersions query, CancellationToken ct)
    {
        var stream = await store.LoadAsync(query.OrganizationId, query.TemplateId, ct);
        return stream.Events is [{ Body: Domain.Templates.TemplateCreated }, ..]
            ? [.. stream.Events.Where(e => e.Body is not null)
                .Select(e =>
                    new TemplateVersion(e.Version, e.Type, e.Timestamp,
                        JsonSerializer.SerializeToElement(e.Body, e.Body!.GetType(), EventTypes.Json)))]
            : throw TemplateRows.Unknown();
    }
}

public sealed class PreviewTemplateHandler(Shards shards) : IRequestHandler<PreviewTemplate, TemplatePreview>
{
    public async Task<TemplatePreview> Handle(PreviewTemplate query, CancellationToken ct)
    {
        var template =
            await TemplateRows.FindAsync(await shards.OfAsync(query.OrganizationId, ct), query.OrganizationId, query.TemplateId, ct);
        return TemplatePreviews.Of(template.Components, template.Variables, query.Parameters);
    }
}
