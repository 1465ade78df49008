using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>Ends a campaign for good; people not yet sent to are cancelled.</summary>
/// <param name="SeenVersion">Version the caller last saw (If-Match); null decides on whatever is stored.</param>
public sealed record CancelCampaign(Guid OrganizationId, Guid CampaignId, string Reason, long? SeenVersion = null) : ICommandOn
{
    Guid ICommandOn.Id => CampaignId;
}

public sealed class CancelCampaignValidator : AbstractValidator<CancelCampaign>
{
    public CancelCampaignValidator() => RuleFor(c => c.Reason).NotEmpty().MaximumLength(200);
}

public sealed class CancelCampaignHandler(IEventStore store, TimeProvider clock) : IRequestHandler<CancelCampaign, Done>
{
    public Task<Done> Handle(CancelCampaign command, CancellationToken ct) =>
        store.Decide<Campaign, CampaignEvent>(command.OrganizationId, command.CampaignId,
            state => Campaign.Cancel(state, command.Reason, clock.GetUtcNow()), command.SeenVersion, ct);
}
