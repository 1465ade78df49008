using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>
/// Sends what a campaign would send to a few named contacts, before its launch: as single messages, charged and counted as such. Its
/// progress does not move.
/// </summary>
/// <param name="ContactIds">1–20; one that cannot be sent to fails alone.</param>
/// <exception cref="Refusal"><c>campaign.unknown</c>, <c>contact.unknown</c>, <c>campaign.launched</c>,
/// <c>campaign.template_not_approved</c>,
/// <c>campaign.account_not_connected</c>, <c>organization.suspended</c></exception>
/// <exception cref="RefusedFields"><c>campaign.template_parameters</c></exception>
public sealed record TestCampaign(Guid OrganizationId, Guid CampaignId, IReadOnlyList<Guid> ContactIds, SentBy SentBy)
    : IRequest<IReadOnlyList<TestSend>>;

/// <summary>What became of one.</summary>
/// <param name="MessageId">Null: nothing was sent.</param>
/// <param name="Code">Why nothing was sent; null: it was.</param>
public sealed record TestSend(Guid ContactId, Guid? MessageId, string? Code, string? Detail);

public sealed class TestCampaignValidator : AbstractValidator<TestCampaign>
{
    /// <summary>Contacts of one request.</summary>
    public const int ContactsMax = 20;

    public TestCampaignValidator() => RuleFor(c => c.ContactIds).Must(ids => ids is { Count: > 0 and <= ContactsMax })
        .WithMessage($"contact_ids must be 1 to {ContactsMax} ids.");
}

/// <summary>What a campaign would send to named contacts.</summary>
public interface ICampaignTests
{
    /// <summary>One for each contact, in their order.</summary>
    /// <exception cref="Refusal"><c>contact.unknown</c></exception>
    Task<IReadOnlyList<TestMessage>> PrepareAsync(Guid organizationId, Guid campaignId, IReadOnlyList<Guid> contactIds,
        CancellationToken ct);
}

/// <param name="To">Null: nothing can be sent, <paramref name="Code"/> says why.</param>
public sealed record TestMessage(string? To, JsonElement Template, string? Code, string? Detail);

public sealed class TestCampaignHandler(IEventStore store, IMediator mediator, ICampaignReferences references, ICampaignTests tests)
    : IRequestHandler<TestCampaign, IReadOnlyList<TestSend>>
{
    public async Task<IReadOnlyList<TestSend>> Handle(TestCampaign command, CancellationToken ct)
    {
        var state = (await store.LoadAsync(command.OrganizationId, command.CampaignId, ct)).Fold<Campaign, CampaignEvent>();
        Campaign.RequireTestable(state);
        IReadOnlyList<Guid> contacts = [.. command.ContactIds.Distinct()];
        var messages = await tests.PrepareAsync(command.OrganizationId, command.CampaignId, contacts, ct);
        await references.RequireSendableAsync(command.OrganizationId, state.Plan!, ct);
        var sends = new List<TestSend>(contacts.Count);
        foreach (var (contact, message) in contacts.Zip(messages))
        {
            sends.Add(message.To is null ? new(contact, null, message.Code, message.Detail)
                : await SendAsync(command, state.Plan!.AccountId, contact, message, ct));
        }

        return sends;
    }

    private async Task<TestSend> SendAsync(TestCampaign command, Guid accountId, Guid contact, TestMessage message, CancellationToken ct)
    {
        var around = CurrentRequest.Value;
        var own = Own(around, contact);
        using var _ = own?.Enter();
        try
        {
            var done = await mediator.Send(
                new SendMessage(command.OrganizationId, accountId, message.To!, "template", message.Template, null, command.SentBy), ct);
            if (around is not null && own!.LastPosition > around.LastPosition)
            {
                around.LastPosition = own.LastPosition;
            }

            return new(contact, done.Id, null, null);
        }
        catch (Refusal refused)
        {
            return new(contact, null, refused.Code, refused.Message);
        }
        catch (RefusedFields refused)
        {
            return new(contact, null, refused.Code, refused.Message);
        }
    }

    // Each message has an id of its own that follows from the request's: a request that is repeated finds what was sent.
    private static CurrentRequest? Own(CurrentRequest? around, Guid contact) => around is null ? null : new()
    {
        CorrelationId = around.CorrelationId, Caller = around.Caller, RemoteAddress = around.RemoteAddress, AccountId = around.AccountId,
        CausationId = around.CausationId, ClaimMarked = true,
        Claim = around.Claim is { } claim ? new(claim.ClaimId, Uuid.Of($"test/{claim.ResourceId}/{contact}"), WorkDone: false) : null,
    };
}
