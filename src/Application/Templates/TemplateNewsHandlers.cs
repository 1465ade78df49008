using Bsp.Application.EventStore;
using Bsp.Domain.Templates;
using MediatR;

namespace Bsp.Application.Templates;

/// <summary>What Meta's webhooks say about templates. Finds the template, then decides; asking again finds nothing to do.</summary>
public sealed class TemplateNewsHandlers(IEventStore store, ITemplateReferences references) :
    IRequestHandler<RecordTemplateStatus, Guid?>, IRequestHandler<RecordTemplateCategory, Guid?>,
        IRequestHandler<RecordTemplateQuality, Guid?>,
    IRequestHandler<RecordTemplateComponents, Guid?>
{
    public Task<Guid?> Handle(RecordTemplateStatus news, CancellationToken ct) =>
        DecideAsync(news, state => Template.ChangeStatus(state, news.Key.MetaTemplateId, news.Event, news.Reason, news.At), ct);

    public Task<Guid?> Handle(RecordTemplateCategory news, CancellationToken ct) =>
        DecideAsync(news, state => Template.ChangeCategory(state, news.NewCategory, news.At), ct);

    public Task<Guid?> Handle(RecordTemplateQuality news, CancellationToken ct) =>
        DecideAsync(news, state => Template.ChangeQuality(state, news.NewQuality, news.At), ct);

    public Task<Guid?> Handle(RecordTemplateComponents news, CancellationToken ct) =>
        DecideAsync(news, state => Template.ChangeTexts(state, news.Title, news.Body, news.Footer, news.Buttons, news.At), ct);

    private async Task<Guid?> DecideAsync(ITemplateNews news, Func<Template, TemplateEvent[]> decide, CancellationToken ct)
    {
        if (await references.FindAsync(news.OrganizationId, news.Key, ct) is not { } templateId)
        {
            return null;
        }

        await store.DecideTemplate(news.OrganizationId, templateId, decide, null, ct);
        return templateId;
    }
}
