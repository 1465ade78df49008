using System.Text.Json.Serialization;
using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.CannedReplies;

/// <summary>A text that agents send often.</summary>
/// <param name="Shortcut">What they type to find it, unique in the organization.</param>
/// <param name="Language">BCP 47, such as <c>en</c> or <c>pt-BR</c>; null: any.</param>
public sealed record CannedReplyView(Guid Id, Guid OrganizationId, string Shortcut, string Text, string? Language,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, [property: JsonIgnore] long RowVersion);

/// <summary>Refused with <c>canned_reply.shortcut_taken</c>, <c>canned_reply.too_many</c>.</summary>
public sealed record CreateCannedReply(Guid OrganizationId, string Shortcut, string Text, string? Language) : ICommand;

/// <summary>What is absent stays. Refused with <c>canned_reply.unknown</c>, <c>canned_reply.shortcut_taken</c>.</summary>
public sealed record PatchCannedReply(Guid OrganizationId, Guid ReplyId, Optional<string> Shortcut, Optional<string> Text,
    Optional<string?> Language, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => ReplyId;
}

/// <summary>Refused with <c>canned_reply.unknown</c>.</summary>
public sealed record DeleteCannedReply(Guid OrganizationId, Guid ReplyId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => ReplyId;
}

/// <summary>Null: there is none.</summary>
public sealed record GetCannedReply(Guid OrganizationId, Guid ReplyId) : IRequest<CannedReplyView?>;

/// <summary>In the order of ids.</summary>
/// <param name="Shortcut">Only those whose shortcut begins so; null: all.</param>
public sealed record ListCannedReplies(Guid OrganizationId, string? Shortcut, int Limit, string? Cursor) : IRequest<Page<CannedReplyView>>;

public sealed class CreateCannedReplyValidator : AbstractValidator<CreateCannedReply>
{
    public CreateCannedReplyValidator()
    {
        RuleFor(r => r.Shortcut).Must(CannedReplyRules.IsShortcut).WithMessage(CannedReplyRules.ShortcutRule);
        RuleFor(r => r.Text).Must(CannedReplyRules.IsText).WithMessage(CannedReplyRules.TextRule);
        RuleFor(r => r.Language).Must(CannedReplyRules.IsLanguage).WithMessage(CannedReplyRules.LanguageRule);
    }
}

public sealed class PatchCannedReplyValidator : AbstractValidator<PatchCannedReply>
{
    public PatchCannedReplyValidator()
    {
        RuleFor(r => r.Shortcut).Must(s => !s.IsSet || CannedReplyRules.IsShortcut(s.Value)).WithMessage(CannedReplyRules.ShortcutRule);
        RuleFor(r => r.Text).Must(t => !t.IsSet || CannedReplyRules.IsText(t.Value)).WithMessage(CannedReplyRules.TextRule);
        RuleFor(r => r.Language).Must(l => !l.IsSet || CannedReplyRules.IsLanguage(l.Value)).WithMessage(CannedReplyRules.LanguageRule);
    }
}

internal static class CannedReplyRules
{
    private const int ShortcutCharactersMax = 50;
    private const int TextCharactersMax = 4_096; // of a text message at Meta
    private const int LanguageCharactersMax = 16;

    public static readonly string ShortcutRule = $"shortcut must be 1 to {ShortcutCharactersMax} characters without blanks.";
    public static readonly string TextRule = $"text must be 1 to {TextCharactersMax} characters.";
    public static readonly string LanguageRule = "language must be a tag such as en or pt-BR.";

    public static bool IsShortcut(string? shortcut) =>
        shortcut is { Length: > 0 and <= ShortcutCharactersMax } && !shortcut.Any(c => char.IsWhiteSpace(c) || char.IsControl(c));

    public static bool IsText(string? text) => !string.IsNullOrWhiteSpace(text) && text.Length <= TextCharactersMax && !text.Contains('\0');

    public static bool IsLanguage(string? language) => language is null
        || (language.Length is > 1 and <= LanguageCharactersMax && language.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'));
}
