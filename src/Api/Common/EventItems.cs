using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;

namespace Bsp.Api.Common;

/// <summary>
/// Items as server-sent events. A comment every 15 s keeps proxies from cutting a stream in which nothing happens (nginx cuts after 60 s).
/// </summary>
internal sealed class EventItems<T>(IAsyncEnumerable<SseItem<T>> items) : IResult
{
    private static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(15);
    private static readonly byte[] Heartbeat = ": still here\n\n"u8.ToArray();

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var (response, ct) = (httpContext.Response, httpContext.RequestAborted);
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache,no-store";
        response.Headers["X-Accel-Buffering"] = "no";
        await response.StartAsync(ct);
        var clock = httpContext.RequestServices.GetRequiredService<TimeProvider>();
        await using var each = items.GetAsyncEnumerator(ct);
        while (true)
        {
            var next = each.MoveNextAsync().AsTask();
            while (!await EndedWithinAsync(next, clock, ct))
            {
                await WriteAsync(response, Heartbeat, ct);
            }

            if (!await next)
            {
                return;
            }

            await WriteAsync(response, Bytes(each.Current), ct);
        }
    }

    private static async Task<bool> EndedWithinAsync(Task next, TimeProvider clock, CancellationToken ct)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var first = await Task.WhenAny(next, Task.Delay(HeartbeatEvery, clock, over.Token));
        await over.CancelAsync();
        return first == next || ct.IsCancellationRequested;
    }

    private static byte[] Bytes(SseItem<T> item)
    {
        var text = new StringBuilder().Append("event: ").Append(item.EventType).Append("\ndata: ")
            .Append(JsonSerializer.Serialize(item.Data, WireJson.Options)).Append('\n');
        text = item.EventId is { } id ? text.Append("id: ").Append(id).Append('\n') : text;
        return Encoding.UTF8.GetBytes(text.Append('\n').ToString());
    }

    private static async Task WriteAsync(HttpResponse response, byte[] bytes, CancellationToken ct)
    {
        await response.Body.WriteAsync(bytes, ct);
        await response.Body.FlushAsync(ct);
    }
}
