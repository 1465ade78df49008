using Bsp.Application.Common;
using Bsp.Application.Users;
using FluentValidation;

namespace Bsp.Application.Auth;

/// <summary>How long one-time tokens work.</summary>
public static class TokenLives
{
    public static readonly TimeSpan Reset = TimeSpan.FromHours(1);

    public static readonly TimeSpan Invitation = TimeSpan.FromDays(7);
}

/// <summary>
/// Lets somebody choose a new password with a one-time token, which the caller hands over; an earlier one of the same person ends.
/// </summary>
/// <param name="OrganizationId">All zeros: the platform, for a person of any organization.</param>
/// <param name="TokenHash">Of the new token.</param>
/// <exception cref="Domain.Common.Refusal"><c>user.unknown</c>, <c>user.role_above_own</c></exception>
public sealed record RequestReset(Guid OrganizationId, string ActorRole, string Email, string AskedBy, string TokenHash) : ICommand
{
    /// <summary>The token itself, which goes out by mail; null: the caller hands it over.</summary>
    public string? Mailed { get; init; }
}

public sealed class RequestResetValidator : AbstractValidator<RequestReset>
{
    public RequestResetValidator() => RuleFor(c => c.Email).Email();
}

/// <summary>Chooses the new password. The token works once; all sessions of the person end.</summary>
/// <exception cref="Domain.Common.Refusal"><c>reset.unknown</c>: no such token, used, too old, or the person's role was changed
/// since.</exception>
public sealed record ConfirmReset(string TokenHash, string Password) : MediatR.IRequest<Done>;

public sealed class ConfirmResetValidator : AbstractValidator<ConfirmReset>
{
    public ConfirmResetValidator() => RuleFor(c => c.Password).NotNull().Password();
}

/// <summary>
/// Invites somebody with a one-time token, which the caller hands over. Inviting the same e-mail again ends the earlier invitation.
/// </summary>
/// <param name="UserId">Whom accepting will make.</param>
/// <param name="InvitedBy"><c>user:id</c>, <c>key:id</c> or <c>platform</c>: the invitation ends with their right to give the role.</param>
/// <exception cref="Domain.Common.Refusal"><c>user.email_taken</c>, <c>user.role_above_own</c></exception>
public sealed record InviteUser(Guid OrganizationId, Guid UserId, string ActorRole, string Email, string Role, string? FirstName,
    string? LastName, string InvitedBy, string TokenHash) : ICommand
{
    /// <summary>The token itself, which goes out by mail; null: the caller hands it over.</summary>
    public string? Mailed { get; init; }
}

public sealed class InviteUserValidator : AbstractValidator<InviteUser>
{
    public InviteUserValidator()
    {
        RuleFor(c => c.Email).Email();
        RuleFor(c => c.Role).Role();
        RuleFor(c => c.FirstName).MaximumLength(200);
        RuleFor(c => c.LastName).MaximumLength(200);
    }
}

/// <summary>An invitation that nobody has accepted yet.</summary>
/// <param name="Id">Of whom accepting will make.</param>
/// <param name="InvitedBy"><c>user:id</c>, <c>key:id</c> or <c>platform</c>; null: made before this was kept.</param>
public sealed record InvitationView(Guid Id, string Email, string Role, string? FirstName, string? LastName, DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt, string? InvitedBy);

/// <summary>Invitations that still work, oldest first.</summary>
public sealed record ListInvitations(Guid OrganizationId, string? Cursor, int Limit) : MediatR.IRequest<Page<InvitationView>>;

/// <summary>Takes an invitation back: its token works no more.</summary>
/// <exception cref="Domain.Common.Refusal"><c>invitation.unknown</c>, <c>user.role_above_own</c></exception>
public sealed record WithdrawInvitation(Guid OrganizationId, Guid Id, string ActorRole) : ICommandOn;

/// <summary>
/// Somebody forgot their password: when they are known and active, a link goes out by mail. Whether they are is told to nobody.
/// </summary>
/// <param name="Token">New; nobody but the mail's reader sees it.</param>
/// <exception cref="LoginThrottled">Too many asked.</exception>
/// <exception cref="Domain.Common.Refusal"><c>mail.not_configured</c></exception>
public sealed record ForgotPassword(string Email, SecretToken Token) : MediatR.IRequest;

public sealed class ForgotPasswordValidator : AbstractValidator<ForgotPassword>
{
    public ForgotPasswordValidator() => RuleFor(c => c.Email).Email();
}

/// <summary>Makes the invited person. The token works once.</summary>
/// <param name="FirstName">Null: as the invitation says.</param>
/// <exception cref="Domain.Common.Refusal"><c>invitation.unknown</c>: no such token, used, too old, or the inviter may not give the role
/// any more; <c>user.email_taken</c>, <c>login.organization_inactive</c></exception>
public sealed record AcceptInvitation(string TokenHash, string Password, string? FirstName, string? LastName) : MediatR.IRequest<UserView>;

public sealed class AcceptInvitationValidator : AbstractValidator<AcceptInvitation>
{
    public AcceptInvitationValidator()
    {
        RuleFor(c => c.Password).NotNull().Password();
        RuleFor(c => c.FirstName).MaximumLength(200);
        RuleFor(c => c.LastName).MaximumLength(200);
    }
}
