namespace Bsp.Application.Meta;

/// <summary>A file as Meta describes it.</summary>
/// <param name="Url">Good for five minutes, with the token.</param>
/// <param name="Sha256">Hex, lower case; null: Meta does not say.</param>
/// <param name="FileSize">Bytes; null: Meta does not say.</param>
public sealed record MediaAtMeta(Uri Url, string? MimeType, string? Sha256, long? FileSize);

/// <summary>Files at Meta. All throw <see cref="Common.MetaRefused"/>.</summary>
public interface IMetaMedia
{
    /// <summary>Where a file can be fetched from for the next minutes.</summary>
    Task<MediaAtMeta> DescribeAsync(MetaNumber number, string metaMediaId, CancellationToken ct);

    /// <summary>
    /// Hands the file's bytes to a reader; each address only while it is good. The reader's token ends when it takes too long.
    /// </summary>
    Task<T> DownloadAsync<T>(MetaNumber number, Uri url, Func<Stream, CancellationToken, Task<T>> read, CancellationToken ct);

    /// <summary>Uploads a file for a number: Meta's id, good for 30 days.</summary>
    Task<string> UploadAsync(MetaNumber number, Stream content, string mimeType, string filename, CancellationToken ct);

    /// <summary>Uploads a sample of a template's header: its handle (<c>4::…</c>).</summary>
    Task<string> UploadSampleAsync(MetaNumber number, Stream content, string mimeType, string filename, CancellationToken ct);
}
