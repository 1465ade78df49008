using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Meta;
using Bsp.Domain.Common;
using Bsp.Domain.Templates;
using MediatR;

namespace Bsp.Application.Templates;

/// <summary>
/// Asks Meta how it stands and records what differs. Refused with <c>template.not_at_meta</c> when Meta has none of this name and language.
/// </summary>
public sealed record SyncTemplate(Guid OrganizationId, Guid TemplateId) : ICommandOn
{
    Guid ICommandOn.Id => TemplateId;
}

public sealed class SyncTemplateHandler(IEventStore store, ITemplateReferences references, IMeta meta, TimeProvider clock)
    : IRequestHandler<SyncTemplate, Done>
{
    public async Task<Done> Handle(SyncTemplate command, CancellationToken ct)
    {
        var (state, _) = await store.LoadTemplateAsync(command.OrganizationId, command.TemplateId, null, ct);
        Template.RequireExists(state);
        var number = await references.NumberAsync(command.OrganizationId, state.AccountId, ct);
        var listed = await meta.ListTemplatesAsync(number, ct);
        var there = new TemplateIndex<ListedTemplate>(listed, t => (t.MetaTemplateId, t.Name, t.Language))
            .Find(state.MetaTemplateId, state.Name, state.Language)
            ?? throw new Refusal("template.not_at_meta", "Meta has no template of this name and language. Submit it.");
        return await store.DecideTemplate(command.OrganizationId, command.TemplateId,
            s => there.Follow(s, clock.GetUtcNow()), null, ct);
    }
}
