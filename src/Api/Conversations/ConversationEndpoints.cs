using Bsp.Api.Common;
using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Search;
using Carter;
using MediatR;
using Microsoft.AspNetCore.Mvc;

namespace Bsp.Api.Conversations;

/// <summary>Which conversations.</summary>
public sealed record ConversationQuery
{
    [FromQuery(Name = "q")]
    public string? Q { get; init; }

    [FromQuery(Name = "status")]
    public string? Status { get; init; }

    [FromQuery(Name = "priority")]
    public string? Priority { get; init; }

    [FromQuery(Name = "assigned_to")]
    public Guid? AssignedTo { get; init; }

    [FromQuery(Name = "unassigned")]
    public bool? Unassigned { get; init; }

    [FromQuery(Name = "team_id")]
    public Guid? TeamId { get; init; }

    [FromQuery(Name = "tag")]
    public string? Tag { get; init; }

    [FromQuery(Name = "unread")]
    public bool? Unread { get; init; }

    [FromQuery(Name = "window_open")]
    public bool? WindowOpen { get; init; }

    [FromQuery(Name = "snoozed")]
    public bool? Snoozed { get; init; }

    [FromQuery(Name = "contact_id")]
    public Guid? ContactId { get; init; }

    [FromQuery(Name = "account_id")]
    public Guid? AccountId { get; init; }

    internal ConversationFilter Filter(DateTimeOffset now) =>
        new(Status, AssignedTo, ContactId, AccountId, Priority, Tag, Unread, Unassigned, WindowOpen, Snoozed, TeamId, now);
}

