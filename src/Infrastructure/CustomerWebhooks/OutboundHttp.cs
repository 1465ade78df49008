using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Bsp.Application.CustomerWebhooks;
using Bsp.Domain.Common;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>Whom a failure is about.</summary>
internal enum Blame
{
    /// <summary>Nobody: it was delivered.</summary>
    None,

    /// <summary>This event, as far as one can tell: its key waits, the others go on.</summary>
    Key,

    /// <summary>The endpoint as a whole: nothing more is sent for a while.</summary>
    Endpoint,

    /// <summary>The endpoint's host, whoever asks.</summary>
    Host,

    /// <summary>It says that it is gone for good (410).</summary>
    Gone,
}

/// <summary>What came of one attempt.</summary>
/// <param name="Outcome">A word: docs/webhooks.md lists them.</param>
/// <param name="Status">HTTP's; null: there was no answer.</param>
/// <param name="Answer">Its first bytes as text; null: none.</param>
/// <param name="RetryAfter">What the receiver asked for; null: nothing.</param>
internal sealed record Attempt(string Outcome, int? Status, int LatencyMs, string? Answer, TimeSpan? RetryAfter, Blame Blame)
{
    public bool Delivered => Blame == Blame.None;
}

/// <summary>
/// One connection pool for all customers' addresses: no proxy, no redirects, no cookies, nothing unpacked. Every connection resolves the
/// name itself and is made only when every address that
/// the name has may be connected to (<see cref="OutboundRules"/>), so that a name that changes its address between looking and connecting
/// gains nothing.
/// </summary>
public sealed class OutboundHttp : IDisposable
{
    /// <summary>How long one attempt may take, from resolving to the answer's head.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);

    private const int AnswerBytesMax = 512;
    private const int AnswerCharactersMax = 256;
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(1);

    private readonly TimeProvider clock;
    private readonly GuardedConnect guarded;
    private readonly HttpMessageInvoker http;

    public OutboundHttp(OutboundRules rules, TimeProvider clock) : this(rules, clock, Dns.GetHostAddresses)
    {
    }

