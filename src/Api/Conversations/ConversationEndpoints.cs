using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Search;
using Carter;
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

    private static async Task<IResult> List([AsParameters] ConversationQuery asked, Paging paging, MinPosition min, Call call,
        TimeProvider clock)
    {
        await min.ReachedAsync(call.Context.RequestServices, ViewNames.Conversations, call.OrganizationId, call.Aborted);
        if (asked.Q is { } words)
        {
            await min.ReachedAsync(call.Context.RequestServices, ViewNames.MessageSearch, call.OrganizationId, call.Aborted);
            var found = await call.Send(new SearchConversations(call.OrganizationId, words, asked.Filter(clock.GetUtcNow()),
                paging.Limit, paging.Cursor));
            return call.Page(new Page<ConversationResponse>([.. found.Data.Select(ConversationResponse.Of)], found.NextCursor));
        }

        var page = await call.Send(new ListConversations(call.OrganizationId, asked.Filter(clock.GetUtcNow()), paging.Limit,
            paging.Cursor));
        return call.Page(new Page<ConversationResponse>([.. page.Data.Select(ConversationResponse.Of)], page.NextCursor));
    }

    private static async Task<IResult> Notes(Guid id, Paging paging, Call call) =>
        call.Page(await call.Send(new ListNotes(call.OrganizationId, id, paging.Limit, paging.Cursor)));

    private static async Task<IResult> Changes(Guid id, Paging paging, Call call) =>
        call.Page(await call.Send(new GetConversationHistory(call.OrganizationId, id, paging.Limit, paging.Cursor)));

    private static async Task<IResult> Mentions(bool? unseen, Paging paging, Call call)
    {
        var person = call.Caller.RequireSession();
        return call.Page(await call.Send(new ListMentions(person.OrganizationId, person.UserId, unseen is true, paging.Limit,
            paging.Cursor)));
    }

    private static async Task<IResult> Get(Guid id, MinPosition min, Call call)
    {
        await min.ReachedAsync(call.Context.RequestServices, ViewNames.Conversations, call.OrganizationId, call.Aborted);
        return call.Ok(ConversationResponse.Of(await call.Send(new GetConversation(call.OrganizationId, id))
                ?? throw Problem.Unknown("conversation")));
    }

    private static async Task<IResult> Messages(Guid id, Paging paging, MinPosition min, Call call)
    {
        await min.ReachedAsync(call.Context.RequestServices, ViewNames.Conversations, call.OrganizationId, call.Aborted);
        var page = await call.Send(new ListConversationMessages(call.OrganizationId, id, paging.Limit, paging.Cursor))
            ?? throw Problem.Unknown("conversation");
        return call.Page(new Page<MessageResponse>([.. page.Data.Select(MessageResponse.Of)], page.NextCursor));
    }

    private static async Task<IResult> Message(Guid id, MinPosition min, Call call)
    {
        await min.ReachedAsync(call.Context.RequestServices, ViewNames.Conversations, call.OrganizationId, call.Aborted);
        return call.Ok(MessageResponse.Of(await call.Send(new GetMessage(call.OrganizationId, id)) ?? throw Problem.Unknown("message")));
    }

    private static async Task<IResult> History(Guid id, Moment asOf, Call call) =>
        TypedResults.Ok(new ListResponse<StoredFact>(await call.Send(new GetMessageHistory(call.OrganizationId, id, asOf.Value))
            ?? throw Problem.Unknown("message"), null));
}