/// <summary>Reading conversations and messages.</summary>
public sealed class ConversationEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var conversations = app.MapGroup("/v1/conversations").WithTags("Conversations");
        conversations.MapGet("", List).Produces<ListResponse<ConversationResponse>>()
            .Describe("The organization's conversations, latest message first; ?status=, ?priority=, ?assigned_to=, ?unassigned=, ?team_id=, ?tag=, ?unread=, ?window_open=, ?snoozed=, ?contact_id= and ?account_id= keep some. ?q= finds by words of messages, names and numbers.",
                "view.behind", "cursor.invalid", "request.invalid", "search.no_words");
        conversations.MapGet("{id:guid}", Get).Describe("One conversation.", "conversation.unknown", "view.behind")
            .Produces<ConversationResponse>();
        conversations.MapGet("{id:guid}/messages", Messages)
            .Describe("Its messages, newest first.", "conversation.unknown", "view.behind", "cursor.invalid")
            .Produces<ListResponse<MessageResponse>>();
        conversations.MapGet("{id:guid}/notes", Notes)
            .Describe("Notes of colleagues, newest first.", "conversation.unknown", "cursor.invalid")
            .Produces<ListResponse<ConversationNote>>();
        conversations.MapGet("{id:guid}/history", Changes)
            .Describe("Who assigned, filed, put aside and read it, from the log itself, oldest first.", "conversation.unknown",
                "cursor.invalid").Produces<ListResponse<StoredFact>>();
        app.MapGet("/v1/mentions", Mentions).WithTags("Conversations")
            .Describe("Where the caller is mentioned, newest first; ?unseen=true keeps what they have not seen.", "session.missing",
                "cursor.invalid").Produces<ListResponse<Mention>>();
        var messages = app.MapGroup("/v1/messages").WithTags("Messages");
        messages.MapGet("{id:guid}", Message)
            .Describe("One message with its state, content and history of states.", "message.unknown", "view.behind")
            .Produces<MessageResponse>();
        messages.MapGet("{id:guid}/history", History)
            .Describe("Every fact of a message, from the log itself; ?as_of= (a time, or a position) shows it as it was.",
                "message.unknown").Produces<ListResponse<StoredFact>>();
    }

    private static async Task<IResult> List([AsParameters] ConversationQuery asked, Paging paging, MinPosition min, Caller caller,
        IMediator mediator, TimeProvider clock, HttpContext context, CancellationToken ct)
    {
        await min.ReachedAsync(context.RequestServices, ViewNames.Conversations, caller.OrganizationId, ct);
        if (asked.Q is { } words)
        {
            await min.ReachedAsync(context.RequestServices, ViewNames.MessageSearch, caller.OrganizationId, ct);
            var found = await mediator.Send(new SearchConversations(caller.OrganizationId, words, asked.Filter(clock.GetUtcNow()),
                paging.Limit, paging.Cursor), ct);
            return Answers.Page(context, new Page<ConversationResponse>([.. found.Data.Select(ConversationResponse.Of)], found.NextCursor));
        }

        var page = await mediator.Send(new ListConversations(caller.OrganizationId, asked.Filter(clock.GetUtcNow()), paging.Limit,
            paging.Cursor), ct);
        return Answers.Page(context, new Page<ConversationResponse>([.. page.Data.Select(ConversationResponse.Of)], page.NextCursor));
    }

    private static async Task<IResult> Notes(Guid id, Paging paging, Caller caller, IMediator mediator, HttpContext context,
        CancellationToken ct) =>
        Answers.Page(context, await mediator.Send(new ListNotes(caller.OrganizationId, id, paging.Limit, paging.Cursor), ct));

    private static async Task<IResult> Changes(Guid id, Paging paging, Caller caller, IMediator mediator, HttpContext context,
        CancellationToken ct) =>
        Answers.Page(context, await mediator.Send(new GetConversationHistory(caller.OrganizationId, id, paging.Limit, paging.Cursor), ct));

    private static async Task<IResult> Mentions(bool? unseen, Paging paging, Caller caller, IMediator mediator, HttpContext context,
        CancellationToken ct)
    {
        var person = caller.RequireSession();
        return Answers.Page(context,
            await mediator.Send(new ListMentions(person.OrganizationId, person.UserId, unseen is true, paging.Limit, paging.Cursor), ct));
    }

    private static async Task<IResult> Get(Guid id, MinPosition min, Caller caller, IMediator mediator, HttpContext context,
        CancellationToken ct)
    {
        await min.ReachedAsync(context.RequestServices, ViewNames.Conversations, caller.OrganizationId, ct);
        return Answers.Ok(context,
            ConversationResponse.Of(await mediator.Send(new GetConversation(caller.OrganizationId, id), ct)
                ?? throw Problem.Unknown("conversation")));
    }

    private static async Task<IResult> Messages(Guid id, Paging paging, MinPosition min, Caller caller, IMediator mediator,
        HttpContext context, CancellationToken ct)
    {
        await min.ReachedAsync(context.RequestServices, ViewNames.Conversations, caller.OrganizationId, ct);
        var page = await mediator.Send(new ListConversationMessages(caller.OrganizationId, id, paging.Limit, paging.Cursor), ct)
            ?? throw Problem.Unknown("conversation");
        return Answers.Page(context, new Page<MessageResponse>([.. page.Data.Select(MessageResponse.Of)], page.NextCursor));
    }

    private static async Task<IResult> Message(Guid id, MinPosition min, Caller caller, IMediator mediator, HttpContext context,
        CancellationToken ct)
    {
        await min.ReachedAsync(context.RequestServices, ViewNames.Conversations, caller.OrganizationId, ct);
        return Answers.Ok(context,
            MessageResponse.Of(await mediator.Send(new GetMessage(caller.OrganizationId, id), ct) ?? throw Problem.Unknown("message")));
    }

    private static async Task<IResult> History(Guid id, Moment asOf, Caller caller, IMediator mediator, CancellationToken ct) =>
        TypedResults.Ok(new ListResponse<StoredFact>(await mediator.Send(new GetMessageHistory(caller.OrganizationId, id, asOf.Value), ct)
            ?? throw Problem.Unknown("message"), null));
}
