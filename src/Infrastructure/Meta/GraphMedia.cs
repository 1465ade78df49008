using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Meta;

namespace Bsp.Infrastructure.Meta;

/// <summary>Files at Meta over HTTP. They are large, so calls have more time than others, and their bytes are not held in memory.</summary>
/// <param name="options">Of other calls: the address is theirs.</param>
public sealed class GraphMedia(GraphOptions options) : IMetaMedia, IDisposable
{
    private const int AnswerBytesMax = 64 * 1024;
    private const int HandleMax = 4_000;
    private const int UrlMax = 4_000;

    // 100 MB at 1 MB/s; downloads and uploads alike.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    // Where Meta's own files lie. The token goes there, so nobody else may name the place.
    private static readonly string[] Hosts = [".fbsbx.com", ".fbcdn.net", ".facebook.com", ".whatsapp.net"];

    private readonly GraphHttp graph = new(options with { Timeout = Patience });
    private readonly HttpClient files = new(new SocketsHttpHandler
    {
        UseCookies = false, AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(10), UseProxy = true,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5), ActivityHeadersPropagator = null,
        AutomaticDecompression = DecompressionMethods.None,
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    public async Task<MediaAtMeta> DescribeAsync(MetaNumber number, string metaMediaId, CancellationToken ct)
    {
        var answer = await CallAsync(HttpMethod.Get,
            () => $"{GraphHttp.Segment(metaMediaId)}?phone_number_id={GraphHttp.Segment(number.PhoneNumberId)}", number, null, ct);
        var url = GraphText.Text(answer, "url", UrlMax);
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || !IsMetas(address))
        {
            throw new MetaRefused(null, "Meta named no address of its own for the file.", retryable: true);
        }

        var bytes = GraphText.Text(answer, "file_size", 20);
        return new(address, GraphText.Text(answer, "mime_type", 200), GraphText.Text(answer, "sha256", 64)?.ToLowerInvariant(),
            long.TryParse(bytes, out var size) ? size : null);
    }

    public async Task<T> DownloadAsync<T>(MetaNumber number, Uri url, Func<Stream, CancellationToken, Task<T>> read,
        CancellationToken ct)
    {
        using var within = CancellationTokenSource.CreateLinkedTokenSource(ct);
        within.CancelAfter(Patience);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            request.Headers.Authorization = new("Bearer", number.AccessToken);
            request.Headers.UserAgent.Add(new("bsp", "1.0"));
            using var response = await files.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, within.Token);
            if (!response.IsSuccessStatusCode)
            {
                throw new MetaRefused(null, $"Meta answered HTTP {(int)response.StatusCode} in place of the file.", retryable: true);
            }

            await using var body = await response.Content.ReadAsStreamAsync(within.Token);
            return await read(body, within.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new MetaRefused(null, $"The file did not come within {Patience.TotalSeconds:0} s.", retryable: true, timedOut: true);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or FormatException)
        {
            throw new MetaRefused(null, $"The file could not be fetched: {Domain.Common.Text.Cut(e.Message, 300)}", retryable: true);
        }
    }

    public async Task<string> UploadAsync(MetaNumber number, Stream content, string mimeType, string filename, CancellationToken ct)
    {
        content.Position = 0;
        using var file = new StreamContent(content);
        file.Headers.ContentType = MediaTypeHeaderValue.Parse(mimeType);
        using var form = new MultipartFormDataContent
        {
            { new StringContent("whatsapp"), "messaging_product" }, { new StringContent(mimeType), "type" }, { file, "file", filename },
        };
        var answer = await CallAsync(HttpMethod.Post, () => $"{GraphHttp.Segment(number.PhoneNumberId)}/media", number, form, ct);
        return GraphText.Text(answer, "id", GraphText.IdMax) is { } id && GraphText.IsId(id) ? id
            : throw new MetaRefused(null, "Meta took the file and named no id for it.", retryable: true);
    }

    public async Task<string> UploadSampleAsync(MetaNumber number, Stream content, string mimeType, string filename, CancellationToken ct)
    {
        content.Position = 0;
        var query = $"file_name={Uri.EscapeDataString(filename)}&file_length={content.Length}&file_type={Uri.EscapeDataString(mimeType)}";
        var begun = await CallAsync(HttpMethod.Post, () => $"app/uploads?{query}", number, null, ct);
        if (GraphText.Text(begun, "id", UrlMax) is not { } session || !session.StartsWith("upload:", StringComparison.Ordinal)
            || session.Any(c => c is <= ' ' or '/' or '#' or '\\' or > '~'))
        {
            throw new MetaRefused(null, "Meta began no upload.", retryable: true);
        }

        using var bytes = new StreamContent(content);
        bytes.Headers.ContentType = new("application/octet-stream");
        bytes.Headers.Add("file_offset", "0");
        var done = await CallAsync(HttpMethod.Post, () => session, number, bytes, ct);
        return GraphText.Text(done, "h", HandleMax)
            ?? throw new MetaRefused(null, "Meta took the sample and named no handle for it.", retryable: true);
    }

    public void Dispose()
    {
        graph.Dispose();
        files.Dispose();
    }

    // The base address stands for Meta where it is not Meta's own (a proxy, the simulator).
    private bool IsMetas(Uri url) =>
        (url.Host == options.BaseUrl.Host && url.Port == options.BaseUrl.Port && url.Scheme == options.BaseUrl.Scheme)
        || (url.Scheme == Uri.UriSchemeHttps && Hosts.Any(host => url.Host.EndsWith(host, StringComparison.OrdinalIgnoreCase)));

    private Task<JsonElement> CallAsync(HttpMethod method, Func<string> path, MetaNumber number, HttpContent? content,
        CancellationToken ct) => GraphClient.CallAsync(graph, method, path, number.AccessToken, content, AnswerBytesMax, ct);
}
