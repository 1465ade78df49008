using System.Text.Json.Nodes;
using Bsp.Application.Meta;
using Bsp.Domain.Common;

namespace Bsp.Application.Media;

/// <summary>A file as it is to be kept.</summary>
/// <param name="Sha256">Of the content.</param>
public sealed record NewMedia(Guid OrganizationId, Guid Id, string Source, MediaType Type, long Bytes, byte[] Sha256, string? Filename);

/// <summary>Files in object storage and what is known of them.</summary>
public interface IMediaFiles
{
    /// <summary>
    /// Takes a file in to its end, on the disk, within what the organization may send at once. Closing it gives all back.
    /// </summary>
    /// <param name="bytesMax">Of this file.</param>
    /// <exception cref="Refusal"><c>media.too_large</c>, <c>media.too_many_at_once</c></exception>
    /// <exception cref="Common.Busy">There is no room at this moment.</exception>
    Task<Stream> SpoolAsync(Guid organizationId, Stream body, long bytesMax, CancellationToken ct);

    /// <summary>Keeps a file; the very same one that is kept already is that one.</summary>
    /// <exception cref="Refusal"><c>media.quota_reached</c>, <c>media.exists</c>: the id is another file's</exception>
    Task<MediaView> KeepAsync(NewMedia media, Stream content, CancellationToken ct);
}

/// <summary>Addresses of others from which a file is fetched.</summary>
public interface IMediaLinks
{
    /// <summary>The file, taken in; what the server says that it is, and its name.</summary>
    /// <exception cref="Refusal"><c>media.link_refused</c>: not an address that may be asked; <c>media.link_failed</c>,
    /// <c>media.too_large</c></exception>
    Task<(Stream Content, string? MimeType, string? Name)> FetchAsync(Guid organizationId, Uri link, CancellationToken ct);
}

/// <summary>Files in messages: Meta knows them by its own ids, for 30 days and for each number.</summary>
public interface IMediaForSending
{
    /// <summary>Every file of ours that the content names is there and is of the kind that it is sent as.</summary>
    /// <exception cref="Refusal"><c>media.unknown</c>, <c>media.not_ready</c>, <c>media.kind_mismatch</c></exception>
    Task RequireAsync(Guid organizationId, JsonObject content, CancellationToken ct);

    /// <summary>
    /// The content with Meta's ids in place of ours, uploaded for the number where Meta has none (any more); or why it cannot be sent.
    /// </summary>
    Task<PreparedContent> PrepareAsync(Guid organizationId, MetaNumber number, string content, CancellationToken ct);

    /// <summary>A file of ours as the sample of a template's header: Meta's handle for it.</summary>
    /// <exception cref="Refusal"><c>media.unknown</c>, <c>media.not_ready</c></exception>
    /// <exception cref="Common.MetaRefused"/>
    Task<string> SampleAsync(Guid organizationId, MetaNumber number, Guid media, CancellationToken ct);

    /// <summary>Meta does not know these any more: they are uploaded anew when they are next sent.</summary>
    Task ForgetAsync(Guid organizationId, MetaNumber number, IReadOnlyList<Guid> media, CancellationToken ct);
}

/// <param name="Content">Null: it cannot be sent, see <paramref name="Failed"/>.</param>
/// <param name="Media">Ours that it was sent with, under ids that Meta had been given before.</param>
public sealed record PreparedContent(string? Content, SendOutcome? Failed, IReadOnlyList<Guid> Media);

/// <summary>A customer's file that is to be fetched from Meta.</summary>
/// <param name="Kind"><c>image</c>, <c>video</c>, <c>audio</c>, <c>document</c> or <c>sticker</c>.</param>
/// <param name="Filename">As its sender calls it; null: it has no name.</param>
public sealed record ExpectedMedia(Guid MessageId, Guid AccountId, Guid ContactId, string Kind, string MetaMediaId, string? Filename)
{
    /// <summary>The file of a message has one id for ever, so that a message that comes twice brings it once.</summary>
    public static Guid IdOf(Guid messageId) => Uuid.Of($"media/{messageId}");
}

/// <summary>Customers' files.</summary>
public interface IInboundMedia
{
    /// <summary>They are fetched from now on until they are there, also after a restart; those known already change nothing.</summary>
    Task ExpectAsync(Guid organizationId, IReadOnlyList<ExpectedMedia> expected, CancellationToken ct);
}

/// <summary>What an erasure of contacts takes of their files: rows, contents and names.</summary>
public interface IMediaErasure
{
    /// <summary>All that these contacts sent is gone when it returns.</summary>
    Task EraseAsync(Guid organizationId, IReadOnlyCollection<Guid> contactIds, CancellationToken ct);
}
