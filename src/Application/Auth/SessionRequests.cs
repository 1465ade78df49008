using Bsp.Application.Common;
using Bsp.Application.Users;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Auth;

/// <summary>A session that began.</summary>
public sealed record StartedSession(Guid UserId, Guid OrganizationId, DateTimeOffset ExpiresAt);

/// <summary>Signs somebody in. Wrong e-mail and wrong password look alike, also in time.</summary>
/// <param name="TokenHash">Of the new session's token.</param>
/// <exception cref="LoginThrottled">Too many attempts.</exception>
/// <exception cref="Domain.Common.Refusal"><c>login.invalid</c>; with the right password only: <c>login.user_not_active</c>,
/// <c>login.organization_inactive</c></exception>
public sealed record Login(string Email, string Password, string TokenHash) : IRequest<StartedSession>;

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
