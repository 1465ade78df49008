using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Media;
using Bsp.Application.Meta;
using Bsp.Domain.Templates;
using MediatR;

namespace Bsp.Application.Templates;

/// <summary>
/// Sends it to Meta for review. In review or approved already: nothing is done. Refused by Meta: <see cref="MetaRefused"/>.
/// </summary>
public sealed record SubmitTemplate(Guid OrganizationId, Guid TemplateId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => TemplateId;
}

/// <summary>Meta is called between two looks at the stream; whatever a webhook told meanwhile stands.</summary>
public sealed class SubmitTemplateHandler(IEventStore store, ITemplateReferences references, IMeta meta, IMediaForSending media,
    TimeProvider clock)
    : IRequestHandler<SubmitTemplate, Done>
{
    public async Task<Done> Handle(SubmitTemplate command, CancellationToken ct)
    {
        var (state, version) = await store.LoadTemplateAsync(command.OrganizationId, command.TemplateId, command.SeenVersion, ct);
        if (!Template.MustSubmit(state))
        {
            return new(command.TemplateId, version);
        }

        var number = await references.NumberAsync(command.OrganizationId, state.AccountId, ct);
        var components = await WithSampleAsync(command.OrganizationId, number,
            TemplateComponents.Read(state.Components, state.Variables), ct);
        var answer = await SubmitAsync(number, state, components, ct);
        return await store.DecideTemplate(command.OrganizationId, command.TemplateId,
            s => Template.RecordSubmission(s, answer.MetaTemplateId, answer.Status, answer.Category, clock.GetUtcNow()), null, ct);
    }

    // A sample named by the id of a file of ours is uploaded, and its handle takes the id's place in what Meta gets.
    private async Task<TemplateComponents> WithSampleAsync(Guid organizationId, MetaNumber number, TemplateComponents components,
        CancellationToken ct) => components.Header is { Handle: { } handle } header && Guid.TryParseExact(handle, "D", out var file)
        ? components with { Header = header with { Handle = await media.SampleAsync(organizationId, number, file, ct) } } : components;

    private async Task<SubmittedTemplate> SubmitAsync(MetaNumber number, Template state, TemplateComponents components,
        CancellationToken ct)
    {
        try
        {
            return await meta.SubmitTemplateAsync(
                number, state.MetaTemplateId, state.Name, state.Language, state.Category, MetaComponents.ToMeta(components), ct);
        }
        catch (MetaRefused refused) when (state.MetaTemplateId is null && !refused.TimedOut)
        {
            // Perhaps an earlier submission of ours went through and the process died before it was written down: then Meta has this very
            // text.
            var there = (await meta.ListTemplatesAsync(number, ct))
                .FirstOrDefault(t => t.Name == state.Name && t.Language == state.Language);
            if (there is { Components.ValueKind: JsonValueKind.Array } && TemplateComponents.Read(there.Components).ReadsLike(components))
            {
                return new(there.MetaTemplateId, there.Status, there.Category);
            }

            throw;
        }
    }
}
