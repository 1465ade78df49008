using System.Net;
using System.Security.Authentication;
using Bsp.Application.CustomerWebhooks;
using Bsp.Infrastructure.CustomerWebhooks;

namespace Bsp.Infrastructure.Ai.Models;

/// <summary>
/// One connection pool for all models' addresses, which organizations name: no proxy, no redirects, no cookies, and connected to by the
/// same rules as their webhooks (<see cref="GuardedConnect"/>), so that none leads into our own network. Answers are bounded.
/// </summary>
public sealed class ModelHttp : IDisposable
{
    private const long AnswerBytesMax = 1024 * 1024;
    private const int ConnectionsOfHostMax = 32;
    private static readonly AsyncLocal<Guid> Whose = new();

    private readonly GuardedConnect guarded;

    public ModelHttp(OutboundRules rules)
    {
        guarded = new(rules);
        Client = new(new Bounded(new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            Credentials = null,
            MaxConnectionsPerServer = ConnectionsOfHostMax,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(20),
            MaxResponseHeadersLength = 16,
            ConnectCallback = guarded.ConnectAsync,
            SslOptions = new() { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13 },
        }))
        {
            MaxResponseContentBufferSize = AnswerBytesMax,
            Timeout = Timeout.InfiniteTimeSpan, // callers say how long
        };
    }

    /// <summary>For the makers' own clients.</summary>
    public HttpClient Client { get; }

    /// <summary>Says for whom requests of this flow are made: names are resolved in each organization's own share.</summary>
    public static void For(Guid organizationId) => Whose.Value = organizationId;

    public void Dispose()
    {
        Client.Dispose();
        guarded.Dispose();
    }

    // Read whole before anybody sees it, so that a body without end ends here.
    private sealed class Bounded(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Options.Set(GuardedConnect.Whose, Whose.Value);
            var response = await base.SendAsync(request, cancellationToken);
            try
            {
                await response.Content.LoadIntoBufferAsync(AnswerBytesMax, cancellationToken);
                return response;
            }
            catch
            {
                response.Dispose();
                throw;
            }
        }
    }
}
