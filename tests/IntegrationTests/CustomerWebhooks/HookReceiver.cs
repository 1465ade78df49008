using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Bsp.Application.CustomerWebhooks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Bsp.IntegrationTests.CustomerWebhooks;

/// <summary>One POST as it came over the wire.</summary>
internal sealed record Hook(string Path, byte[] Body, IReadOnlyDictionary<string, string> Headers)
{
    public JsonElement Json { get; } = JsonSerializer.Deserialize<JsonElement>(Body);

    public string Text => Encoding.UTF8.GetString(Body);

    public string Id => Json.GetProperty("id").GetString()!;

    public string Type => Json.GetProperty("type").GetString()!;

    public JsonElement Data => Json.GetProperty("data");

    public IReadOnlyList<string> Signatures => Headers[StandardWebhooks.SignatureHeader].Split(' ');

    public int Answered { get; set; }

    /// <summary>Signed with this secret, by the standard's rules.</summary>
    public bool IsSignedWith(string secret) => Headers[StandardWebhooks.IdHeader] == Id
        && Signatures.Contains(StandardWebhooks.Sign([StandardWebhooks.KeyOf(secret)], Id,
            long.Parse(Headers[StandardWebhooks.TimestampHeader], System.Globalization.CultureInfo.InvariantCulture), Body));
}

/// <summary>An organization's own system: keeps what is posted and answers as told.</summary>
internal sealed class HookReceiver : IAsyncDisposable
{
    private readonly ConcurrentQueue<Hook> received = new();
    private WebApplication app;

    private HookReceiver(WebApplication app) => this.app = app;

    public int Port { get; private init; }

    public string Url => $"http://127.0.0.1:{Port}/hook";

    /// <summary>What to answer; also where anything else is done with the connection.</summary>
    public Func<Hook, HttpContext, Task<int>> Answer { get; set; } = (_, _) => Task.FromResult(200);

    /// <summary>In the order of their coming.</summary>
    public IReadOnlyList<Hook> All => [.. received];

    /// <summary>Those that were answered with success.</summary>
    public IReadOnlyList<Hook> Accepted => [.. received.Where(h => h.Answered is >= 200 and < 300)];

    public static async Task<HookReceiver> StartAsync(int port = 0)
    {
        HookReceiver? receiver = null;
        var app = Build(port, context => receiver!.TakeAsync(context));
        await app.StartAsync();
        receiver = new(app) { Port = new Uri(app.Urls.First()).Port };
        return receiver;
    }

    /// <summary>The connection is refused from now on.</summary>
    public async Task GoAwayAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }

    /// <summary>There again, on the same port.</summary>
    public async Task ComeBackAsync()
    {
        app = Build(Port, TakeAsync);
        await app.StartAsync();
    }

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var hook = new Hook(context.Request.Path, body.ToArray(),
            context.Request.Headers.ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value.ToString()));
        received.Enqueue(hook);
        var status = await Answer(hook, context);
        if (!context.Response.HasStarted)
        {
            context.Response.StatusCode = status;
        }

        hook.Answered = status;
    }

    private static WebApplication Build(int port, RequestDelegate take)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var app = builder.Build();
        app.Run(take);
        return app;
    }
}
