using System.Security.Cryptography;
using Bsp.Domain.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Media;

/// <summary>Keeps a file to be sent. What it is is judged by its first bytes and by what its sender says, which must agree.</summary>
/// <param name="Content">Taken in whole; can be sought.</param>
/// <param name="DeclaredType">Null: its sender does not say.</param>
/// <param name="Source"><c>upload</c> or <c>link</c>.</param>
/// <exception cref="Refusal"><c>media.empty</c>, <c>media.type_not_supported</c>, <c>media.type_mismatch</c>, <c>media.too_large</c>,
/// <c>media.quota_reached</c></exception>
public sealed record StoreMedia(Guid OrganizationId, Guid MediaId, Stream Content, string? DeclaredType, string? Filename, string Source)
    : IRequest<MediaView>;

public sealed class StoreMediaHandler(IMediaFiles files) : IRequestHandler<StoreMedia, MediaView>
{
    public async Task<MediaView> Handle(StoreMedia command, CancellationToken ct)
    {
        var content = command.Content;
        var start = new byte[MediaSniffer.BytesLooked];
        content.Position = 0;
        start = start[..await content.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, ct)];
        if (start.Length == 0)
        {
            throw new Refusal("media.empty", "The file is empty.");
        }

        var type = TypeOf(command.DeclaredType, start);
        var max = type.Kind == "sticker" && !MediaSniffer.IsAnimated(start) ? MediaRules.StillStickerBytesMax : type.BytesMax;
        if (content.Length > max)
        {
            throw new Refusal("media.too_large", $"A file of type {type.MimeType} may have {max} bytes; this one has {content.Length}.");
        }

        content.Position = 0;
        var sha = await SHA256.HashDataAsync(content, ct);
        return await files.KeepAsync(new(command.OrganizationId, command.MediaId, command.Source, type, content.Length, sha,
            MediaRules.NameOf(command.Filename)), content, ct);
    }

    private static MediaType TypeOf(string? declaredType, byte[] start)
    {
        var (declared, found) = (MediaRules.Plain(declaredType), MediaSniffer.Type(start));
        if (declared is not null && MediaRules.Of(declared) is null)
        {
            throw Unsupported(declared);
        }

        return MediaSniffer.Agreed(declared, found) is { } agreed ? MediaRules.Of(agreed) ?? throw Unsupported(agreed)
            : declared is null
            ? throw new Refusal("media.type_not_supported",
                $"What the file is cannot be told from its first bytes{(found is null ? "" : $" ({found})")}: name its type.")
            : throw new Refusal("media.type_mismatch",
                $"The file is said to be {declared}, and by its first bytes it is {found ?? "nothing that is known"}.");
    }

    private static Refusal Unsupported(string type) => new("media.type_not_supported",
        $"WhatsApp takes no files of type {Text.Cut(type, 80)}: {string.Join(", ", MediaRules.All.Select(t => t.MimeType))} are taken.");
}

/// <summary>Fetches a file from an address and keeps it.</summary>
/// <param name="Link">Of the public Internet, by TLS.</param>
/// <param name="Filename">Null: as its server calls it, else the last part of the address.</param>
/// <exception cref="Refusal">As <see cref="StoreMedia"/>, and <c>media.link_refused</c>, <c>media.link_failed</c></exception>
public sealed record FetchMedia(Guid OrganizationId, Guid MediaId, string Link, string? Filename) : IRequest<MediaView>;

public sealed class FetchMediaValidator : AbstractValidator<FetchMedia>
{
    public FetchMediaValidator()
    {
        RuleFor(c => c.Link).NotEmpty().MaximumLength(2_000)
            .Must(text => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http")
            .WithMessage("must be an https address of at most 2000 characters.");
        RuleFor(c => c.Filename).MaximumLength(MediaRules.NameMax);
    }
}

public sealed class FetchMediaHandler(IMediaLinks links, IMediator mediator) : IRequestHandler<FetchMedia, MediaView>
{
    public async Task<MediaView> Handle(FetchMedia command, CancellationToken ct)
    {
        var link = new Uri(command.Link);
        var (content, type, name) = await links.FetchAsync(command.OrganizationId, link, ct);
        await using (content)
        {
            return await mediator.Send(new StoreMedia(command.OrganizationId, command.MediaId, content, type,
                command.Filename ?? name ?? Uri.UnescapeDataString(link.AbsolutePath), "link"), ct);
        }
    }
}
