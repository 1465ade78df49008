using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Accounts;

/// <summary>A step of a signup that is over.</summary>
/// <param name="Status"><c>done</c>, or <c>skipped</c>: there was nothing to do.</param>
/// <param name="Detail">In words; null: nothing more to say.</param>
public sealed record SignupStep(string Name, string Status, DateTimeOffset At, string? Detail);

/// <summary>Where a business's signup stands.</summary>
/// <param name="Status"><c>running</c>, <c>waiting</c> or <c>completed</c>.</param>
/// <param name="Step">The one under way; <c>completed</c> after the last.</param>
/// <param name="WaitingFor">
/// <c>code</c> (a new one of Embedded Signup), <c>pin</c> (the number's own of its two-step verification), <c>time</c> (it goes on by
/// itself at
/// <paramref name="NextAt"/>), <c>plan</c> (room for another number), <c>number</c> (connected elsewhere), <c>meta</c> (something that Meta
/// refuses and somebody must mend there). Null: nothing.
/// </param>
/// <param name="ErrorCode">Meta's code, or ours. Null: nothing went wrong.</param>
/// <param name="Version">Row version.</param>
public sealed record SignupView(Guid Id, string WabaId, string PhoneNumberId, string Status, string Step, string? WaitingFor,
    string? ErrorCode, string? Error, DateTimeOffset? NextAt, Guid? AccountId, string? MetaBusinessId, bool? Coexistence,
    IReadOnlyList<SignupStep> Steps, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, long Version);

/// <summary>
/// Takes a business's number on: Embedded Signup's code becomes its token, Meta proves whose number and WABA are, the number is registered,
/// its webhooks and templates come here. Begun again for a number whose signup is open, that one goes on, with the new code.
/// </summary>
/// <param name="Code">Of Embedded Signup: good once, for minutes.</param>
/// <param name="Pin">The number's own six digits of two-step verification; null: it has none yet, and is given one.</param>
/// <exception cref="Domain.Common.Refusal"><c>signup.not_configured</c></exception>
public sealed record BeginSignup(Guid OrganizationId, Guid SignupId, string Code, string WabaId, string PhoneNumberId, string? Pin)
    : IRequest<SignupView>;

public sealed class BeginSignupValidator : AbstractValidator<BeginSignup>
{
    public BeginSignupValidator()
    {
        RuleFor(c => c.Code).SignupCode();
        RuleFor(c => c.WabaId).NotEmpty().Matches(@"^[0-9]{1,32}\z").WithMessage("must be Meta's id of the WABA: digits only.");
        RuleFor(c => c.PhoneNumberId).NotEmpty().Matches(@"^[0-9]{1,32}\z").WithMessage("must be Meta's id of the number: digits only.");
        RuleFor(c => c.Pin).SignupPin();
    }
}

/// <summary>Goes on with a signup that waits for somebody. What is absent stays as it was.</summary>
/// <exception cref="Domain.Common.Refusal"><c>signup.unknown</c>, <c>signup.completed</c></exception>
public sealed record ResumeSignup(Guid OrganizationId, Guid Id, string? Code, string? Pin) : IRequest<SignupView>;

public sealed class ResumeSignupValidator : AbstractValidator<ResumeSignup>
{
    public ResumeSignupValidator()
    {
        RuleFor(c => c.Code!).SignupCode().When(c => c.Code is not null).OverridePropertyName("code");
        RuleFor(c => c.Pin).SignupPin();
    }
}

/// <exception cref="Domain.Common.Refusal"><c>signup.unknown</c></exception>
public sealed record GetSignup(Guid OrganizationId, Guid Id) : IRequest<SignupView>;

/// <summary>Signups in the order of their beginnings.</summary>
public sealed record ListSignups(Guid OrganizationId, string? Cursor, int Limit) : IRequest<Page<SignupView>>;

internal static class SignupRules
{
    public static IRuleBuilderOptions<T, string> SignupCode<T>(this IRuleBuilder<T, string> rule) => rule.NotEmpty().MaximumLength(2_000)
        .Must(code => code.All(c => c is > ' ' and <= '~')).WithMessage("must be the code that Embedded Signup gave: visible ASCII.");

    public static IRuleBuilderOptions<T, string?> SignupPin<T>(this IRuleBuilder<T, string?> rule) =>
        rule.Matches(@"^[0-9]{6}\z").WithMessage("must be six digits.");
}
