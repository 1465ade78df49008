using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Streams;
using Carter;

namespace Bsp.Api.Streams;

/// <param name="Ticket">For <c>GET /v1/stream?ticket=</c>: opens one stream, once.</param>
public sealed record StreamTicketResponse(string Ticket, DateTimeOffset ExpiresAt);

/// <summary>/v1/stream: what happens, as it happens.</summary>
public sealed class StreamEndpoints : ICarterModule
{
    // Whoever takes longer to take what is theirs is ended: the kernel hides a stall for some megabytes, then we wait.
    private static readonly TimeSpan FlushMax = TimeSpan.FromSeconds(20);
    private const int BeatsBetweenPings = 3;
    private static readonly byte[] Ping = ": ping\n\n"u8.ToArray();
    private static readonly byte[] Retry = "retry: 2000\n\n"u8.ToArray();

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/stream/ticket", Ticket).WithTags("Stream").Produces<StreamTicketResponse>(201)
            .Describe("A ticket for browsers, whose EventSource sends no headers: it opens one stream within a minute.",
                "store.unavailable");
        app.MapGet("/v1/stream", Stream).WithTags("Stream").WithMetadata(new LongAnswer(LongAnswers.Stream))
            .Produces(200, contentType: "text/event-stream")
            .Describe("Server-sent events of conversations, messages, notes, mentions, campaigns and presence. Last-Event-ID goes on where one was; event reset says to read everything anew; a comment every 15 s. ?ticket= stands for the header Authorization.", "stream.last_event_id", "request.too_many_streams");
    }

    private static async Task<IResult> Ticket(Caller caller, Credential credential, IStreamTickets tickets, TimeProvider clock,
        HttpContext context, CancellationToken ct)
    {
        context.Response.Headers.CacheControl = "no-store";
        var ticket = await tickets.IssueAsync(new(credential.Kind, credential.Hash, caller.OrganizationId), ct);
        return TypedResults.Json(new StreamTicketResponse(ticket, clock.GetUtcNow() + IStreamTickets.Life), statusCode: 201);
    }

    private static async Task Stream(HttpContext context, Caller caller, IStreamHub hub, CancellationToken ct)
    {
        var seen = LastSeen(context);
        var permission = Permission.Of(context);
        using var follower = await hub.FollowAsync(caller.OrganizationId, ct);
        var response = context.Response;
        (response.ContentType, response.Headers.CacheControl, response.Headers["X-Accel-Buffering"]) =
            ("text/event-stream", "no-store", "no");
        context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpResponseBodyFeature>()?.DisableBuffering();
        await response.Body.WriteAsync(Retry, ct);
        var at = await BeginAsync(context, follower, caller, seen, ct);
        var phase = Random.Shared.Next(BeatsBetweenPings * 2); // so that not all look and ping at once
        for (var heard = hub.Beats; ;)
        {
            var (more, beat) = (follower.More, hub.Beat);
            if (follower.Take() is not { } frames)
            {
                at = await BeginAsync(context, follower, caller, at, ct);
                continue;
            }

            at = await WriteAsync(context, frames, caller, at, ct);
            await Task.WhenAny(more, beat).WaitAsync(ct);
            if (hub.Beats == heard)
            {
                continue;
            }

            heard = hub.Beats;
            var beats = heard + phase;
            if (!await follower.IsHomeAsync(ct) || (beats % hub.BeatsBetweenLooks == 0 && !await permission.HoldsAsync()))
            {
                return;
            }

            if (beats % BeatsBetweenPings == 0)
            {
                await response.Body.WriteAsync(Ping, ct);
                await FlushAsync(context, ct);
            }
        }
    }

    // Where the client goes on: behind what they saw, out of the log, or anew.
    private static async Task<Position> BeginAsync(HttpContext context, IStreamFollower follower, Caller caller, Position? seen,
        CancellationToken ct)
    {
        var encoder = context.RequestServices.GetRequiredService<IFrameEncoder>();
        if (seen is not { } after)
        {
            return await WriteAsync(context,
                [new(follower.Begin.Packed, encoder.Other("hello", new { position = follower.Begin.ToToken() }, follower.Begin))], caller,
                follower.Begin, ct);
        }

        return await follower.ResumeAsync(after, ct) is { } missed
            ? await WriteAsync(context, missed, caller, after, ct)
            : await WriteAsync(context,
                [new(follower.Begin.Packed,
                    encoder.Other("reset", new { reason = "too_much", position = follower.Begin.ToToken() }, follower.Begin))], caller,
                    follower.Begin, ct);
    }

    private static async Task<Position> WriteAsync(HttpContext context, IReadOnlyList<StreamFrame> frames, Caller caller, Position at,
        CancellationToken ct)
    {
        var own = caller.Session?.UserId;
        foreach (var frame in frames.Where(f => f.UserId is null || f.UserId == own))
        {
            await context.Response.Body.WriteAsync(frame.Bytes, ct);
        }

        await FlushAsync(context, ct);
        var last = frames.Count == 0 ? 0 : frames.Max(f => f.At);
        return last > at.Packed ? new((int)(last >> 48), last & ((1L << 48) - 1)) : at;
    }

    private static async Task FlushAsync(HttpContext context, CancellationToken ct)
    {
        var flush = context.Response.Body.FlushAsync(ct);
        if (!flush.IsCompletedSuccessfully)
        {
            try
            {
                await flush.WaitAsync(FlushMax, ct);
            }
            catch (TimeoutException)
            {
                context.Abort();
                throw new OperationCanceledException("The client takes nothing.");
            }
        }
    }

    private static Position? LastSeen(HttpContext context)
    {
        var header = context.Request.Headers["Last-Event-ID"];
        return header.Count == 0 || header.ToString().Length == 0 ? null : Position.TryParse(header.ToString(), out var position) ? position
            : throw Problem.Field("stream.last_event_id", "Last-Event-ID", "must be an id as the stream told it.");
    }
}
