using Bsp.Api.Common;
using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Carter;
using MediatR;

namespace Bsp.Api.Conversations;

/// <summary>Reading conversations and messages.</summary>
public sealed class ConversationEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var conversations = app.MapGroup("/v1/conversations").WithTags("Conversations");
        conversations.MapGet("", List).Describe("The organization's conversations, latest message first; ?status=, ?assigned_to=, ?contact_id= and ?account_id= keep some.", "view.behind", "cursor.invalid").Produces<ListResponse<ConversationResponse>>();
        conversations.MapGet("{id:guid}", Get).Describe("One conversation.", "conversation.unknown", "view.behind").Produces<ConversationResponse>();
        conversations.MapGet("{id:guid}/messages", Messages).Describe("Its messages, newest first.", "conversation.unknown", "view.behind", "cursor.invalid").Produces<ListResponse<MessageResponse>>();
        var messages = app.MapGroup("/v1/messages").WithTags("Messages");
        messages.MapGet("{id:guid}", Message).Describe("One message with its state, content and history of states.", "message.unknown", "view.behind").Produces<MessageResponse>();
        messages.MapGet("{id:guid}/history", History).Describe("Every fact of a message, from the log itself; ?as_of= (a time, or a position) shows it as it was.", "message.unknown").Produces<ListResponse<StoredFact>>();
    }

    private static async Task<IResult> List(string? status, Guid? assigned_to, Guid? contact_id, Guid? account_id, Paging paging, MinPosition min, Caller caller, IMediator mediator, HttpContext context, CancellationToken ct)
    {
        await min.ReachedAsync(context.RequestServices, ViewNames.Conversations, caller.OrganizationId, ct);
        var page = await mediator.Send(new ListConversations(caller.OrganizationId, new(status, assigned_to, contact_id, account_id), paging.Limit, paging.Cursor), ct);
        return Answers.Page(context, new Page<ConversationResponse>([.. page.Data.Select(ConversationResponse.Of)], page.NextCursor));
    }

    private static async Task<IResult> Get(Guid id, MinPosition min, Caller caller, IMediator mediator, HttpContext context, CancellationToken ct)
    {
        await min.ReachedAsync(context.RequestServices, ViewNames.Conversations, caller.OrganizationId, ct);
        return Answers.Ok(context, ConversationResponse.Of(await mediator.Send(new GetConversation(caller.OrganizationId, id), ct) ?? throw Problem.Unknown("conversation")));
    }

    private static async Task<IResult> Messages(Guid id, Paging paging, MinPosition min, Caller caller, IMediator mediator, HttpContext context, CancellationToken ct)
    {
        await min.ReachedAsync(context.RequestServices, ViewNames.Conversations, caller.OrganizationId, ct);
        var page = await mediator.Send(new ListConversationMessages(caller.OrganizationId, id, paging.Limit, paging.Cursor), ct) ?? throw Problem.Unknown("conversation");
        return Answers.Page(context, new Page<MessageResponse>([.. page.Data.Select(MessageResponse.Of)], page.NextCursor));
    }

    private static async Task<IResult> Message(Guid id, MinPosition min, Caller caller, IMediator mediator, HttpContext context, CancellationToken ct)
    {
        await min.ReachedAsync(context.RequestServices, ViewNames.Conversations, caller.OrganizationId, ct);
        return Answers.Ok(context, MessageResponse.Of(await mediator.Send(new GetMessage(caller.OrganizationId, id), ct) ?? throw Problem.Unknown("message")));
    }

    private static async Task<IResult> History(Guid id, Moment asOf, Caller caller, IMediator mediator, CancellationToken ct) =>
        TypedResults.Ok(new ListResponse<StoredFact>(await mediator.Send(new GetMessageHistory(caller.OrganizationId, id, asOf.Value), ct) ?? throw Problem.Unknown("message"), null));
}
