using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Meta;
using Bsp.Application.Privacy;
using Bsp.Application.Templates;
using Bsp.Domain.Common;
using Bsp.Domain.Templates;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Templates;

/// <summary>Takes the name first, then begins the stream: two drafts of one name cannot both come to be, and neither can spoil an append it shares with others.</summary>
public sealed class CreateTemplateHandler(Shards shards, IEventStore store, TimeProvider clock) : IRequestHandler<CreateTemplate, Done>
{
    public async Task<Done> Handle(CreateTemplate command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        var id = CurrentRequest.NewId();
        await TakeNameAsync(shard, command, id, ct);
        return await store.DecideTemplate(command.OrganizationId, id, state => Template.Create(state, id, command.AccountId, command.Name, command.Category, command.Language,
            command.Components, command.Variables, clock.GetUtcNow()), null, ct);
    }

    // A name whose template never came to be (the process died in between) is free again after a minute.
    private static async Task TakeNameAsync(Shard shard, CreateTemplate command, Guid id, CancellationToken ct)
    {
        var accounts = await shard.QueryAsync(command.OrganizationId, "SELECT id FROM whatsapp_accounts WHERE id = $1", row => row.GetGuid(0), ct, command.AccountId);
        if (accounts.Count == 0)
        {
            throw new Refusal("account.unknown", "There is no such account.");
        }

        var holder = await shard.QueryAsync(command.OrganizationId, """
            INSERT INTO bsp.template_names AS n (account_id, name, language, template_id, organization_id) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (account_id, name, language) DO UPDATE SET template_id = $4, taken_at = now()
              WHERE n.template_id = $4 OR (n.taken_at < now() - interval '1 minute' AND NOT EXISTS (SELECT FROM templates t WHERE t.id = n.template_id))
            RETURNING template_id
            """, row => row.GetGuid(0), ct, command.AccountId, command.Name, command.Language, id, command.OrganizationId);
        if (holder.Count == 0)
        {
            throw new Refusal("template.name_taken", $"This number already has a template '{command.Name}' in {command.Language}.");
        }
    }
}

/// <summary>Meta is called between two looks at the stream; whatever a webhook told meanwhile stands.</summary>
public sealed class SubmitTemplateHandler(Shards shards, IEventStore store, IMeta meta, ISecrets secrets, TimeProvider clock) : IRequestHandler<SubmitTemplate, Done>
{
    public async Task<Done> Handle(SubmitTemplate command, CancellationToken ct)
    {
        var (state, version) = await TemplateAtMeta.LoadAsync(store, command.OrganizationId, command.TemplateId, command.SeenVersion, ct);
        if (!Template.MustSubmit(state))
        {
            return new(command.TemplateId, version);
        }

        var number = await TemplateRows.NumberAsync(await shards.OfAsync(command.OrganizationId, ct), secrets, command.OrganizationId, state.AccountId, ct);
        var components = TemplateComponents.Read(state.Components, state.Variables);
        var answer = await SubmitAsync(number, state, components, ct);
        return await store.DecideTemplate(command.OrganizationId, command.TemplateId, s => Template.RecordSubmission(s, answer.MetaTemplateId, answer.Status, answer.Category, clock.GetUtcNow()), null, ct);
    }

    private async Task<SubmittedTemplate> SubmitAsync(MetaNumber number, Template state, TemplateComponents components, CancellationToken ct)
    {
        try
        {
            return await meta.SubmitTemplateAsync(number, state.MetaTemplateId, state.Name, state.Language, state.Category, MetaComponents.ToMeta(components), ct);
        }
        catch (MetaRefused refused) when (state.MetaTemplateId is null && !refused.TimedOut)
        {
            // Perhaps an earlier submission of ours went through and the process died before it was written down: then Meta has this very text.
            var there = (await meta.ListTemplatesAsync(number, ct)).FirstOrDefault(t => t.Name == state.Name && t.Language == state.Language);
            if (there is { Components.ValueKind: System.Text.Json.JsonValueKind.Array } && TemplateComponents.Read(there.Components).ReadsLike(components))
            {
                return new(there.MetaTemplateId, there.Status, there.Category);
            }

            throw;
        }
    }
}

