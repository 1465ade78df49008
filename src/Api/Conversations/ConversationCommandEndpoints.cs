using Bsp.Api.Common;
using Bsp.Api.Messages;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using Carter;
using MediatR;

namespace Bsp.Api.Conversations;

/// <param name="UserId">Null: nobody.</param>
public sealed record AssignRequest(Guid? UserId);

/// <summary>JSON merge patch: what is absent stays.</summary>
/// <param name="Status">active, archived or spam.</param>
/// <param name="Priority">low, medium, high or urgent.</param>
/// <param name="Tags">The whole list.</param>
public sealed record ConversationPatch(Optional<string> Status, Optional<string> Priority, Optional<IReadOnlyList<string>> Tags);

/// <summary>One message to the conversation's contact, in Meta's own shape: <c>type</c> and the object of that name.</summary>
public sealed record ReplyRequest : MessageParts;

/// <summary>Answering, assigning and filing conversations.</summary>
public sealed class ConversationCommandEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var conversations = app.MapGroup("/v1/conversations").WithTags("Conversations");
        conversations.MapPost("{id:guid}/assign", Assign).Describe("Gives the conversation to a user, or with null to nobody.", "conversation.unknown", "user.unknown", "view.behind").Produces<ConversationResponse>();
        conversations.MapPatch("{id:guid}", Patch).Describe("Changes status, priority and tags (JSON merge patch).", "conversation.unknown", "version.mismatch", "view.behind").Produces<ConversationResponse>();
        conversations.MapPost("{id:guid}/messages", Reply).Produces<QueuedMessageResponse>(201)
            .Describe("Answers the customer. Anything but a template needs an open customer-service window.", "conversation.unknown", "conversation.window_closed", "conversation.no_recipient", "contact.unknown", "template.unknown",
                "message.account_not_connected", "message.template_not_approved", "message.no_consent", "organization.suspended");
    }

    private static async Task<IResult> Assign(Guid id, AssignRequest body, Caller caller, IMediator mediator, HttpContext context, CancellationToken ct) =>
        await Whole(id, await mediator.Send(new AssignConversation(caller.OrganizationId, id, body.UserId), ct), caller, mediator, context, ct);

    private static async Task<IResult> Patch(Guid id, ConversationPatch body, IfMatch seen, Caller caller, IMediator mediator, HttpContext context, CancellationToken ct) =>
        await Whole(id, await mediator.Send(new ClassifyConversation(caller.OrganizationId, id, body.Status, body.Priority, body.Tags, seen.Version), ct), caller, mediator, context, ct);

    private static async Task<IResult> Reply(Guid id, ReplyRequest body, Caller caller, IMediator mediator, HttpContext context, CancellationToken ct)
    {
        var reply = await mediator.Send(new ReplyInConversation(caller.OrganizationId, id, body.Type, body.Body(), body.ContextMessageId, caller.Sends("inbox", automated: false)), ct);
        return Answers.Created(context, $"/v1/messages/{reply.MessageId}", new QueuedMessageResponse(reply.MessageId, "pending", reply.AccountId, body.Type));
    }

    // The resource is a document that follows the log: shown as it is after the command. 504 says that only the showing was late.
    private static async Task<IResult> Whole(Guid id, Done done, Caller caller, IMediator mediator, HttpContext context, CancellationToken ct)
    {
        var written = CurrentRequest.Value?.LastPosition is { } position && position > Position.Start ? position : (Position?)null;
        await new MinPosition(written).ReachedAsync(context.RequestServices, ViewNames.Conversations, caller.OrganizationId, ct);
        var document = await mediator.Send(new GetConversation(caller.OrganizationId, id), ct) ?? throw Problem.Unknown("conversation");
        return Answers.Ok(context, ConversationResponse.Of(document), done.Version > 0 ? done.Version : null);
    }
}
