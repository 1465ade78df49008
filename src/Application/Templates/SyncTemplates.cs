using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Meta;
using Bsp.Domain.Common;
using Bsp.Domain.Templates;
using MediatR;

namespace Bsp.Application.Templates;

/// <param name="Listed">Templates of the WABA at Meta.</param>
/// <param name="Imported">Meta had them and we had not.</param>
/// <param name="Changed">Ours differed.</param>
/// <param name="Missing">Meta has them no more: drafts again, to be submitted.</param>
public sealed record SyncedTemplates(int Listed, int Imported, int Changed, int Missing, int Unchanged);

/// <summary>
/// Lays all templates of a number beside Meta's and repairs both ways: what Meta has is taken over, what differs follows Meta, what
/// Meta has
/// no more can be submitted again. Unsent drafts and revisions stay as they are.
/// </summary>
/// <exception cref="Refusal"><c>account.unknown</c>, <c>account.no_token</c></exception>
/// <exception cref="MetaRefused"/>
public sealed record SyncTemplates(Guid OrganizationId, Guid AccountId) : IRequest<SyncedTemplates>;

public sealed class SyncTemplatesHandler(IEventStore store, ITemplateReferences references, IMeta meta, TimeProvider clock)
    : IRequestHandler<SyncTemplates, SyncedTemplates>
{
    public async Task<SyncedTemplates> Handle(SyncTemplates command, CancellationToken ct)
    {
        var number = await references.NumberAsync(command.OrganizationId, command.AccountId, ct);
        var listed = await meta.ListTemplatesAsync(number, ct);
        var ours = await references.OfAccountAsync(command.OrganizationId, command.AccountId, ct);
        var index = new TemplateIndex<TemplateOfAccount>(ours, o => (o.MetaTemplateId, o.Name, o.Language));
        var (imported, changed, seen) = (0, 0, new HashSet<Guid>());
        foreach (var there in listed)
        {
            var known = index.Find(there.MetaTemplateId, there.Name, there.Language);
            if (known is null)
            {
                imported += await ImportAsync(command, there, ct) ? 1 : 0;
            }
            else if (seen.Add(known.Id))
            {
                changed += await FollowAsync(command.OrganizationId, known.Id, state => there.Follow(state, clock.GetUtcNow()), ct) ? 1 : 0;
            }
        }

        var missing = 0;
        foreach (var gone in ours.Where(o => o.MetaTemplateId is not null && !seen.Contains(o.Id)))
        {
            missing += await FollowAsync(command.OrganizationId, gone.Id, state => Template.Lose(state, clock.GetUtcNow()), ct) ? 1 : 0;
        }

        return new(listed.Count, imported, changed, missing, seen.Count - changed);
    }

    // A template that was deleted between the look and now stays as it is.
    private async Task<bool> FollowAsync(Guid organizationId, Guid id, Func<Template, TemplateEvent[]> decide, CancellationToken ct)
    {
        try
        {
            var (_, before) = await store.LoadTemplateAsync(organizationId, id, null, ct);
            return (await store.DecideTemplate(organizationId, id, decide, null, ct)).Version > before;
        }
        catch (Refusal gone) when (gone.Code == "template.unknown")
        {
            return false;
        }
    }

    // One that cannot be kept (components of a kind that nobody here knows) is left at Meta; the others are taken over all the same.
    private async Task<bool> ImportAsync(SyncTemplates command, ListedTemplate there, CancellationToken ct)
    {
        var id = Uuid.Of($"template/{command.AccountId}/{there.MetaTemplateId}");
        try
        {
            await references.TakeNameAsync(command.OrganizationId, command.AccountId, there.Name, there.Language, id, ct);
            await store.DecideTemplate(command.OrganizationId, id, state => Template.Import(state, id, command.AccountId, there.Name,
                there.Language, there.Category, there.Components, there.MetaTemplateId, there.Status, there.RejectedReason,
                clock.GetUtcNow()), null, ct);
            return true;
        }
        catch (Refusal left) when (left.Code.StartsWith("template.", StringComparison.Ordinal))
        {
            return false;
        }
    }
}
