using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>
/// Changes a campaign that has not been launched. <paramref name="Edit"/> gets the plan as stored and returns it as wanted.
/// </summary>
public sealed record ChangeCampaign(Guid OrganizationId, Guid CampaignId, Func<CampaignPlan, CampaignPlan> Edit, long? SeenVersion = null)
    : ICommandOn
{
    Guid ICommandOn.Id => CampaignId;
}

public sealed class CampaignPlanValidator : AbstractValidator<CampaignPlan>
{
    public CampaignPlanValidator()
    {
        RuleFor(c => c.Name).NotEmpty().MaximumLength(200);
        RuleFor(c => c.Description).MaximumLength(2000);
        RuleFor(c => c.TemplateId).NotEmpty();
        RuleFor(c => c.AccountId).NotEmpty();
        RuleFor(c => c.AudienceSegment).MustBeAudience();
        RuleFor(c => c.Metadata).Metadata();
    }
}

public sealed class ChangeCampaignHandler(IEventStore store, ICampaignReferences references, IValidator<CampaignPlan> rules,
    TimeProvider clock) : IRequestHandler<ChangeCampaign, Done>
{
    public async Task<Done> Handle(ChangeCampaign command, CancellationToken ct)
    {
        var stored = (await store.LoadAsync(command.OrganizationId, command.CampaignId, ct)).Fold<Campaign, CampaignEvent>();
        if (stored.Plan is { } before)
        {
            var wanted = Wanted(command, before);
            await rules.ValidateAndThrowAsync(wanted, ct);
            CampaignOptionRules.Require(stored.Type, wanted.Options, wanted.TemplateId);
            await references.RequireAsync(command.OrganizationId, wanted, ct);
            await references.RequireParametersAsync(command.OrganizationId, wanted, complete: stored.Status == CampaignStatus.Scheduled,
                ct);
        }

        return await store.Decide<Campaign, CampaignEvent>(command.OrganizationId, command.CampaignId,
            state => Campaign.Change(state, state.Plan is { } plan ? Wanted(command, plan) : null!, clock.GetUtcNow()), command.SeenVersion,
            ct);
    }

    private static CampaignPlan Wanted(ChangeCampaign command, CampaignPlan before) =>
        command.Edit(before) is var wanted ? wanted with { Options = CampaignOptionRules.Tidy(wanted.Options) } : wanted;
}
