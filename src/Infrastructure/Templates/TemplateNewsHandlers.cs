using Bsp.Application.EventStore;
using Bsp.Application.Templates;
using Bsp.Domain.Templates;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;
using MediatR;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Templates;

/// <summary>What Meta's webhooks say about templates. Finds the template, then decides; asking again finds nothing to do.</summary>
public sealed class TemplateNewsHandlers(Shards shards, IEventStore store) :
    IRequestHandler<RecordTemplateStatus, Guid?>, IRequestHandler<RecordTemplateCategory, Guid?>, IRequestHandler<RecordTemplateQuality, Guid?>, IRequestHandler<RecordTemplateComponents, Guid?>
{
    public Task<Guid?> Handle(RecordTemplateStatus news, CancellationToken ct) => DecideAsync(news, state => Template.ChangeStatus(state, news.Key.MetaTemplateId, news.Event, news.Reason, news.At), ct);

    public Task<Guid?> Handle(RecordTemplateCategory news, CancellationToken ct) => DecideAsync(news, state => Template.ChangeCategory(state, news.NewCategory, news.At), ct);

    public Task<Guid?> Handle(RecordTemplateQuality news, CancellationToken ct) => DecideAsync(news, state => Template.ChangeQuality(state, news.NewQuality, news.At), ct);

    public Task<Guid?> Handle(RecordTemplateComponents news, CancellationToken ct) => DecideAsync(news, state => Template.ChangeTexts(state, news.Title, news.Body, news.Footer, news.Buttons, news.At), ct);

    private async Task<Guid?> DecideAsync(ITemplateNews news, Func<Template, TemplateEvent[]> decide, CancellationToken ct)
    {
        if (await FindAsync(news, ct) is not { } templateId)
        {
            return null;
        }

        await store.DecideTemplate(news.OrganizationId, templateId, decide, null, ct);
        return templateId;
    }

    // By Meta's id; else the one of this name on the WABA's numbers that has none yet: its submission's answer is still on the way.
    private async Task<Guid?> FindAsync(ITemplateNews news, CancellationToken ct)
    {
        var shard = await shards.OfAsync(news.OrganizationId, ct);
        var found = await shard.QueryAsync(news.OrganizationId, """
            SELECT t.id FROM templates t WHERE t.meta_template_id = $1
            UNION ALL
            (SELECT t.id FROM templates t JOIN whatsapp_accounts a ON a.id = t.account_id
             WHERE t.organization_id = $2 AND t.name = $3 AND t.language = $4 AND a.meta_waba_id = $5 AND t.meta_template_id IS NULL AND t.deleted_at IS NULL ORDER BY t.id LIMIT 1)
            LIMIT 1
            """, row => row.GetGuid(0), ct, Text(news.Key.MetaTemplateId), news.OrganizationId, Text(news.Key.Name), Text(news.Key.Language), news.Key.WabaId);
        return found is [var id, ..] ? id : null;
    }

    private static Npgsql.NpgsqlParameter Text(string? value) => ContactRows.Nullable(NpgsqlDbType.Text, value);
}
