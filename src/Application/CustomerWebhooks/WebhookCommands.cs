using System.Collections.Frozen;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>Who stands behind an endpoint: it works as long as they may. Both null: the platform.</summary>
public sealed record WebhookCreator(Guid? UserId, Guid? KeyId);

/// <summary>What can be said about an endpoint.</summary>
public sealed record WebhookSettings(string Name, string Url, IReadOnlyList<string> Events, string Payload, string ApiVersion,
    IReadOnlyList<Guid> AccountIds, IReadOnlyList<Guid> CampaignIds,
    IReadOnlyDictionary<string, string> Headers, int? RatePerSecond, int Concurrency);

/// <summary>Begins to tell an address of what happens from now on.</summary>
/// <param name="Secret">As <see cref="StandardWebhooks"/> writes it; stored sealed.</param>
/// <exception cref="Refusal"><c>webhook.too_many</c>, <c>account.unknown</c>, <c>campaign.unknown</c></exception>
public sealed record CreateWebhook(Guid OrganizationId, Guid Id, WebhookSettings Settings, string Secret, WebhookCreator Creator)
    : ICommandOn;

/// <summary>Changes an endpoint. <c>active</c> goes on from where it stood; <c>inactive</c> pauses it.</summary>
/// <param name="SeenVersion">If-Match; null: whatever is stored.</param>
/// <exception cref="Refusal"><c>webhook.unknown</c>, <c>account.unknown</c>, <c>campaign.unknown</c></exception>
public sealed record PatchWebhook(Guid OrganizationId, Guid Id, WebhookPatch Patch, WebhookCreator Creator, long? SeenVersion) : ICommandOn;

/// <summary>The fields of a merge patch.</summary>
public sealed record WebhookPatch(Optional<string> Name, Optional<string> Url, Optional<IReadOnlyList<string>> Events,
    Optional<string> Status, Optional<string> Payload, Optional<string> ApiVersion,
    Optional<IReadOnlyList<Guid>?> AccountIds, Optional<IReadOnlyList<Guid>?> CampaignIds,
    Optional<IReadOnlyDictionary<string, string>?> Headers, Optional<int?> RatePerSecond, Optional<int> Concurrency);

/// <summary>Forgets an endpoint and what was held for it.</summary>
/// <exception cref="Refusal"><c>webhook.unknown</c></exception>
public sealed record DeleteWebhook(Guid OrganizationId, Guid Id, long? SeenVersion) : ICommandOn;

/// <summary>Another secret; the one before signs beside it for some more hours.</summary>
/// <param name="OverlapHours">0–168.</param>
/// <exception cref="Refusal"><c>webhook.unknown</c></exception>
public sealed record RotateWebhookSecret(Guid OrganizationId, Guid Id, string Secret, int OverlapHours) : ICommandOn;

/// <summary>Goes on from the cursor, at once; what is held is tried at once. Whoever enables stands behind it from now on.</summary>
/// <exception cref="Refusal"><c>webhook.unknown</c></exception>
public sealed record EnableWebhook(Guid OrganizationId, Guid Id, WebhookCreator Creator) : ICommandOn;

/// <summary>Goes back to a time and tells everything since then again, under the same ids.</summary>
/// <param name="Since">Up to 30 days ago, not in the future.</param>
/// <exception cref="Refusal"><c>webhook.unknown</c></exception>
public sealed record RecoverWebhook(Guid OrganizationId, Guid Id, DateTimeOffset Since) : ICommandOn;

public sealed class RecoverWebhookValidator : AbstractValidator<RecoverWebhook>
{
    /// <summary>How far back one may go.</summary>
    public static readonly TimeSpan BackMax = TimeSpan.FromDays(30);

    public RecoverWebhookValidator(TimeProvider clock) =>
        RuleFor(c => c.Since).Must(since => since <= clock.GetUtcNow() && since >= clock.GetUtcNow() - BackMax)
        .WithMessage("must be a time of the last 30 days.");
}

public sealed class RotateWebhookSecretValidator : AbstractValidator<RotateWebhookSecret>
{
    public RotateWebhookSecretValidator()
    {
        RuleFor(c => c.OverlapHours).InclusiveBetween(0, 168);
        RuleFor(c => c.Secret).Must(StandardWebhooks.IsSecret).WithMessage(WebhookRules.SecretMessage);
    }
}

