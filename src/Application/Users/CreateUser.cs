using System.Text.Json;
using Bsp.Application.Common;
using FluentValidation;

namespace Bsp.Application.Users;

/// <summary>Adds a person. Without a password they cannot sign in before a reset.</summary>
/// <param name="ActorRole">Role of who asks.</param>
/// <param name="Email">Unique everywhere, whatever its case.</param>
/// <exception cref="Domain.Common.Refusal"><c>user.email_taken</c>, <c>user.role_above_own</c></exception>
public sealed record CreateUser(Guid OrganizationId, Guid UserId, string ActorRole, string Email, string? Password, string? FirstName,
    string? LastName, string? Phone, string? AvatarUrl, string Role,
    string Status, JsonElement? Preferences) : ICommand;

public sealed class CreateUserValidator : AbstractValidator<CreateUser>
{
    public CreateUserValidator()
    {
        RuleFor(c => c.Email).Email();
        RuleFor(c => c.Password).Password();
        RuleFor(c => c.FirstName).MaximumLength(200);
        RuleFor(c => c.LastName).MaximumLength(200);
        RuleFor(c => c.Phone).Must(text => text is null || E164.Normalize(text) is not null)
            .WithMessage("must be a phone number with country code, such as +4915112345678.");
        RuleFor(c => c.AvatarUrl).WebAddress();
        RuleFor(c => c.Role).Role();
        RuleFor(c => c.Status).Status();
        RuleFor(c => c.Preferences).KeptObject("preferences");
    }
}
