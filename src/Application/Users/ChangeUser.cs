using System.Text.Json;
using Bsp.Application.Common;
using FluentValidation;

namespace Bsp.Application.Users;

/// <summary>Changes what a merge patch names; preferences merge. Whoever is no longer active loses their sessions at once.</summary>
/// <param name="ActorRole">Role of who asks.</param>
/// <param name="SeenVersion">If-Match; null: whatever is stored.</param>
/// <exception cref="Domain.Common.Refusal"><c>user.unknown</c>, <c>user.email_taken</c>, <c>user.role_above_own</c>,
/// <c>user.last_admin</c></exception>
public sealed record PatchUser(Guid OrganizationId, Guid Id, string ActorRole, Optional<string> Email, Optional<string?> FirstName,
    Optional<string?> LastName, Optional<string?> Phone, Optional<string?> AvatarUrl,
    Optional<string> Role, Optional<string> Status, Optional<JsonElement?> Preferences, long? SeenVersion) : ICommandOn;

public sealed class PatchUserValidator : AbstractValidator<PatchUser>
{
    public PatchUserValidator()
    {
        RuleFor(c => c.Email.Value).Email().When(c => c.Email.IsSet).OverridePropertyName("email");
        RuleFor(c => c.FirstName.Value).MaximumLength(200).OverridePropertyName("first_name");
        RuleFor(c => c.LastName.Value).MaximumLength(200).OverridePropertyName("last_name");
        RuleFor(c => c.Phone.Value).Must(text => text is null || E164.Normalize(text) is not null)
            .WithMessage("must be a phone number with country code, such as +4915112345678.").OverridePropertyName("phone");
        RuleFor(c => c.AvatarUrl.Value).WebAddress().OverridePropertyName("avatar_url");
        RuleFor(c => c.Role.Value).Role().When(c => c.Role.IsSet).OverridePropertyName("role");
        RuleFor(c => c.Status.Value).Status().When(c => c.Status.IsSet).OverridePropertyName("status");
        RuleFor(c => c.Preferences.Value).KeptObject("preferences");
    }
}

/// <summary>Removes a person for good and frees their e-mail; what they did stays on record under their id.</summary>
/// <exception cref="Domain.Common.Refusal"><c>user.unknown</c>, <c>user.role_above_own</c>, <c>user.last_admin</c></exception>
public sealed record DeleteUser(Guid OrganizationId, Guid Id, string ActorRole, long? SeenVersion) : ICommandOn;
