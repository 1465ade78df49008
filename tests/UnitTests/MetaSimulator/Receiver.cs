using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Bsp.UnitTests.MetaSimulator;

/// <summary>One POST as it came over the wire.</summary>
internal sealed record Received(byte[] Body, string? Signature, int Answered)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    /// <summary>Every <c>changes[]</c> item.</summary>
    public IEnumerable<JsonElement> Changes =>
        Json.GetProperty("entry").EnumerateArray().SelectMany(e => e.GetProperty("changes").EnumerateArray());

    /// <summary>Every status, in the order of the body.</summary>
    public IEnumerable<JsonElement> Statuses => Items("statuses");

    /// <summary>Every customer's message.</summary>
    public IEnumerable<JsonElement> Messages => Items("messages");

    public bool IsSignedWith(string secret)
    {
        using var hmac = new HMACSHA256(Encoding.UTF8.GetBytes(secret));
        return Signature == "sha256=" + string.Concat(hmac.ComputeHash(Body).Select(b => b.ToString("x2", null)));
    }

    private IEnumerable<JsonElement> Items(string name) => Changes
        .Where(c => c.GetProperty("field").GetString() == "messages")
        .SelectMany(c => c.GetProperty("value").TryGetProperty(name, out var items) ? items.EnumerateArray().ToArray() : []);
}

/// <summary>Plays the product's side: keeps what is posted and answers as told.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Received> _received = new();

    private volatile TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Receiver(WebApplication app) => _app = app;

    public string Url => _app.Urls.First() + "/hook";

    /// <summary>The status of the n-th POST, from 1.</summary>
    public Func<int, int> Answer { get; set; } = _ => 200;

    /// <summary>What the handshake must bring.</summary>
    public string VerifyToken { get; set; } = "simulator-verify-token";

    public IReadOnlyList<Received> All => [.. _received];

    /// <summary>What was answered with 200.</summary>
    public IReadOnlyList<Received> Accepted => [.. _received.Where(r => r.Answered == 200)];

    public string[] StatusesOf(string wamid) =>
        [.. Accepted.SelectMany(r => r.Statuses).Where(s => s.GetProperty("id").GetString() == wamid)
            .Select(s => s.GetProperty("status").GetString()!)];

    public static async Task<Receiver> Start()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var receiver = new Receiver(app);
        app.MapPost("/hook", receiver.Take);
        app.MapGet("/hook", receiver.Shake);
        await app.StartAsync();
        return receiver;
    }

    /// <summary>Until the condition holds of what was received; asked again at every POST.</summary>
    /// <exception cref="TimeoutException">It did not hold before the deadline.</exception>
    public async Task Until(Func<IReadOnlyList<Received>, bool> holds, TimeSpan deadline)
    {
        using var limit = new CancellationTokenSource(deadline);
        while (true)
        {
            var next = _arrived.Task;
            if (holds(All))
            {
                return;
            }

            await next.WaitAsync(deadline, limit.Token);
        }
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task Take(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        lock (_received)
        {
            http.Response.StatusCode = Answer(_received.Count + 1);
            _received.Enqueue(new(body.ToArray(), http.Request.Headers["X-Hub-Signature-256"], http.Response.StatusCode));
        }

        var arrived = _arrived;
        _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
        arrived.TrySetResult();
    }

    private async Task Shake(HttpContext http)
    {
        var good = http.Request.Query["hub.mode"] == "subscribe" && http.Request.Query["hub.verify_token"] == VerifyToken;
        http.Response.StatusCode = good ? 200 : 403;
        await http.Response.WriteAsync(good ? (string)http.Request.Query["hub.challenge"]! : "no");
    }
}
