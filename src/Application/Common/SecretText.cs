using FluentValidation;

namespace Bsp.Application.Common;

/// <summary>What a secret must look like to be of use: judged when it is given, in the configuration and in requests alike.</summary>
public static class SecretText
{
    /// <summary>Characters of an app secret or verify token, at least: shorter ones can be guessed. Meta's app secrets have 32.</summary>
    public const int SharedCharsMin = 8;

    /// <summary>
    /// Visible ASCII without blanks, 1 to 4,096 characters: what can be a header's value. Anything else (a line end that was copied along)
    /// would fail at the first call.
    /// </summary>
    public static bool IsHeader(string? text) => text is { Length: > 0 and <= 4_096 } && text.All(c => c is > ' ' and < '\x7f');

    /// <summary>
    /// Long enough not to be guessed, of more than one character, and without blanks or control characters at its ends or in it.
    /// </summary>
    public static bool IsShared(string? text) =>
        text is { Length: >= SharedCharsMin } && !text.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)) && text.Distinct().Skip(1).Any();

    /// <summary>Null, or fit to be sent as a bearer token.</summary>
    public static IRuleBuilderOptions<T, string?> HeaderSecret<T>(this IRuleBuilder<T, string?> rule) => rule
        .Must(text => text is null || IsHeader(text))
        .WithMessage("must be a token as Meta gave it: visible ASCII characters without blanks or line ends.");

    /// <summary>Null (none), or a secret that can prove something.</summary>
    public static IRuleBuilderOptions<T, string?> SharedSecret<T>(this IRuleBuilder<T, string?> rule) => rule
        .Must(text => text is null || IsShared(text))
        .WithMessage($"must be null, or at least {SharedCharsMin} characters without blanks or line ends, not all the same.");
}
