using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>Stops a running campaign; at most the messages of the moment still leave.</summary>
/// <param name="SeenVersion">Version the caller last saw (If-Match); null decides on whatever is stored.</param>
public sealed record PauseCampaign(Guid OrganizationId, Guid CampaignId, string Reason, long? SeenVersion = null) : ICommandOn
{
    Guid ICommandOn.Id => CampaignId;
}

public sealed class PauseCampaignValidator : AbstractValidator<PauseCampaign>
{
    public PauseCampaignValidator() => RuleFor(c => c.Reason).NotEmpty().MaximumLength(200);
}

public sealed class PauseCampaignHandler(IEventStore store, TimeProvider clock) : IRequestHandler<PauseCampaign, Done>
{
    public Task<Done> Handle(PauseCampaign command, CancellationToken ct) =>
        store.Decide<Campaign, CampaignEvent>(command.OrganizationId, command.CampaignId,
            state => Campaign.Pause(state, command.Reason, clock.GetUtcNow()), command.SeenVersion, ct);
}
