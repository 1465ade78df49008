using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.Common;
using Bsp.Application.Events;
using Bsp.Application.EventStore;
using Carter;

namespace Bsp.Api.Events;

/// <summary>One event of the organization's log.</summary>
/// <param name="Position">Its place: <c>?after=</c> goes on behind it, <c>?as_of=</c> shows things as they were then.</param>
/// <param name="Version">Place in its stream, from 1, without gaps.</param>
/// <param name="CorrelationId">The request or job it belongs to; null when unknown.</param>
/// <param name="CausationId">The event or message that caused it; null when a request did.</param>
/// <param name="Data">As in docs/events; personal data is sealed. Null: this build does not know the event, or
/// <paramref name="Unreadable"/> says why it cannot be read.</param>
/// <param name="Unreadable">Why the event's data cannot be read; null: it can.</param>
public sealed record EventResponse(Guid Id, string Position, Guid StreamId, long Version, string Type, DateTimeOffset Timestamp,
    string? CorrelationId, string? CausationId, string? UserName, JsonElement? Data, string? Unreadable = null)
{
    public static EventResponse Of(StoredEvent stored, int epoch) =>
        new(stored.Id, new Position(epoch, stored.Sequence).ToToken(), stored.StreamId, stored.Version, stored.Type, stored.Timestamp,
        stored.Metadata.CorrelationId, stored.Metadata.CausationId, stored.Metadata.UserName, StoredFact.DataOf(stored),
        StoredFact.UnreadableOf(stored));
}

/// <summary>A part of the log.</summary>
/// <param name="NextAfter">Where to go on, also when this part is empty: as <c>?after=</c>, now or whenever there may be more.</param>
/// <param name="More">There is more already. A part may be short, or empty, and still have more behind it.</param>
public sealed record EventsResponse(IReadOnlyList<EventResponse> Data, string NextAfter, bool More);

/// <summary>/v1/events: the organization's own log, for pulling instead of webhooks, and for auditors.</summary>
public sealed class EventEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapGet("/v1/events", List).WithTags("Events").Produces<EventsResponse>()
            .Describe("The organization's own log in order, each event once, from ?after= on; ?types=, ?stream_id=, ?correlation_id= and ?causation_id= keep some. Archived ones are there too. administrative_act_done, the audit trail, is there for admins only. "
                + "?form=public: the same ids and bodies as webhooks bring, ?types= then as webhooks name them.", "request.after",
                    "request.invalid", "request.limit", "view.behind");
        app.MapGet("/v1/events/stream", Stream).WithTags("Events").WithMetadata(new LongAnswer(LongAnswers.Stream))
            .Produces(200, contentType: "text/event-stream")
            .Describe("Server-sent events: the same ids and bodies as webhooks bring, as they happen. Last-Event-ID or ?after= goes on behind a place (?after=start: from the beginning), without either from now on; ?types= keeps some.",
                "request.after", "request.invalid", "request.too_many_streams");
    }

    private static async Task<IResult> List(string? after, string? types, Guid? stream_id, string? correlation_id, string? causation_id,
        string? form, Paging paging, MinPosition min, Call call)
    {
        await min.ReachedAsync(call.Context.RequestServices, ViewNames.LogPlaces, call.OrganizationId, call.Aborted);
        var from = after is null ? Position.Start : PlaceOf(after);
        if (form == "public")
        {
            return stream_id is null && correlation_id is null && causation_id is null
                ? new PublicPage(
                    await call.Send(new PullEvents(call.OrganizationId, types?.Split(','), from, paging.Limit,
                        call.Caller.Role >= Role.Admin)))
                : throw Problem.Field("request.invalid", "form", "public events are kept by types alone.");
        }

        if (form is not (null or "stored"))
        {
            throw Problem.Field("request.invalid", "form", "must be stored or public.");
        }

        var slice = await call.Send(new ListEvents(call.OrganizationId,
            new(types?.Split(','), stream_id, correlation_id, causation_id), from, paging.Limit, call.Caller.Role >= Role.Admin));
        return TypedResults.Ok(new EventsResponse([.. slice.Events.Select(stored => EventResponse.Of(stored, slice.UpTo.Epoch))],
            slice.UpTo.ToToken(), slice.More));
    }

    private static async Task<IResult> Stream(string? after, string? types, Call call, IEventLog log)
    {
        var seen = call.Context.Request.Headers["Last-Event-ID"] is [{ Length: > 0 } id] ? id : after;
        var from = seen == "start" ? Position.Start : seen is not null ? PlaceOf(seen) : await log.EndAsync(call.OrganizationId,
            call.Aborted);
        var first = new PullEvents(call.OrganizationId, types?.Split(','), from, EventStream.PageEvents, call.Caller.Role >= Role.Admin);
        return new EventStream(first, await call.Send(first), call.Mediator, Permission.Of(call.Context));
    }

    private static Position PlaceOf(string token) =>
        Position.TryParse(token, out var position) ? position
        : throw Problem.Field("request.after", "after", "must be a token as next_after, position or Bsp-Position answered it.");
}
