using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Meta;
using Bsp.Domain.Templates;
using MediatR;

namespace Bsp.Application.Templates;

/// <summary>Ends a pause; one that Meta made is ended at Meta first.</summary>
public sealed record ResumeTemplate(Guid OrganizationId, Guid TemplateId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => TemplateId;
}

public sealed class ResumeTemplateHandler(IEventStore store, ITemplateReferences references, IMeta meta, TimeProvider clock)
    : IRequestHandler<ResumeTemplate, Done>
{
    public async Task<Done> Handle(ResumeTemplate command, CancellationToken ct)
    {
        var (state, _) = await store.LoadTemplateAsync(command.OrganizationId, command.TemplateId, command.SeenVersion, ct);
        if (state is { StatusExact: "PAUSED", MetaTemplateId: { } metaId })
        {
            var number = await references.NumberAsync(command.OrganizationId, state.AccountId, ct);
            await meta.UnpauseTemplateAsync(number, metaId, ct);
        }

        return await store.DecideTemplate(command.OrganizationId, command.TemplateId, s => Template.Resume(s, clock.GetUtcNow()), null, ct);
    }
}
