using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>Sends a TRIGGERED campaign to one person, once for each reference of theirs.</summary>
/// <param name="ContactId">Whom; null: <paramref name="To"/> says it.</param>
/// <param name="To">A phone number or business-scoped user id, as of a message; null: <paramref name="ContactId"/> says it.</param>
/// <param name="Reference">The caller's name of what happened, 1–100 characters: the same again for the same person sends nothing.</param>
/// <param name="TemplateParameters">Instead of the campaign's; null: the campaign's.</param>
/// <exception cref="Refusal"><c>campaign.unknown</c>, <c>campaign.not_triggered</c>, <c>campaign.not_running</c>,
/// <c>campaign.send_until_passed</c>, <c>campaign.template_not_approved</c>, <c>contact.unknown</c>,
/// <c>message.recipient_invalid</c>, <c>rate_card.missing</c></exception>
/// <exception cref="RefusedFields"><c>campaign.template_parameters</c>, <c>wallet.insufficient</c></exception>
public sealed record TriggerCampaign(Guid OrganizationId, Guid CampaignId, Guid? ContactId, string? To, string Reference,
    JsonElement? TemplateParameters) : IRequest<Fired>;

/// <summary>What came of a trigger.</summary>
/// <param name="ContactId">Who they are today.</param>
/// <param name="Outcome"><c>queued</c>; <c>skipped</c> (no consent, no number, …: the message says why); <c>cooldown</c>: they were sent to
/// too recently; <c>outside</c>: they are not of the campaign's audience.</param>
/// <param name="MessageId">Null: there is no message (cooldown, outside).</param>
/// <param name="Repeated">It was triggered before with this reference: that is what came of it then.</param>
public sealed record Fired(Guid ContactId, string Reference, string Outcome, Guid? MessageId, DateTimeOffset FiredAt, bool Repeated);

public sealed class TriggerCampaignValidator : AbstractValidator<TriggerCampaign>
{
    private const int ReferenceMax = 100;
    private const int ParametersBytesMax = 32 * 1024;

    public TriggerCampaignValidator()
    {
        RuleFor(c => c.Reference).NotEmpty().MaximumLength(ReferenceMax).Must(r => r?.Contains('\0') is not true);
        RuleFor(c => c.To).MaximumLength(140);
        RuleFor(c => c).Must(c => c.ContactId is null ^ c.To is null).OverridePropertyName("contact_id")
            .WithMessage("Exactly one of contact_id and to must be given.");
        RuleFor(c => c.TemplateParameters).KeptObject("template_parameters", ParametersBytesMax);
    }
}

/// <summary>Answers causes of triggered campaigns.</summary>
public interface ICampaignFirings
{
    /// <summary>Answers one cause now; one that was answered before: what came of it then.</summary>
    /// <param name="parameters">Instead of the campaign's; null: the campaign's.</param>
    /// <exception cref="Refusal">As of <see cref="TriggerCampaign"/>.</exception>
    /// <exception cref="RefusedFields">As of <see cref="TriggerCampaign"/>.</exception>
    Task<Fired> FireAsync(Guid organizationId, Guid campaignId, CampaignPlan plan, Guid contactId, string reference,
        JsonElement? parameters,
        CancellationToken ct);
}

public sealed class TriggerCampaignHandler(IEventStore store, IMediator mediator, ISendReferences references, ICampaignFirings firings,
    TimeProvider clock) : IRequestHandler<TriggerCampaign, Fired>
{
    public async Task<Fired> Handle(TriggerCampaign command, CancellationToken ct)
    {
        var named = command.ContactId is { } id ? (await mediator.Send(new GetContact(command.OrganizationId, id), ct)).Id : (Guid?)null;
        var (state, _, _) = await store.LoadStateAsync<Campaign, CampaignEvent>(command.OrganizationId, command.CampaignId, ct);
        Campaign.RequireTriggerable(state, clock.GetUtcNow());
        var contact = named ?? (await mediator.Send(new EnsureContacts(command.OrganizationId,
            [await references.RecipientAsync(command.OrganizationId, command.To!, ct)]), ct))[0].Id;
        return await firings.FireAsync(command.OrganizationId, command.CampaignId, state.Plan!, contact, command.Reference,
            command.TemplateParameters is { ValueKind: JsonValueKind.Object } given ? given : null, ct);
    }
}
