using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Meta;
using Bsp.Domain.Templates;
using MediatR;

namespace Bsp.Application.Templates;

/// <summary>Deletes it at Meta (this language only) and here. Its history stays.</summary>
public sealed record DeleteTemplate(Guid OrganizationId, Guid TemplateId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => TemplateId;
}

public sealed class DeleteTemplateHandler(IEventStore store, ITemplateReferences references, IMeta meta, TimeProvider clock)
    : IRequestHandler<DeleteTemplate, Done>
{
    public async Task<Done> Handle(DeleteTemplate command, CancellationToken ct)
    {
        var (state, _) = await store.LoadTemplateAsync(command.OrganizationId, command.TemplateId, command.SeenVersion, ct);
        if (state is { IsDeleted: false, MetaTemplateId: { } metaId })
        {
            var number = await references.NumberAsync(command.OrganizationId, state.AccountId, ct);
            await meta.DeleteTemplateAsync(number, state.Name, metaId, ct);
        }

        return await store.DecideTemplate(command.OrganizationId, command.TemplateId, s => Template.Delete(s, clock.GetUtcNow()), null, ct);
    }
}
