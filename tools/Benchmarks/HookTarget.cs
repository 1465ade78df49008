using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Bsp.Benchmarks;

/// <summary>
/// Receivers of webhooks on this machine: <c>/count</c> counts, <c>/time</c> measures from the event's creation, <c>/record</c> keeps what
/// came in which order, <c>/hang</c> never answers.
/// </summary>
internal sealed class HookTarget : IAsyncDisposable
{
    private readonly WebApplication app;
    private long counted;
    private long began;

    private HookTarget(WebApplication app) => this.app = app;

    public string Url => app.Urls.First();

    public long Counted => Interlocked.Read(ref counted);

    /// <summary>Since the first that was counted.</summary>
    public TimeSpan Since => Stopwatch.GetElapsedTime(Interlocked.Read(ref began));

    /// <summary>Milliseconds from an event's creation to its coming.</summary>
    public ConcurrentQueue<double> Milliseconds { get; } = new();

    /// <summary>Path, key (the conversation) and message, in the order of their coming.</summary>
    public ConcurrentQueue<(string Path, string Key, string Message)> Recorded { get; } = new();

    /// <summary>What to answer to what is recorded; 0: the connection is cut after it was taken.</summary>
    public Func<string, int> Answer { get; set; } = _ => 200;

    public static async Task<HookTarget> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        HookTarget? target = null;
        var app = builder.Build();
        app.Run(context => target!.TakeAsync(context));
        target = new(app);
        await app.StartAsync();
        return target;
    }

    public void Reset()
    {
        Interlocked.Exchange(ref counted, 0);
        Interlocked.Exchange(ref began, 0);
        Milliseconds.Clear();
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        if (path.StartsWith("/hang", StringComparison.Ordinal))
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return;
        }

        using var body = new MemoryStream(1_024);
        await context.Request.Body.CopyToAsync(body);
        if (path == "/time")
        {
            using var json = JsonDocument.Parse(body.GetBuffer().AsMemory(0, (int)body.Length));
            Milliseconds.Enqueue((DateTimeOffset.UtcNow - json.RootElement.GetProperty("created_at")
                .GetDateTimeOffset()).TotalMilliseconds);
        }
        else if (path.StartsWith("/record", StringComparison.Ordinal))
        {
            Record(context, path, body);
            return;
        }

        Interlocked.CompareExchange(ref began, Stopwatch.GetTimestamp(), 0);
        Interlocked.Increment(ref counted);
    }

    private void Record(HttpContext context, string path, MemoryStream body)
    {
        using var json = JsonDocument.Parse(body.GetBuffer().AsMemory(0, (int)body.Length));
        var data = json.RootElement.GetProperty("data");
        var key = data.GetProperty("conversation_id").GetString()!;
        var status = Answer(key);
        context.Response.StatusCode = status > 0 ? status : 200;
        if (context.Response.StatusCode < 300)
        {
            Recorded.Enqueue((path, key, data.GetProperty("message_id").GetString()!));
        }

        if (status == 0)
        {
            context.Abort();
        }
    }
}
