using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Media;

/// <summary>A file that an organization uploaded to send, or that a customer sent.</summary>
/// <param name="Source"><c>upload</c>, <c>link</c> or <c>message</c>.</param>
/// <param name="Status"><c>waiting</c> (it is being fetched from Meta), <c>ready</c> or <c>failed</c>.</param>
/// <param name="Kind"><c>image</c>, <c>video</c>, <c>audio</c>, <c>document</c> or <c>sticker</c>.</param>
/// <param name="MimeType">By what its sender says and its first bytes; null until it is there.</param>
/// <param name="FileSize">Bytes; 0 until it is there.</param>
/// <param name="Sha256">Hex; null until it is there.</param>
/// <param name="Filename">Null: it has none.</param>
/// <param name="AccountId">The number that received it; null: it is the organization's own.</param>
/// <param name="Error">Why it is not there (yet); null: nothing went wrong.</param>
public sealed record MediaView(Guid Id, string Source, string Status, string Kind, string? MimeType, long FileSize, string? Sha256,
    string? Filename, Guid? AccountId, Guid? ContactId, Guid? MessageId, string? Error, DateTimeOffset CreatedAt,
    DateTimeOffset? StoredAt);

/// <summary>One file.</summary>
/// <exception cref="Domain.Common.Refusal"><c>media.unknown</c></exception>
public sealed record GetMedia(Guid OrganizationId, Guid Id) : IRequest<MediaView>;

/// <summary>Files in the order of their ids.</summary>
/// <param name="Kind">Only of this kind; null: all.</param>
/// <param name="Source">Only from there; null: all.</param>
public sealed record ListMedia(Guid OrganizationId, string? Kind, string? Source, string? Cursor, int Limit) : IRequest<Page<MediaView>>;

/// <summary>What is in a file.</summary>
/// <exception cref="Domain.Common.Refusal"><c>media.unknown</c>, <c>media.not_ready</c></exception>
public sealed record OpenMedia(Guid OrganizationId, Guid Id) : IRequest<OpenedMedia>;

/// <param name="Content">Can be sought; the caller closes it.</param>
public sealed record OpenedMedia(MediaView Media, Stream Content);

/// <summary>Removes a file. A message that was sent with it keeps what Meta has of it.</summary>
/// <exception cref="Domain.Common.Refusal"><c>media.unknown</c></exception>
public sealed record DeleteMedia(Guid OrganizationId, Guid Id) : IRequest<bool>;

public sealed class ListMediaValidator : AbstractValidator<ListMedia>
{
    private static readonly string[] Kinds = ["image", "video", "audio", "document", "sticker"];
    private static readonly string[] Sources = ["upload", "link", "message"];

    public ListMediaValidator()
    {
        RuleFor(l => l.Kind).Must(k => k is null || Kinds.Contains(k)).WithMessage($"kind is one of {string.Join(", ", Kinds)}.");
        RuleFor(l => l.Source).Must(s => s is null || Sources.Contains(s)).WithMessage($"source is one of {string.Join(", ", Sources)}.");
    }
}
