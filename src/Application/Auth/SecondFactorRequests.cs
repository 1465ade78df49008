using Bsp.Application.Common;
using Bsp.Application.Users;
using Bsp.Domain.Users;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Auth;

/// <summary>How somebody's second factor stands.</summary>
/// <param name="Enabled">It is asked for at each sign-in.</param>
/// <param name="Required">Their role must have one.</param>
/// <param name="ConfirmedAt">Null: none.</param>
/// <param name="RecoveryCodesLeft">Of ten.</param>
public sealed record SecondFactorView(bool Enabled, bool Required, DateTimeOffset? ConfirmedAt, int RecoveryCodesLeft);

/// <summary>A secret that was made and is in nobody's use before its first code.</summary>
/// <param name="Secret">Base32, for who types it: shown here and never again.</param>
/// <param name="Uri"><c>otpauth://totp/…</c></param>
/// <param name="Qr">The same as a picture: a string of 0 and 1 a row.</param>
public sealed record SecondFactorSecret(string Secret, string Uri, IReadOnlyList<string> Qr);

/// <summary>Works once each: shown here and never again.</summary>
public sealed record RecoveryCodes(IReadOnlyList<string> Codes);

public sealed record GetSecondFactor(Guid OrganizationId, Guid UserId, string Role) : IRequest<SecondFactorView>;

/// <summary>Makes a secret in place of one that was never confirmed.</summary>
/// <exception cref="LoginThrottled">Too many wrong passwords.</exception>
/// <exception cref="Domain.Common.Refusal"><c>login.invalid</c>: the password is another; <c>auth.second_factor_exists</c></exception>
public sealed record BeginSecondFactor(Guid OrganizationId, Guid UserId, string Password) : IRequest<SecondFactorSecret>;

/// <summary>The first right code: from now on it is asked for, and one's other sessions end.</summary>
/// <param name="TokenHash">The session that goes on.</param>
/// <exception cref="Domain.Common.Refusal"><c>auth.second_factor_wrong</c>, <c>auth.second_factor_missing</c>,
/// <c>auth.second_factor_exists</c></exception>
public sealed record ConfirmSecondFactor(Guid OrganizationId, Guid UserId, string TokenHash, string Code) : IRequest<RecoveryCodes>;

/// <summary>Signs in without it from now on.</summary>
/// <exception cref="Domain.Common.Refusal"><c>login.invalid</c>, <c>auth.second_factor_needed</c>: their role must have one</exception>
public sealed record DisableSecondFactor(Guid OrganizationId, Guid UserId, string Role, string Password) : IRequest<Done>;

/// <summary>Ten new ones in place of those before.</summary>
/// <exception cref="Domain.Common.Refusal"><c>login.invalid</c>, <c>auth.second_factor_missing</c></exception>
public sealed record RenewRecoveryCodes(Guid OrganizationId, Guid UserId, string Password) : IRequest<RecoveryCodes>;

/// <summary>
/// Takes the second factor from somebody who lost it: all their sessions end, and they enrol again when their role must have one.
/// </summary>
/// <param name="ActorId">Who asks; null: a key. Nobody takes their own: that needs the password.</param>
/// <exception cref="Domain.Common.Refusal"><c>user.unknown</c>, <c>user.role_above_own</c>, <c>auth.second_factor_own</c></exception>
public sealed record RemoveSecondFactor(Guid OrganizationId, Guid Id, string ActorRole, Guid? ActorId) : ICommandOn;

/// <summary>Roles of an organization that must have a second factor.</summary>
/// <param name="Roles">Of the organization's own choice; all five: everybody.</param>
/// <param name="AlwaysRoles">Whom this installation requires it of.</param>
public sealed record SecondFactorPolicy(IReadOnlyList<string> Roles, IReadOnlyList<string> AlwaysRoles);

public sealed record GetSecondFactorPolicy(Guid OrganizationId) : IRequest<SecondFactorPolicy>;

/// <summary>Says of which roles a second factor is required: who has none yet can do nothing else until they have.</summary>
public sealed record SetSecondFactorPolicy(Guid OrganizationId, IReadOnlyList<string> RequiredRoles) : IRequest<Done>;

public sealed class SetSecondFactorPolicyValidator : AbstractValidator<SetSecondFactorPolicy>
{
    public SetSecondFactorPolicyValidator() =>
        RuleFor(c => c.RequiredRoles).Must(roles => roles.Count <= Roles.All.Count && roles.All(Roles.All.Contains))
            .WithMessage($"must be some of {string.Join(", ", Roles.All)}.").OverridePropertyName("roles");
}

public sealed class BeginSecondFactorValidator : AbstractValidator<BeginSecondFactor>
{
    public BeginSecondFactorValidator() => RuleFor(c => c.Password).NotEmpty().MaximumLength(UserRules.PasswordCharsMax);
}

public sealed class DisableSecondFactorValidator : AbstractValidator<DisableSecondFactor>
{
    public DisableSecondFactorValidator() => RuleFor(c => c.Password).NotEmpty().MaximumLength(UserRules.PasswordCharsMax);
}

public sealed class RenewRecoveryCodesValidator : AbstractValidator<RenewRecoveryCodes>
{
    public RenewRecoveryCodesValidator() => RuleFor(c => c.Password).NotEmpty().MaximumLength(UserRules.PasswordCharsMax);
}