public sealed class CreateWebhookValidator : AbstractValidator<CreateWebhook>
{
    public CreateWebhookValidator(OutboundRules outbound)
    {
        RuleFor(c => c.Secret).Must(StandardWebhooks.IsSecret).WithMessage(WebhookRules.SecretMessage);
        RuleFor(c => c.Settings.Name).WebhookName().OverridePropertyName("name");
        RuleFor(c => c.Settings.Url).WebhookUrl(outbound);
        RuleFor(c => c.Settings.Events).WebhookEvents();
        RuleFor(c => c.Settings.Payload).Must(WebhookRules.IsPayload).WithMessage("must be full or thin.").OverridePropertyName("payload");
        RuleFor(c => c.Settings.ApiVersion).Must(PublicJson.Versions.Contains)
            .WithMessage($"must be one of {string.Join(", ", PublicJson.Versions)}.").OverridePropertyName("api_version");
        RuleFor(c => c.Settings.AccountIds).WebhookIds().OverridePropertyName("account_ids");
        RuleFor(c => c.Settings.CampaignIds).WebhookIds().OverridePropertyName("campaign_ids");
        RuleFor(c => c.Settings.Headers).WebhookHeaders();
        RuleFor(c => c.Settings.RatePerSecond).InclusiveBetween(1, 1_000).OverridePropertyName("rate_per_second");
        RuleFor(c => c.Settings.Concurrency).InclusiveBetween(1, 32).OverridePropertyName("concurrency");
    }
}

public sealed class PatchWebhookValidator : AbstractValidator<PatchWebhook>
{
    public PatchWebhookValidator(OutboundRules outbound)
    {
        RuleFor(c => c.Patch.Name.Value).WebhookName().When(c => c.Patch.Name.IsSet).OverridePropertyName("name");
        RuleFor(c => c.Patch.Url.Value).WebhookUrl(outbound).When(c => c.Patch.Url.IsSet);
        RuleFor(c => c.Patch.Events.Value).WebhookEvents().When(c => c.Patch.Events.IsSet);
        RuleFor(c => c.Patch.Status.Value).Must(s => s is "active" or "inactive").When(c => c.Patch.Status.IsSet)
            .WithMessage("must be active or inactive.").OverridePropertyName("status");
        RuleFor(c => c.Patch.Payload.Value).Must(WebhookRules.IsPayload).When(c => c.Patch.Payload.IsSet)
            .WithMessage("must be full or thin.").OverridePropertyName("payload");
        RuleFor(c => c.Patch.ApiVersion.Value).Must(v => v is not null && PublicJson.Versions.Contains(v))
            .When(c => c.Patch.ApiVersion.IsSet)
            .WithMessage($"must be one of {string.Join(", ", PublicJson.Versions)}.").OverridePropertyName("api_version");
        RuleFor(c => c.Patch.AccountIds.Value ?? Array.Empty<Guid>()).WebhookIds().When(c => c.Patch.AccountIds.IsSet)
            .OverridePropertyName("account_ids");
        RuleFor(c => c.Patch.CampaignIds.Value ?? Array.Empty<Guid>()).WebhookIds().When(c => c.Patch.CampaignIds.IsSet)
            .OverridePropertyName("campaign_ids");
        RuleFor(c => c.Patch.Headers.Value ?? WebhookRules.NoHeaders).WebhookHeaders().When(c => c.Patch.Headers.IsSet);
        RuleFor(c => c.Patch.RatePerSecond.Value).InclusiveBetween(1, 1_000).When(c => c.Patch.RatePerSecond.IsSet)
            .OverridePropertyName("rate_per_second");
        RuleFor(c => c.Patch.Concurrency.Value).InclusiveBetween(1, 32).When(c => c.Patch.Concurrency.IsSet)
            .OverridePropertyName("concurrency");
    }
}

/// <summary>What endpoints' fields must be.</summary>
internal static class WebhookRules
{
    /// <summary>Endpoints of one organization.</summary>
    public const int EndpointsMax = 50;

    public const string SecretMessage = "must be whsec_ and the base64 of 24 to 64 random bytes; leave it out, and one is made.";

