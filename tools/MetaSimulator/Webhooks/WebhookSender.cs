using System.Net;
using System.Net.Http.Headers;
using System.Threading.Channels;
using Bsp.MetaSimulator.Control;

namespace Bsp.MetaSimulator.Webhooks;

/// <summary>Carries POSTs to the receiver, a few at a time, and says what became of each.</summary>
internal sealed class WebhookSender : IAsyncDisposable
{
    /// <summary>POSTs waiting for a free lane; a further one waits outside.</summary>
    private const int WaitingMax = 64;

    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly HttpClient _http;
    private readonly Channel<WebhookPost> _waiting = Channel.CreateBounded<WebhookPost>(WaitingMax);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<SimulatorOptions> _options;
    private readonly Counters _counters;
    private readonly Action<WebhookPost, bool> _done;
    private readonly Task[] _lanes;

    /// <param name="done">Called after each attempt with whether it was accepted.</param>
    public WebhookSender(Func<SimulatorOptions> options, Counters counters, Action<WebhookPost, bool> done)
    {
        (_options, _counters, _done) = (options, counters, done);
        var lanes = Math.Clamp(options().WebhookConcurrency, 1, 256);
        _http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, MaxConnectionsPerServer = lanes })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _lanes = [.. Enumerable.Range(0, lanes).Select(_ => Task.Run(Carry))];
    }

    public ValueTask Enqueue(WebhookPost post, CancellationToken ct) => _waiting.Writer.WriteAsync(post, ct);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_lanes);
        _http.Dispose();
        _stop.Dispose();
    }

    private async Task Carry()
    {
        try
        {
            await foreach (var post in _waiting.Reader.ReadAllAsync(_stop.Token))
            {
                _done(post, await Attempt(post));
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // stopping: what is left stays unaccepted
        }
    }

    private async Task<bool> Attempt(WebhookPost post)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        limit.CancelAfter(_options().WebhookTimeoutMs);
        using var request = new HttpRequestMessage(HttpMethod.Post, post.Url) { Content = new ByteArrayContent(post.Body) };
        request.Content.Headers.ContentType = Json;
        request.Headers.TryAddWithoutValidation("X-Hub-Signature-256", post.Signature);
        request.Headers.TryAddWithoutValidation("User-Agent", "facebookexternalua");
        try
        {
            using var response = await _http.SendAsync(request, limit.Token);
            _counters.NoteWebhookAnswer((int)response.StatusCode);
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception e)
            when (e is HttpRequestException or InvalidOperationException
                || (e is OperationCanceledException && !_stop.IsCancellationRequested))
        {
            _counters.NoteWebhookFault(e.Message);
            return false;
        }
    }
}
