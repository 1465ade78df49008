using System.Text.RegularExpressions;
using Bsp.Domain.Users;
using FluentValidation;

namespace Bsp.Application.Users;

/// <summary>Rules that several requests about people share.</summary>
public static partial class UserRules
{
    /// <summary>
    /// Fewest characters of a password. Length is what counts (NIST SP 800-63B 3.1.1.2); there are no rules about kinds of characters.
    /// </summary>
    public const int PasswordCharsMin = 12;

    /// <summary>Most characters of a password: a bound for the hasher's work.</summary>
    public const int PasswordCharsMax = 200;

    private const int EmailCharsMax = 254;

    /// <summary>As it is stored, compared and unique everywhere: without spaces around, lower case.</summary>
    public static string Normalize(string email) => email.Trim().ToLowerInvariant();

    public static IRuleBuilderOptions<T, string> Email<T>(this IRuleBuilder<T, string> rule) =>
        rule.Must(text => text is { Length: <= EmailCharsMax } && EmailForm().IsMatch(text.Trim()))
        .WithMessage("must be an e-mail address.");

    public static IRuleBuilderOptions<T, string?> Password<T>(this IRuleBuilder<T, string?> rule) =>
        rule.Must(text => text is null or { Length: >= PasswordCharsMin and <= PasswordCharsMax })
        .WithMessage($"must be {PasswordCharsMin} to {PasswordCharsMax} characters.");

    public static IRuleBuilderOptions<T, string> Role<T>(this IRuleBuilder<T, string> rule) =>
        rule.Must(role => Roles.All.Contains(role)).WithMessage($"must be one of {string.Join(", ", Roles.All)}.");

    public static IRuleBuilderOptions<T, string> Status<T>(this IRuleBuilder<T, string> rule) =>
        rule.Must(status => Roles.Statuses.Contains(status)).WithMessage($"must be one of {string.Join(", ", Roles.Statuses)}.");

    // One @, something on both sides, a dot in the domain, no spaces or control characters: only a message to it tells more.
    [GeneratedRegex(@"\A[^@\s\p{C}]{1,64}@[^@\s\p{C}.]+(\.[^@\s\p{C}.]+)+\z")]
    private static partial Regex EmailForm();
}
