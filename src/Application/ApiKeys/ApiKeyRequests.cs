using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.ApiKeys;

/// <summary>A key without its secret, which nobody can show again.</summary>
/// <param name="LastUsedAt">Within a few seconds; null: never.</param>
/// <param name="ExpiresAt">Null: never.</param>
/// <param name="AccountId">The one WhatsApp account it is restricted to; null: every account.</param>
/// <param name="RevokedAt">Null while it works.</param>
public sealed record ApiKeyView(Guid Id, string Name, string KeyPrefix, string Permissions, Guid? AccountId, DateTimeOffset? LastUsedAt,
    DateTimeOffset? ExpiresAt, DateTimeOffset CreatedAt, DateTimeOffset? RevokedAt);

/// <summary>Stores a new key. The secret itself does not come this far.</summary>
/// <param name="KeyHash">Hex SHA-256.</param>
/// <param name="AccountId">The one WhatsApp account it is restricted to; null: every account. Not with <c>admin</c>, which could lift the
/// restriction by making another key.</param>
/// <param name="ExpiresAt">In the future; null: never.</param>
/// <exception cref="Domain.Common.Refusal"><c>account.unknown</c></exception>
public sealed record CreateApiKey(Guid OrganizationId, Guid KeyId, string Name, string Permissions, Guid? AccountId,
    DateTimeOffset? ExpiresAt, string KeyHash, string KeyPrefix) : ICommand;

public sealed class CreateApiKeyValidator : AbstractValidator<CreateApiKey>
{
    public CreateApiKeyValidator(TimeProvider clock)
    {
        RuleFor(c => c.Name).NotEmpty().MaximumLength(200);
        RuleFor(c => c.Permissions).Must(p => p is "read" or "write" or "admin").WithMessage("must be read, write or admin.");
        RuleFor(c => c.AccountId).Null().When(c => c.Permissions == "admin")
            .WithMessage("is for read and write keys: an admin key acts for the whole organization.");
        RuleFor(c => c.ExpiresAt).Must(at => at is null || at > clock.GetUtcNow()).WithMessage("must be in the future.");
    }
}

/// <summary>A new key with the name, permissions, account and expiry of the old one, which works for some more hours.</summary>
/// <param name="GraceHours">0–720; 0 revokes the old key at once.</param>
/// <exception cref="Domain.Common.Refusal"><c>api_key.unknown</c>, <c>api_key.revoked</c></exception>
public sealed record RotateApiKey(Guid OrganizationId, Guid OldKeyId, Guid KeyId, int GraceHours, string KeyHash, string KeyPrefix)
    : ICommand;

public sealed class RotateApiKeyValidator : AbstractValidator<RotateApiKey>
{
    public RotateApiKeyValidator() => RuleFor(c => c.GraceHours).InclusiveBetween(0, 720);
}

/// <summary>Ends a key for good, everywhere within a second. Revoking twice changes nothing.</summary>
/// <exception cref="Domain.Common.Refusal"><c>api_key.unknown</c></exception>
public sealed record RevokeApiKey(Guid OrganizationId, Guid Id) : ICommandOn;

/// <summary>One key; null when the organization has none of that id.</summary>
public sealed record GetApiKey(Guid OrganizationId, Guid Id) : IRequest<ApiKeyView?>;

/// <summary>All keys in the order of their creation, revoked ones included.</summary>
public sealed record ListApiKeys(Guid OrganizationId, string? Cursor, int Limit) : IRequest<Page<ApiKeyView>>;
