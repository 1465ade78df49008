using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>Plans a campaign; nothing is sent before it is launched.</summary>
/// <param name="Type"><c>BROADCAST</c>, <c>SCHEDULED</c> or <c>TRIGGERED</c>.</param>
/// <param name="Metadata">Any object ≤ 32 KB; its <c>template_parameters</c> fill the template.</param>
public sealed record CreateCampaign(Guid OrganizationId, string Name, string? Description, string Type, Guid TemplateId, Guid AccountId,
    JsonElement AudienceSegment, JsonElement? Metadata) : ICommand
{
    /// <summary><c>wait</c> (null, too) or <c>skip</c>: what becomes of those beyond the messaging limit.</summary>
    public string? OnLimit { get; init; }

    /// <summary>Nobody is sent to afterwards; null: no such end.</summary>
    public DateTimeOffset? SendUntil { get; init; }

    /// <summary>What else it says; null: nothing.</summary>
    public CampaignOptions? Options { get; init; }
}

public sealed class CreateCampaignValidator : AbstractValidator<CreateCampaign>
{
    public CreateCampaignValidator()
    {
        RuleFor(c => c.Name).NotEmpty().MaximumLength(200);
        RuleFor(c => c.Description).MaximumLength(2000);
        RuleFor(c => c.Type).Must(t => t is "BROADCAST" or "SCHEDULED" or "TRIGGERED")
            .WithMessage("type must be BROADCAST, SCHEDULED or TRIGGERED.");
        RuleFor(c => c.TemplateId).NotEmpty();
        RuleFor(c => c.AccountId).NotEmpty();
        RuleFor(c => c.AudienceSegment).MustBeAudience();
        RuleFor(c => c.Metadata).Metadata();
        RuleFor(c => c).Custom((c, context) => CampaignOptionRules.Faults(c.Type, c.Options, c.TemplateId).ForEach(context.AddFailure));
        RuleFor(c => c.OnLimit).Must(o => o is null or "wait" or CampaignPlan.Skip).WithMessage("on_limit must be wait or skip.");
    }
}

public sealed class CreateCampaignHandler(IEventStore store, ICampaignReferences references, TimeProvider clock)
    : IRequestHandler<CreateCampaign, Done>
{
    public async Task<Done> Handle(CreateCampaign command, CancellationToken ct)
    {
        var plan = new CampaignPlan(command.Name, command.Description, command.TemplateId, command.AccountId, command.AudienceSegment,
            command.Metadata) { SkipsBeyondLimit = command.OnLimit == CampaignPlan.Skip, SendUntil = command.SendUntil?.ToUniversalTime(),
                Options = CampaignOptionRules.Tidy(command.Options) };
        await references.RequireAsync(command.OrganizationId, plan, ct);
        await references.RequireParametersAsync(command.OrganizationId, plan, complete: false, ct);
        var id = CurrentRequest.NewId();
        return await store.Decide<Campaign, CampaignEvent>(command.OrganizationId, id,
            state => Campaign.Create(state, id, command.Type, plan, clock.GetUtcNow()), null, ct);
    }
}
