using System.Text;
using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.EventStore;
using MediatR;

namespace Bsp.Api.Events;

/// <summary>
/// Public events as they happen, in the form of server-sent events: <c>id</c> is the place to go on from, <c>event</c> the type,
/// <c>data</c> the same body as a webhook's. A comment every 15 s keeps
/// proxies from cutting a stream in which nothing happens. It ends when the caller may no longer read.
/// </summary>
/// <param name="first">What was asked; <paramref name="begin"/> is its answer, so that what is wrong with it is told as a problem.</param>
internal sealed class EventStream(PullEvents first, PublicSlice begin, IMediator mediator, Permission permission) : IResult
{
    /// <summary>Events read at a time.</summary>
    public const int PageEvents = 200;

    // Where nothing happens it looks more seldom: a stream costs a read each time.
    private static readonly TimeSpan LookFirst = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LookLast = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(15);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var (response, ct) = (httpContext.Response, httpContext.RequestAborted);
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        await response.StartAsync(ct);
        await WriteAsync(response, ": from here on\n\n", ct);
        var clock = httpContext.RequestServices.GetRequiredService<TimeProvider>();
        var (slice, said, pause) = (begin, clock.GetTimestamp(), LookFirst);
        while (true)
        {
            if (slice.Events.Count > 0)
            {
                await WriteAsync(response, Text(slice), ct);
                (said, pause) = (clock.GetTimestamp(), LookFirst);
            }

            if (!slice.More)
            {
                await Task.Delay(pause, clock, ct);
                pause = pause * 2 < LookLast ? pause * 2 : LookLast;
            }

            if (clock.GetElapsedTime(said) > HeartbeatEvery)
            {
                await WriteAsync(response, ": still here\n\n", ct);
                said = clock.GetTimestamp();
            }

            if (!await permission.HoldsAsync())
            {
                return;
            }

            slice = await mediator.Send(first with { After = slice.UpTo }, ct);
        }
    }

    private static string Text(PublicSlice slice)
    {
        var text = new StringBuilder();
        foreach (var told in slice.Events)
        {
            text.Append("id: ").Append(new Position(slice.UpTo.Epoch, told.Stored.Sequence).ToToken()).Append("\nevent: ").Append(told.Type)
                .Append("\ndata: ").Append(Encoding.UTF8.GetString(PublicJson.Body(told, thin: false, slice.UpTo.Epoch))).Append("\n\n");
        }

        return text.ToString();
    }

    private static async Task WriteAsync(HttpResponse response, string text, CancellationToken ct)
    {
        await response.WriteAsync(text, ct);
        await response.Body.FlushAsync(ct);
    }
}
