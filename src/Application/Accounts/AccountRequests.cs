using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Accounts;

/// <summary>A WhatsApp number without its credentials.</summary>
/// <param name="QualityRating">GREEN, YELLOW or RED; what Meta calls UNKNOWN shows as GREEN here and as itself in
/// <paramref name="QualityRatingExact"/>.</param>
/// <param name="MessagingLimit">Unique users a day outside the customer-service window.</param>
/// <param name="Status">CONNECTED, DISCONNECTED or PENDING.</param>
/// <param name="Version">Row version.</param>
public sealed record AccountView(Guid Id, string PhoneNumberId, string PhoneNumber, string DisplayName, string MetaWabaId,
    string QualityRating, string QualityRatingExact, int MessagingLimit,
    int DailySentCount, DateTimeOffset? LimitResetDate, string Status, int MessagesPerSecondMax, DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt, long Version)
{
    /// <summary>The portfolio that owns its WABA; null: not asked yet.</summary>
    public string? MetaBusinessId { get; init; }

    /// <summary>WhatsApp Business's app on a telephone uses it, too.</summary>
    public bool Coexistence { get; init; }

    /// <summary>Meta's review of the display name; null: nothing was told.</summary>
    public string? NameStatus { get; init; }

    /// <summary>The name under review; null: none.</summary>
    public string? RequestedName { get; init; }

    /// <summary>Meta's review of its WABA; null: nothing was told.</summary>
    public string? ReviewStatus { get; init; }

    /// <summary>What Meta does not let it do; null: nothing is restricted.</summary>
    public string? Restriction { get; init; }

    public DateTimeOffset? RestrictedUntil { get; init; }
}

/// <summary>Adds a WhatsApp number, PENDING until it is connected.</summary>
/// <param name="PhoneNumber">Any form with a leading '+'; stored as E.164.</param>
/// <param name="MessagingLimit">Null: 250, where Meta starts everybody.</param>
/// <param name="MessagesPerSecondMax">Null: 80, Meta's default throughput.</param>
/// <param name="AccessToken">Stored sealed, never shown.</param>
/// <exception cref="Domain.Common.Refusal"><c>account.number_taken</c>: the organization has this phone_number_id already.</exception>
public sealed record CreateAccount(Guid OrganizationId, Guid AccountId, string PhoneNumberId, string PhoneNumber, string DisplayName,
    string MetaWabaId, int? MessagingLimit, int? MessagesPerSecondMax, string AccessToken) : ICommand;

public sealed class CreateAccountValidator : AbstractValidator<CreateAccount>
{
    public CreateAccountValidator()
    {
        RuleFor(c => c.PhoneNumberId).NotEmpty().Matches(@"^[0-9]{1,32}\z").WithMessage("must be Meta's id of the number: digits only.");
        RuleFor(c => c.PhoneNumber).Must(text => E164.OfDisplay(text) is not null)
            .WithMessage("must be a phone number with country code, such as +4915112345678.");
        RuleFor(c => c.DisplayName).NotEmpty().MaximumLength(200);
        RuleFor(c => c.MetaWabaId).NotEmpty().Matches(@"^[0-9]{1,32}\z")
            .WithMessage("must be Meta's id of the WhatsApp Business Account: digits only.");
        RuleFor(c => c.MessagingLimit).GreaterThanOrEqualTo(0);
        RuleFor(c => c.MessagesPerSecondMax).InclusiveBetween(1, 10_000);
        RuleFor(c => c.AccessToken).NotEmpty().MaximumLength(1_000).HeaderSecret().OverridePropertyName("credentials.access_token");
    }
}

/// <summary>Changes what a merge patch names. The number itself never changes: that is another account.</summary>
/// <exception cref="Domain.Common.Refusal"><c>account.unknown</c></exception>
public sealed record PatchAccount(Guid OrganizationId, Guid Id, Optional<string> DisplayName, Optional<int> MessagingLimit,
    Optional<int> MessagesPerSecondMax, Optional<string> AccessToken, long? SeenVersion) : ICommandOn;

public sealed class PatchAccountValidator : AbstractValidator<PatchAccount>
{
    public PatchAccountValidator()
    {
        RuleFor(c => c.DisplayName.Value).NotEmpty().MaximumLength(200).When(c => c.DisplayName.IsSet).OverridePropertyName("display_name");
        RuleFor(c => c.MessagingLimit.Value).GreaterThanOrEqualTo(0).OverridePropertyName("messaging_limit");
        RuleFor(c => c.MessagesPerSecondMax.Value).InclusiveBetween(1, 10_000).When(c => c.MessagesPerSecondMax.IsSet)
            .OverridePropertyName("messages_per_second_max");
        RuleFor(c => c.AccessToken.Value).NotEmpty().MaximumLength(1_000).HeaderSecret().When(c => c.AccessToken.IsSet)
            .OverridePropertyName("credentials.access_token");
    }
}

/// <summary>Stops using the number; its history stays.</summary>
/// <exception cref="Domain.Common.Refusal"><c>account.unknown</c></exception>
public sealed record DisconnectAccount(Guid OrganizationId, Guid Id, long? SeenVersion) : ICommandOn;

/// <summary>One account; null when the organization has none of that id.</summary>
public sealed record GetAccount(Guid OrganizationId, Guid Id) : IRequest<AccountView?>;

/// <summary>All accounts in the order of their creation.</summary>
public sealed record ListAccounts(Guid OrganizationId, string? Cursor, int Limit) : IRequest<Page<AccountView>>;
