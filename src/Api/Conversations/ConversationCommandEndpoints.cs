using Bsp.Api.Common;
using Bsp.Api.Messages;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using Carter;

namespace Bsp.Api.Conversations;

/// <summary>What is absent stays; a team alone takes it from whoever has it and hands it out.</summary>
/// <param name="UserId">Null: nobody.</param>
/// <param name="TeamId">Null: no team.</param>
public sealed record AssignRequest(Optional<Guid?> UserId, Optional<Guid?> TeamId);

/// <param name="Until">At most a year from now; null: it is not put aside any more.</param>
public sealed record SnoozeRequest(DateTimeOffset? Until);

/// <param name="Mentions">Users who are told; the writer is not.</param>
/// <param name="MentionTeams">Teams whose members of this moment are told.</param>
public sealed record NoteRequest(string Text, IReadOnlyList<Guid>? Mentions, IReadOnlyList<Guid>? MentionTeams);

/// <summary>JSON merge patch: what is absent stays.</summary>
/// <param name="Status">active, archived or spam.</param>
/// <param name="Priority">low, medium, high or urgent.</param>
/// <param name="Tags">The whole list.</param>
public sealed record ConversationPatch(Optional<string> Status, Optional<string> Priority, Optional<IReadOnlyList<string>> Tags);

/// <summary>One message to the conversation's contact, in Meta's own shape: <c>type</c> and the object of that name.</summary>
public sealed record ReplyRequest : MessageParts
{
    /// <summary>
    /// How far the conversation had been seen: a position of the stream, or a Bsp-Position. A colleague's later answer refuses this one
    /// with 409. Null: not said.
    /// </summary>
    public string? SeenPosition { get; init; }

    /// <summary>It is sent whatever a colleague has answered meanwhile.</summary>
    public bool Force { get; init; }
}

/// <summary>Answering, assigning and filing conversations.</summary>
public sealed class ConversationCommandEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var conversations = app.MapGroup("/v1/conversations").WithTags("Conversations");
        conversations.MapPost("{id:guid}/assign", Assign)
            .Describe("Gives the conversation to a user, or with null to nobody, and to a team, whose members who are online are given it in turn.", "conversation.unknown", "user.unknown", "team.unknown", "view.behind").Produces<ConversationResponse>();
        conversations.MapPatch("{id:guid}", Patch)
            .Describe("Changes status, priority and tags (JSON merge patch).", "conversation.unknown", "version.mismatch", "view.behind")
            .Produces<ConversationResponse>();
        conversations.MapPost("{id:guid}/read", Read).Produces<ConversationResponse>()
            .Describe("Nothing that is shown of it is unread any more; Meta is told once, so that the customer sees blue ticks. Mentions of the caller in it are seen.", "conversation.unknown", "view.behind");
        conversations.MapPost("{id:guid}/typing", Type).Produces(204)
            .Describe("Shows the customer for up to 25 s that somebody is typing, and colleagues too. Meta takes it as reading: call it when an answer is sure.", "conversation.unknown", "conversation.window_closed", "conversation.no_recipient",
                "message.account_not_connected", "organization.suspended", "meta.refused", "meta.timeout");
        conversations.MapPost("{id:guid}/snooze", Snooze).Produces<ConversationResponse>()
            .Describe("Puts the conversation aside until a time, or with null takes it back. It comes back by itself then, and at once when the customer writes.", "conversation.unknown", "conversation.snooze_time", "conversation.not_active", "view.behind");
        conversations.MapPost("{id:guid}/notes", Note).Produces<ConversationNote>(201)
            .Describe("Writes a note for colleagues, which the customer never gets, and tells those it mentions.", "conversation.unknown",
                "user.unknown", "team.unknown");
        conversations.MapPost("{id:guid}/messages", Reply).Produces<QueuedMessageResponse>(201)
            .Describe("Answers the customer. Anything but a template needs an open customer-service window.", "conversation.unknown",
                "conversation.window_closed", "conversation.no_recipient", "conversation.answered_meanwhile", "contact.unknown",
                "template.unknown",
                "message.account_not_connected", "message.template_not_approved", "message.template_parameters", "message.target_unknown",
                "message.no_consent", "media.unknown", "media.not_ready", "media.kind_mismatch", "organization.suspended",
                "wallet.insufficient", "rate_card.missing");
    }

    private static async Task<IResult> Assign(Guid id, AssignRequest body, Call call) =>
        await Whole(id, await call.Send(new AssignConversation(call.OrganizationId, id, body.UserId, body.TeamId)), call);

    private static async Task<IResult> Patch(Guid id, ConversationPatch body, IfMatch seen, Call call) =>
        await Whole(id, await call.Send(new ClassifyConversation(call.OrganizationId, id, body.Status, body.Priority, body.Tags,
            seen.Version)), call);

    private static async Task<IResult> Reply(Guid id, ReplyRequest body, Call call)
    {
        Position? seen = body.SeenPosition is null ? null : Position.TryParse(body.SeenPosition, out var position) ? position
            : throw Problem.Field("request.invalid", "seen_position", "must be a position as the stream or Bsp-Position told it.");
        var reply = await call.Send(new ReplyInConversation(call.OrganizationId, id, body.Type, body.Body(), body.ContextMessageId,
            call.Caller.Sends("inbox", automated: false), body.Force ? null : seen));
        return call.Created($"/v1/messages/{reply.MessageId}",
            new QueuedMessageResponse(reply.MessageId, "pending", reply.AccountId, body.Type));
    }

    private static async Task<IResult> Read(Guid id, Call call) =>
        await Whole(id, await call.Send(new ReadConversation(call.OrganizationId, id, call.Caller.Session?.UserId)), call);

    private static async Task<IResult> Type(Guid id, Call call)
    {
        await call.Send(new TypeInConversation(call.OrganizationId, id, call.Caller.Session?.UserId));
        return TypedResults.NoContent();
    }

    private static async Task<IResult> Snooze(Guid id, SnoozeRequest body, Call call) =>
        await Whole(id, await call.Send(new SnoozeConversation(call.OrganizationId, id, body.Until, call.Caller.Session?.UserId)), call);

    private static async Task<IResult> Note(Guid id, NoteRequest body, Call call)
    {
        var note = await call.Send(new NoteInConversation(call.OrganizationId, id, body.Text, call.Caller.Session?.UserId, call.Caller.Name,
            body.Mentions ?? [], body.MentionTeams ?? []));
        return call.Created($"/v1/conversations/{id}/notes", note);
    }

    // The resource is a document that follows the log: shown as it is after the command. 504 says that only the showing was late.
    private static async Task<IResult> Whole(Guid id, Done done, Call call)
    {
        var written = CurrentRequest.Value?.LastPosition is { } position && position > Position.Start ? position : (Position?)null;
        await new MinPosition(written).ReachedAsync(call.Context.RequestServices, ViewNames.Conversations, call.OrganizationId,
            call.Aborted);
        var document = await call.Send(new GetConversation(call.OrganizationId, id)) ?? throw Problem.Unknown("conversation");
        return call.Ok(ConversationResponse.Of(document), done.Version > 0 ? done.Version : null);
    }
}
