using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.Media;
using Bsp.Domain.Common;
using Bsp.Infrastructure.CustomerWebhooks;

namespace Bsp.Infrastructure.Media;

/// <summary>
/// Fetches files from addresses of others' choosing, under the rules of customers' webhooks: every name is resolved by us and connected to
/// only when every address of it is one of the public Internet, at each redirect anew. Nothing of ours is sent along.
/// </summary>
public sealed class MediaLinks : IMediaLinks, IDisposable
{
    private const int HopsMax = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60); // for all of it

    private readonly OutboundRules rules;
    private readonly MediaFiles files;
    private readonly GuardedConnect guarded;
    private readonly HttpMessageInvoker http;

    public MediaLinks(OutboundRules rules, MediaFiles files)
    {
        (this.rules, this.files, guarded) = (rules, files, new(rules));
        http = new(new SocketsHttpHandler
        {
            UseProxy = false, AllowAutoRedirect = false, UseCookies = false, Credentials = null, ActivityHeadersPropagator = null,
            AutomaticDecompression = DecompressionMethods.None, ConnectTimeout = TimeSpan.FromSeconds(5), MaxConnectionsPerServer = 8,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(4), PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            MaxResponseHeadersLength = 16, ResponseDrainTimeout = TimeSpan.FromSeconds(1), MaxResponseDrainSize = 64 * 1024,
            ConnectCallback = guarded.ConnectAsync,
            SslOptions = new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13 },
        });
    }

    public void Dispose()
    {
        http.Dispose();
        guarded.Dispose();
    }

    public async Task<(Stream Content, string? MimeType, string? Name)> FetchAsync(Guid organizationId, Uri link, CancellationToken ct)
    {
        using var within = CancellationTokenSource.CreateLinkedTokenSource(ct);
        within.CancelAfter(Patience);
        try
        {
            return await FollowAsync(organizationId, link, within.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw Failed($"it did not come whole within {Patience.TotalSeconds:0} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidOperationException or AuthenticationException)
        {
            throw Named(e);
        }
    }

    private async Task<(Stream, string?, string?)> FollowAsync(Guid organizationId, Uri link, CancellationToken ct)
    {
        for (var hop = 0; hop <= HopsMax; hop++)
        {
            if (rules.Fault(link.AbsoluteUri) is { } fault)
            {
                throw new Refusal("media.link_refused", $"The address{(hop == 0 ? "" : " to which it leads")} {fault}");
            }

            using var request = new HttpRequestMessage(HttpMethod.Get, link);
            request.Headers.TryAddWithoutValidation("User-Agent", "Bsp-Media/1");
            request.Headers.TryAddWithoutValidation("Accept", "*/*");
            request.Options.Set(GuardedConnect.Whose, organizationId);
            using var response = await http.SendAsync(request, ct);
            if ((int)response.StatusCode is >= 300 and < 400 && response.Headers.Location is { } next)
            {
                link = new Uri(link, next);
                continue;
            }

            return await TakeAsync(organizationId, response, ct);
        }

        throw Failed($"it leads on more than {HopsMax} times");
    }

    private async Task<(Stream, string?, string?)> TakeAsync(Guid organizationId, HttpResponseMessage response, CancellationToken ct)
    {
        if (!response.IsSuccessStatusCode)
        {
            throw Failed($"its server answered HTTP {(int)response.StatusCode}");
        }

        if (response.Content.Headers.ContentLength > MediaRules.BytesMax)
        {
            throw new Refusal("media.too_large", $"The file has more than {MediaRules.BytesMax} bytes.");
        }

        await using var body = await response.Content.ReadAsStreamAsync(ct);
        var content = await files.SpoolAsync(organizationId, body, MediaRules.BytesMax, ct);
        return (content, response.Content.Headers.ContentType?.MediaType, NameOf(response.Content.Headers.ContentDisposition));
    }

    private static string? NameOf(ContentDispositionHeaderValue? disposition) =>
        disposition?.FileNameStar ?? disposition?.FileName?.Trim('"');

    private static Refusal Failed(string why) => new("media.link_failed", $"The file could not be fetched from its address: {why}.");

    private static Refusal Named(Exception e)
    {
        for (var at = e; at is not null; at = at.InnerException!)
        {
            switch (at)
            {
                case OutboundRefused refused:
                    return new("media.link_refused", $"The file is not fetched: {refused.Message}");
                case OutboundUnresolved unresolved:
                    return Failed(unresolved.Message);
                case AuthenticationException:
                    return Failed("its certificate does not hold");
            }
        }

        return Failed("the connection failed or broke off");
    }
}
