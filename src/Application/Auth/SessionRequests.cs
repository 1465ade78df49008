using Bsp.Application.Common;
using Bsp.Application.Users;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Auth;

/// <summary>A session that began.</summary>
public sealed record StartedSession(Guid UserId, Guid OrganizationId, DateTimeOffset ExpiresAt);

/// <summary>How a session is held, and where it began: shown to its person.</summary>
/// <param name="Cookie">By a browser, whose scripts never see the token; false: by whoever was given the token.</param>
/// <param name="UserAgent">What the client calls itself; null: nothing.</param>
public sealed record SessionForm(bool Cookie, string? UserAgent)
{
    /// <summary>A token.</summary>
    public static readonly SessionForm Token = new(false, null);
}

/// <summary>What proves the second factor: one of the two.</summary>
/// <param name="Code">Six digits of this half minute.</param>
/// <param name="RecoveryCode">One of those that were shown once; each works once.</param>
public sealed record SecondProof(string? Code, string? RecoveryCode)
{
    /// <summary>Neither was given.</summary>
    public bool IsEmpty => string.IsNullOrEmpty(Code) && string.IsNullOrEmpty(RecoveryCode);
}

/// <summary>Signs somebody in. Wrong e-mail and wrong password look alike, also in time.</summary>
/// <param name="TokenHash">Of the new session's token.</param>
/// <exception cref="LoginThrottled">Too many attempts.</exception>
/// <exception cref="SecondFactorRequired">The password was right, and the person has a second factor.</exception>
/// <exception cref="Domain.Common.Refusal"><c>login.invalid</c>; with the right password only: <c>login.user_not_active</c>,
/// <c>login.organization_inactive</c>, <c>auth.second_factor_wrong</c></exception>
public sealed record Login(string Email, string Password, string TokenHash) : IRequest<StartedSession>
{
    public SessionForm Form { get; init; } = SessionForm.Token;

    /// <summary>Null: none was given.</summary>
    public SecondProof? Second { get; init; }
}

/// <summary>The second half of signing in: the password was right a moment ago.</summary>
/// <param name="ChallengeHash">Of what <see cref="SecondFactorRequired"/> said.</param>
/// <exception cref="LoginThrottled">Too many attempts.</exception>
/// <exception cref="Domain.Common.Refusal"><c>auth.challenge_unknown</c>, <c>auth.second_factor_wrong</c>,
/// <c>login.user_not_active</c>, <c>login.organization_inactive</c></exception>
public sealed record LoginSecondFactor(string ChallengeHash, SecondProof Second, string TokenHash, SessionForm Form)
    : IRequest<StartedSession>;

public sealed class LoginSecondFactorValidator : AbstractValidator<LoginSecondFactor>
{
    public LoginSecondFactorValidator() =>
        RuleFor(c => c.Second).Must(second => !second.IsEmpty).WithMessage("must be given, or recovery_code.").OverridePropertyName("code");
}

/// <summary>The right password of somebody who has a second factor: 401, with what the second half of signing in presents.</summary>
/// <param name="challenge">Works for <see cref="Life"/> and <see cref="AttemptsMax"/> attempts.</param>
public sealed class SecondFactorRequired(string challenge) : Exception("Now the code of your second factor, or a recovery code.")
{
    /// <summary>How long it works.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(5);

    /// <summary>Codes that are looked at for one challenge.</summary>
    public const int AttemptsMax = 5;

    /// <summary>Shown to whoever gave the password, and nowhere else.</summary>
    public string Challenge { get; } = challenge;
}

public sealed class LoginValidator : AbstractValidator<Login>
{
    public LoginValidator()
    {
        RuleFor(c => c.Email).NotEmpty().MaximumLength(254);
        RuleFor(c => c.Password).NotEmpty().MaximumLength(UserRules.PasswordCharsMax);
    }
}

/// <summary>Ends one session, or all of a person's.</summary>
/// <param name="TokenHash">The one to end; null: all.</param>
public sealed record Logout(Guid OrganizationId, Guid Id, string? TokenHash) : ICommandOn;

/// <summary>Changes one's own password and ends one's other sessions.</summary>
/// <param name="TokenHash">The session that goes on.</param>
/// <exception cref="LoginThrottled">Too many attempts.</exception>
/// <exception cref="Domain.Common.Refusal"><c>login.invalid</c>: the current password is another.</exception>
public sealed record ChangePassword(Guid OrganizationId, Guid Id, string TokenHash, string CurrentPassword, string NewPassword)
    : ICommandOn;

public sealed class ChangePasswordValidator : AbstractValidator<ChangePassword>
{
    public ChangePasswordValidator()
    {
        RuleFor(c => c.CurrentPassword).NotEmpty().MaximumLength(UserRules.PasswordCharsMax);
        RuleFor(c => c.NewPassword).NotNull().Password();
        RuleFor(c => c.NewPassword).NotEqual(c => c.CurrentPassword).WithMessage("must be another than the current one.");
    }
}

/// <summary>A session as its person sees it.</summary>
/// <param name="Kind"><c>cookie</c>: a browser; <c>token</c>: whoever was given the token.</param>
/// <param name="LastSeenAt">Of a cookie, to the hour; of a token when it began.</param>
/// <param name="Address">Where it began; null: unknown.</param>
/// <param name="UserAgent">What the client called itself, its first 200 characters; null: nothing.</param>
/// <param name="Current">The one that asks.</param>
public sealed record SessionView(Guid Id, string Kind, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt,
    string? Address, string? UserAgent, bool Current);

/// <summary>One's own sessions that have not ended.</summary>
/// <param name="TokenHash">Of the one that asks.</param>
public sealed record ListSessions(Guid UserId, string TokenHash, string? Cursor, int Limit) : IRequest<Page<SessionView>>;

/// <summary>Ends one of one's own sessions by its id.</summary>
/// <exception cref="Domain.Common.Refusal"><c>session.unknown</c></exception>
public sealed record EndSession(Guid OrganizationId, Guid UserId, Guid Id) : ICommandOn;
