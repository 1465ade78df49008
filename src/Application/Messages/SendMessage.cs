using System.Text.Json;
using Bsp.Application.Charging;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.EventStore;
using Bsp.Application.Media;
using Bsp.Application.Privacy;
using Bsp.Application.Templates;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Messages;

/// <summary>Sends one message. Anything but a template needs an open customer-service window.</summary>
/// <param name="To">A phone number with <c>+</c> and country code (without, the organization's default country decides), or a
/// business-scoped user id (<c>US.1349…</c>).</param>
/// <param name="Body">The Graph object of the type (<c>{"body":"…"}</c> of a text), by Meta's own shape.</param>
/// <param name="Context">The message this one answers, by our id or Meta's; null: none.</param>
public sealed record SendMessage(Guid OrganizationId, Guid AccountId, string To, string Type, JsonElement Body, string? Context,
    SentBy SentBy) : ICommand
{
    /// <summary>
    /// How far the person had seen the conversation: a colleague's later answer refuses this one. Null: they do not say, or send it all the
    /// same.
    /// </summary>
    public Position? Seen { get; init; }
}

public sealed class SendMessageValidator : AbstractValidator<SendMessage>
{
    public SendMessageValidator()
    {
        RuleFor(c => c.AccountId).NotEmpty();
        RuleFor(c => c.To).NotEmpty().MaximumLength(140);
        RuleFor(c => c.Context).MaximumLength(256);
        RuleFor(c => c).Custom((command, context) =>
        {
            if (OutboundBody.Fault(command.Type, command.Body) is { } fault)
            {
                context.AddFailure(fault.Field, fault.Message);
            }
        });
    }
}

/// <summary>The template that a message names.</summary>
/// <param name="Languages">In the order in which they are taken: the first that the account has approved.</param>
public sealed record TemplateWanted(string Name, IReadOnlyList<string> Languages);

/// <param name="Components">As the table holds them.</param>
public sealed record FoundTemplate(TemplateUse Use, JsonElement Components);

/// <summary>What a send needs to know of the account and the template it names.</summary>
public interface ISendReferences
{
    /// <summary>
    /// The account may send; a named template exists for it in one of its languages and is approved. Null: none was named.
    /// </summary>
    /// <exception cref="Refusal"><c>account.unknown</c>, <c>message.account_not_connected</c>, <c>organization.suspended</c>,
    /// <c>template.unknown</c>, <c>message.template_not_approved</c></exception>
    Task<FoundTemplate?> RequireAsync(Guid organizationId, Guid accountId, TemplateWanted? wanted, CancellationToken ct);

    /// <summary>
    /// Whom <c>to</c> means: a business-scoped user id, or a phone number as people write it, read by the organization's default country. A
    /// number that a contact has is never judged.
    /// </summary>
    /// <exception cref="Refusal"><c>message.recipient_invalid</c></exception>
    Task<ContactIdentity> RecipientAsync(Guid organizationId, string to, CancellationToken ct);

    /// <summary>Consent of a contact as stored.</summary>
    Task<string> ConsentAsync(Guid organizationId, Guid contactId, CancellationToken ct);

    /// <summary>Puts the message on its way.</summary>
    Task EnqueueAsync(Guid organizationId, Guid messageId, Guid accountId, CancellationToken ct);
}

public sealed class SendMessageHandler(IEventStore store, IMediator mediator, IPersonalData personal, ISendReferences references,
    IMessageReserves reserves, PersonsAnswers answers, MessageTargets targets, IMediaForSending media, TimeProvider clock)
    : IRequestHandler<SendMessage, Done>
{
    public async Task<Done> Handle(SendMessage command, CancellationToken ct)
    {
        var found = await references.RequireAsync(command.OrganizationId, command.AccountId,
            OutboundBody.Template(command.Type, command.Body), ct);
        RequireFit(found, command.Body);
        var template = found?.Use;
        var content = await targets.NamedAsync(command.OrganizationId, command.AccountId, OutboundContent.Of(command, template), ct);
        await media.RequireAsync(command.OrganizationId, content, ct);
        var recipient = await references.RecipientAsync(command.OrganizationId, command.To, ct);
        var contact = (await mediator.Send(new EnsureContacts(command.OrganizationId, [recipient]), ct))[0];
        await RequireConsentAsync(command.OrganizationId, contact.Id, template, ct);
        var conversationId = Uuid.Conversation(command.AccountId, contact.Id);
        if (template is null)
        {
            var conversation = await store.LoadStateAsync<Conversation, ConversationEvent>(command.OrganizationId, conversationId, ct);
            Conversation.RequireOpenWindow(conversation.State, clock.GetUtcNow());
        }

        var id = CurrentRequest.NewId();
        await reserves.ReserveAsync(new(command.OrganizationId, id, command.AccountId,
            Markets.Recipient(recipient.PhoneNumber, recipient.WaUserId), template?.Category.ToLowerInvariant() ?? Rating.Service), ct);
        var reference = new MessageRef(id, command.AccountId, contact.Id, conversationId, null, command.Type, "outbound");
        var addressed = OutboundContent.To(content, recipient);
        var secret = (await personal.SealAsync(command.OrganizationId, [(contact.Id, addressed)], ct))[0];
        // a reaction is seen on the message that it is about, and answers nobody
        var done = command.SentBy.IsPerson && !InboundKind.Of(command.Type).Amends
            ? await answers.AppendAsync(command.OrganizationId, reference, template, secret, command.SentBy, command.Seen, ct)
            : await store.Decide<Message, MessageEvent>(command.OrganizationId, id, state =>
                Message.Queue(state, reference, template, secret, command.SentBy, clock.GetUtcNow()), null, ct);
        await references.EnqueueAsync(command.OrganizationId, id, command.AccountId, ct);
        return done;
    }

    private async Task RequireConsentAsync(Guid organizationId, Guid contactId, TemplateUse? template, CancellationToken ct)
    {
        if (template is not null && await references.ConsentAsync(organizationId, contactId, ct) is var consent
            && !ConsentRule.Allows(consent, template.Category))
        {
            throw new Refusal("message.no_consent",
                $"The contact's consent is {consent}: {(consent == "OPTED_OUT" ? "nothing may be sent unless they write first." : "marketing needs an opt-in.")}");
        }
    }

    private static void RequireFit(FoundTemplate? template, JsonElement body)
    {
        if (template is not null && TemplateFit.FaultsOf(template.Components, body) is { Count: > 0 } faults)
        {
            throw new RefusedFields("message.template_parameters",
                $"The template {template.Use.Name} in {template.Use.Language} asks for other parameters: see errors.", faults);
        }
    }
}
