using System.Buffers;
using System.Net;
using System.Net.Http.Headers;

namespace Bsp.Infrastructure.Meta;

/// <summary>An answer of Graph, read whole.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Body">At most as many bytes as the caller allowed.</param>
internal readonly record struct GraphReply(int Status, byte[] Body);

/// <summary>An answer that is larger than anything Meta answers to such a call; what came of it was thrown away.</summary>
internal sealed class GraphReplyTooLarge(int bytesMax) : IOException($"the answer is larger than {bytesMax} bytes");

/// <summary>
/// Requests to Graph as they go over the wire. What may end up in a header or in a path is judged here once more, whoever stored it, and an
/// answer is bounded in time and bytes,
/// also after it was unpacked.
/// </summary>
internal sealed class GraphHttp : IDisposable
{
    private const int ReadAtOnce = 16 * 1024;

    private readonly HttpClient http;
    private readonly string root;

    public GraphHttp(GraphOptions options)
    {
        root = options.BaseUrl.AbsoluteUri.TrimEnd('/');
        Timeout = options.Timeout;
        http = new HttpClient(new SocketsHttpHandler
        {
            MaxConnectionsPerServer = 256,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectTimeout = TimeSpan.FromSeconds(10),
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.All,
            ActivityHeadersPropagator = null,
        })
        {
            Timeout = System.Threading.Timeout.InfiniteTimeSpan, // it would not bound the reading of the body: our own clock does
        };
        http.DefaultRequestHeaders.UserAgent.Add(new("bsp", "1.0"));
    }

    /// <summary>Of one call, its answer's last byte included.</summary>
    public TimeSpan Timeout { get; }

    /// <summary>One request, one answer. Nothing is repeated, no redirect is followed.</summary>
    /// <param name="path">After the version: segments made by <see cref="Segment"/>, and a query.</param>
    /// <param name="bytesMax">Of the answer, unpacked.</param>
    /// <exception cref="GraphUnusable">The token cannot be a header; nothing was sent.</exception>
    /// <exception cref="GraphReplyTooLarge">The answer is larger.</exception>
    /// <exception cref="OperationCanceledException">No whole answer within <see cref="Timeout"/>.</exception>
    public async Task<GraphReply> CallAsync(HttpMethod method, string path, string accessToken, HttpContent? content, int bytesMax,
        CancellationToken ct)
    {
        if (!GraphText.IsToken(accessToken))
        {
            throw new GraphUnusable(
                "The access token cannot be sent: it is empty, or has blanks, line ends or characters outside ASCII in it.");
        }

        using var request = new HttpRequestMessage(method, $"{root}/{path}") { Content = content };
        request.Headers.Authorization = new("Bearer", accessToken);
        using var within = CancellationTokenSource.CreateLinkedTokenSource(ct);
        within.CancelAfter(Timeout);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, within.Token);
        return new((int)response.StatusCode, await ReadAsync(response.Content, bytesMax, within.Token));
    }

    /// <summary>
    /// An id as a part of a path. What is no id of Meta's never becomes one: <c>..</c> or <c>/</c> would be another call.
    /// </summary>
    /// <exception cref="GraphUnusable">It is none; nothing was sent.</exception>
    public static string Segment(string id) => GraphText.IsId(id) ? id
        : throw new GraphUnusable("An id that is not one of Meta's (letters, digits, '_' and '-') cannot be part of a call.");

    public void Dispose() => http.Dispose();

    private static async Task<byte[]> ReadAsync(HttpContent content, int bytesMax, CancellationToken ct)
    {
        if (content.Headers.ContentLength > bytesMax)
        {
            throw new GraphReplyTooLarge(bytesMax);
        }

        await using var stream = await content.ReadAsStreamAsync(ct);
        var part = ArrayPool<byte>.Shared.Rent(ReadAtOnce);
        try
        {
            using var whole = new MemoryStream();
            while (await stream.ReadAsync(part, ct) is var read and > 0)
            {
                if (whole.Length + read > bytesMax)
                {
                    throw new GraphReplyTooLarge(bytesMax);
                }

                whole.Write(part, 0, read);
            }

            return whole.ToArray();
        }
        catch (InvalidDataException e)
        {
            throw new IOException("the answer says that it is packed and is not", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(part);
        }
    }
}

/// <summary>A call that cannot be made with what is stored. Nothing left.</summary>
internal sealed class GraphUnusable(string message) : Exception(message);

/// <summary>
/// The body of a send, which knows whether its first byte was handed to a connection. Before that Meta cannot have the message, whatever
/// went wrong: no such name, no connection,
/// no TLS, no room in the pool, a header that cannot be written.
/// </summary>
internal sealed class NotedContent : HttpContent
{
    private readonly ReadOnlyMemory<byte> body;

    public NotedContent(ReadOnlyMemory<byte> body)
    {
        this.body = body;
        Headers.ContentType = new MediaTypeHeaderValue("application/json");
    }

    /// <summary>Some of it may have left.</summary>
    public bool Began { get; private set; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Began = true;
        await stream.WriteAsync(body, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = body.Length;
        return true;
    }
}