    /// <param name="ask">Which addresses a name has at this moment.</param>
    internal OutboundHttp(OutboundRules rules, TimeProvider clock, Func<string, IPAddress[]> ask)
    {
        (this.clock, guarded) = (clock, new(rules, ask));
        http = new(new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            Credentials = null,
            MaxConnectionsPerServer = SessionParts.InFlightMax, // customers share hosts: one that hangs takes nobody's connections
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            // ten thousand origins cost 5–9 % of a core while their idle connections live
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(4),
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
            MaxResponseDrainSize = 64 * 1024,
            MaxResponseHeadersLength = 16,
            ConnectCallback = guarded.ConnectAsync,
            SslOptions = new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13 },
        });
    }

    public void Dispose()
    {
        http.Dispose();
        guarded.Dispose();
    }

    /// <summary>Posts once; never throws but for <paramref name="ct"/>.</summary>
    internal async Task<Attempt> PostAsync(Uri url, byte[] body, string id, IReadOnlyList<byte[]> keys,
        IReadOnlyDictionary<string, string> headers, CancellationToken ct, Guid organizationId = default)
    {
        var began = Stopwatch.GetTimestamp();
        int Taken() => (int)Math.Min(int.MaxValue, Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(Timeout);
        using var request = Request(url, body, id, keys, headers);
        request.Options.Set(GuardedConnect.Whose, organizationId);
        try
        {
            using var response = await http.SendAsync(request, deadline.Token);
            var status = (int)response.StatusCode;
            var latency = Taken();
            var answer = await AnswerAsync(response, deadline.Token);
            ct.ThrowIfCancellationRequested();
            var (outcome, blame) = Judge(status);
            return new(outcome, status, latency, answer, RetryAfter(response), blame);
        }
        catch (Exception) when (ct.IsCancellationRequested)
        {
            throw new OperationCanceledException(ct);
        }
        catch (Exception error)
            when (error is OperationCanceledException or HttpRequestException or IOException or SocketException or InvalidOperationException or AuthenticationException)
        {
            var (outcome, blame, said) = Name(error, deadline.IsCancellationRequested);
            return new(outcome, null, Taken(), said, null, blame);
        }
    }

    private HttpRequestMessage Request(Uri url, byte[] body, string id, IReadOnlyList<byte[]> keys,
        IReadOnlyDictionary<string, string> headers)
    {
        var seconds = clock.GetUtcNow().ToUnixTimeSeconds();
        var tls = url.Scheme == Uri.UriSchemeHttps;
        var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Content = new ByteArrayContent(body),
            Version = tls ? HttpVersion.Version20 : HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        request.Headers.TryAddWithoutValidation(StandardWebhooks.IdHeader, id);
        request.Headers.TryAddWithoutValidation(StandardWebhooks.TimestampHeader, seconds.ToString(CultureInfo.InvariantCulture));
        request.Headers.TryAddWithoutValidation(StandardWebhooks.SignatureHeader, StandardWebhooks.Sign(keys, id, seconds, body));
        request.Headers.TryAddWithoutValidation("User-Agent", "Bsp-Webhooks/1");
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return request;
    }

    // The first bytes, for a moment only: whether it was delivered is decided by the head.
    private static async Task<string?> AnswerAsync(HttpResponseMessage response, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(AnswerPatience);
        var buffer = new byte[AnswerBytesMax];
        var length = 0;
        try
        {
            await using var stream = await response.Content.ReadAsStreamAsync(patience.Token);
            while (length < buffer.Length && await stream.ReadAsync(buffer.AsMemory(length), patience.Token) is > 0 and var read)
            {
                length += read;
            }
        }
        catch (Exception error) when (error is OperationCanceledException or IOException or HttpRequestException)
        {
            // What has come so far is all that is shown.
        }

        return length == 0 ? null : Shown(Encoding.UTF8.GetString(buffer, 0, length));
    }

    private static string Shown(string text) => Text.Cut(string.Create(text.Length, text, static (to, from) =>
    {
        for (var i = 0; i < from.Length; i++)
        {
            to[i] = char.IsControl(from[i]) ? ' ' : from[i];
        }
    }), AnswerCharactersMax);

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } pause } when pause > TimeSpan.Zero => pause,
        { Date: { } at } when at > clock.GetUtcNow() => at - clock.GetUtcNow(),
        _ => null,
    };

    private static (string Outcome, Blame Blame) Judge(int status) => status switch
    {
        >= 200 and < 300 => ("delivered", Blame.None),
        < 400 => ("redirect", Blame.Key),
        410 => ("gone", Blame.Gone),
        429 => ("too_many", Blame.Endpoint),
        < 500 => ("rejected", Blame.Key),
        502 or 503 or 504 => ("unavailable", Blame.Endpoint),
        _ => ("server_error", Blame.Key),
    };

    private static (string Outcome, Blame Blame, string? Said) Name(Exception error, bool timedOut)
    {
        for (Exception? at = error; at is not null; at = at.InnerException)
        {
            switch (at)
            {
                case OutboundRefused refused:
                    return ("blocked", Blame.Endpoint, refused.Message);
                case OutboundUnresolved unresolved:
                    return ("dns", Blame.Host, unresolved.Message);
                case AuthenticationException tls:
                    return ("tls", Blame.Host, Text.Cut(tls.Message, AnswerCharactersMax));
            }
        }

        if (timedOut)
        {
            return ("timeout", Blame.Key, null);
        }

        return error switch
        {
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } e =>
                ("tls", Blame.Host, Text.Cut(e.Message, AnswerCharactersMax)),
            HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } or OperationCanceledException =>
                ("connect", Blame.Host, null),
            HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded } or IOException or SocketException =>
                ("closed", Blame.Key, null),
            HttpRequestException { InnerException: IOException or SocketException } => ("closed", Blame.Key, null),
            _ => ("protocol", Blame.Key, Text.Cut(error.Message, AnswerCharactersMax)),
        };
    }
}
