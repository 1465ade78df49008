using Bsp.Application.Templates;
using Bsp.Infrastructure.Redis;
using MediatR;

namespace Bsp.Infrastructure.Templates;

/// <summary>Answers GET of a template from <c>template:{template_id}</c>, and fills it. Another organization's copy is none.</summary>
public sealed class CachedTemplate(RowCaches caches) : IPipelineBehavior<GetTemplate, TemplateView>
{
    public async Task<TemplateView> Handle(GetTemplate query, CancellationToken ct, RequestHandlerDelegate<TemplateView> next)
    {
        if (await caches.Templates.FindAsync<TemplateView>(query.TemplateId, ct) is { Row: { } row } found
            && row.OrganizationId == query.OrganizationId)
        {
            return row with { Version = found.Version };
        }

        var template = await next();
        await caches.Templates.SetAsync(template.Id, template.Version, template, ct);
        return template;
    }
}