    public static readonly IReadOnlyDictionary<string, string> NoHeaders = new Dictionary<string, string>();

    private const int NameCharactersMax = 200;
    private const int EventsMax = 100;
    private const int IdsMax = 50;
    private const int HeadersMax = 20;
    private const int HeaderNameMax = 100;
    private const int HeaderValueMax = 1_000;

    // What the connection, the body and the signature speak of is ours to say.
    private static readonly FrozenSet<string> Reserved = new[]
    {
        "host", "connection", "content-length", "content-type", "content-encoding", "content-md5", "content-range", "content-language",
            "content-location", "content-disposition", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive",
        "expect", "date", "via", "forwarded", "user-agent", "cookie", "accept-encoding", "http2-settings", "allow", "expires",
        "last-modified",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static bool IsPayload(string? payload) => payload is "full" or "thin";

    public static IRuleBuilderOptions<T, string?> WebhookName<T>(this IRuleBuilder<T, string?> rule) => rule
        .Must(name => !string.IsNullOrWhiteSpace(name) && name.Length <= NameCharactersMax && Text.IsStorable(name)
            && !name.Any(char.IsControl)).WithMessage($"must have 1 to {NameCharactersMax} characters.");

    public static IRuleBuilderOptionsConditions<T, string?> WebhookUrl<T>(this IRuleBuilder<T, string?> rule, OutboundRules outbound) =>
        rule.Custom((url, context) =>
    {
        if (outbound.Fault(url) is { } fault)
        {
            context.AddFailure(new FluentValidation.Results.ValidationFailure("url", fault));
        }
    });

    public static IRuleBuilderOptionsConditions<T, IReadOnlyList<string>?> WebhookEvents<T>(
        this IRuleBuilder<T, IReadOnlyList<string>?> rule) => rule.Custom((events, context) =>
    {
        if (events is not { Count: > 0 and <= EventsMax })
        {
            context.AddFailure(new FluentValidation.Results.ValidationFailure("events",
                $"must name 1 to {EventsMax} types, families such as message.*, or *."));
        }
        else if (events.FirstOrDefault(e => !PublicEvents.IsSubscription(e)) is var bad && events.Any(e => !PublicEvents.IsSubscription(e)))
        {
            context.AddFailure(new FluentValidation.Results.ValidationFailure("events",
                $"'{Text.Cut(bad ?? "null", 60)}' is no type of event: docs/webhooks.md lists them; a family is written message.*, all of them *."));
        }
    });

    public static IRuleBuilderOptions<T, IReadOnlyList<Guid>?> WebhookIds<T>(this IRuleBuilder<T, IReadOnlyList<Guid>?> rule) => rule
        .Must(ids => ids is { Count: <= IdsMax }).WithMessage($"must be at most {IdsMax} ids; an empty list means all.");

    public static IRuleBuilderOptionsConditions<T, IReadOnlyDictionary<string, string>?> WebhookHeaders<T>(
        this IRuleBuilder<T, IReadOnlyDictionary<string, string>?> rule) => rule.Custom((headers, context) =>
    {
        if (headers is not { Count: <= HeadersMax } || headers.Keys.Distinct(StringComparer.OrdinalIgnoreCase).Count() < headers.Count)
        {
            context.AddFailure(new FluentValidation.Results.ValidationFailure("headers",
                $"must be at most {HeadersMax} headers, each named once."));
        }
        else if (headers.Where(h => HeaderFault(h.Key, h.Value) is not null).Select(h => HeaderFault(h.Key, h.Value))
            .FirstOrDefault() is { } fault)
        {
            context.AddFailure(new FluentValidation.Results.ValidationFailure("headers", fault));
        }
    });

    private static string? HeaderFault(string name, string? value) =>
        name.Length is 0 or > HeaderNameMax || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')
        ? $"a header's name has 1 to {HeaderNameMax} letters, digits and hyphens."
        : Reserved.Contains(name) || name.StartsWith("webhook-", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("proxy-", StringComparison.OrdinalIgnoreCase) ? $"{name} is set by the platform."
        : value is null || value.Length > HeaderValueMax || !value.All(c => c is >= ' ' and < '\x7f') || value.Trim() != value
        ? $"the value of {name} must be at most {HeaderValueMax} visible ASCII characters."
        : null;
}