public sealed class ResumeTemplateHandler(Shards shards, IEventStore store, IMeta meta, ISecrets secrets, TimeProvider clock) : IRequestHandler<ResumeTemplate, Done>
{
    public async Task<Done> Handle(ResumeTemplate command, CancellationToken ct)
    {
        var (state, _) = await TemplateAtMeta.LoadAsync(store, command.OrganizationId, command.TemplateId, command.SeenVersion, ct);
        if (state is { StatusExact: "PAUSED", MetaTemplateId: { } metaId })
        {
            var number = await TemplateRows.NumberAsync(await shards.OfAsync(command.OrganizationId, ct), secrets, command.OrganizationId, state.AccountId, ct);
            await meta.UnpauseTemplateAsync(number, metaId, ct);
        }

        return await store.DecideTemplate(command.OrganizationId, command.TemplateId, s => Template.Resume(s, clock.GetUtcNow()), null, ct);
    }
}

public sealed class DeleteTemplateHandler(Shards shards, IEventStore store, IMeta meta, ISecrets secrets, TimeProvider clock) : IRequestHandler<DeleteTemplate, Done>
{
    public async Task<Done> Handle(DeleteTemplate command, CancellationToken ct)
    {
        var (state, _) = await TemplateAtMeta.LoadAsync(store, command.OrganizationId, command.TemplateId, command.SeenVersion, ct);
        if (state is { IsDeleted: false, MetaTemplateId: { } metaId })
        {
            var number = await TemplateRows.NumberAsync(await shards.OfAsync(command.OrganizationId, ct), secrets, command.OrganizationId, state.AccountId, ct);
            await meta.DeleteTemplateAsync(number, state.Name, metaId, ct);
        }

        return await store.DecideTemplate(command.OrganizationId, command.TemplateId, s => Template.Delete(s, clock.GetUtcNow()), null, ct);
    }
}

public sealed class SyncTemplateHandler(Shards shards, IEventStore store, IMeta meta, ISecrets secrets, TimeProvider clock) : IRequestHandler<SyncTemplate, Done>
{
    public async Task<Done> Handle(SyncTemplate command, CancellationToken ct)
    {
        var (state, _) = await TemplateAtMeta.LoadAsync(store, command.OrganizationId, command.TemplateId, null, ct);
        Template.RequireExists(state);
        var number = await TemplateRows.NumberAsync(await shards.OfAsync(command.OrganizationId, ct), secrets, command.OrganizationId, state.AccountId, ct);
        var listed = await meta.ListTemplatesAsync(number, ct);
        var there = listed.FirstOrDefault(t => t.MetaTemplateId == state.MetaTemplateId) ?? listed.FirstOrDefault(t => t.Name == state.Name && t.Language == state.Language)
            ?? throw new Refusal("template.not_at_meta", "Meta has no template of this name and language. Submit it.");
        return await store.DecideTemplate(command.OrganizationId, command.TemplateId,
            s => Template.Sync(s, there.MetaTemplateId, there.Status, there.RejectedReason, there.Category, there.Components, clock.GetUtcNow()), null, ct);
    }
}

internal static class TemplateAtMeta
{
    /// <exception cref="VersionConflict">The named version is not the stored one.</exception>
    public static async Task<(Template State, long Version)> LoadAsync(IEventStore store, Guid organizationId, Guid templateId, long? seenVersion, CancellationToken ct)
    {
        var stream = await store.LoadAsync(organizationId, templateId, ct);
        return seenVersion is { } seen && seen != stream.Version
            ? throw new VersionConflict(templateId, named: true)
            : (stream.Fold<Template, TemplateEvent>(), stream.Version);
    }
}
