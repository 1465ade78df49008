using Bsp.Application.Common;
using Bsp.Application.CustomerWebhooks;
using Bsp.Domain.Common;
using FluentValidation;

namespace Bsp.Application.Ai;

public sealed class PatchAiSettingsValidator : AbstractValidator<PatchAiSettings>
{
    private const int ModelCharactersMax = 128;
    private const int PromptCharactersMax = 4_000;
    private const int FactsMax = 50;
    private const int FactCharactersMax = 500;
    private const int LinksMax = 20;
    private const int HostCharactersMax = 253;
    private const int KeyCharactersMin = 8;
    private const int KeyCharactersMax = 400;
    private const decimal MoneyMax = 1_000_000_000m;

    public PatchAiSettingsValidator(OutboundRules outbound)
    {
        RuleFor(p => p.Provider).Must(p => !p.IsSet || AiProviders.All.Contains(p.Value))
            .WithMessage($"provider must be one of {string.Join(", ", AiProviders.All)}.");
        RuleFor(p => p.Endpoint).Custom((endpoint, context) =>
        {
            if (endpoint is { IsSet: true, Value: { } address } && (outbound.Fault(address) ?? QueryFault(address)) is { } fault)
            {
                context.AddFailure("endpoint", fault);
            }
        });
        RuleFor(p => p.Model)
            .Must(m => !m.IsSet || m.Value is null
                || (m.Value.Length is > 0 and <= ModelCharactersMax && m.Value.All(c => c is > ' ' and < '\x7f')))
            .WithMessage($"model must be 1 to {ModelCharactersMax} visible ASCII characters without blanks.");
        RuleFor(p => p.ApiKey)
            .Must(k => !k.IsSet || k.Value is null
                || (k.Value.Length is >= KeyCharactersMin and <= KeyCharactersMax && k.Value.All(c => c is > ' ' and < '\x7f')))
            .WithMessage($"api_key must be {KeyCharactersMin} to {KeyCharactersMax} visible ASCII characters without blanks.");
        RuleFor(p => p.Prompt).Must(t => !t.IsSet || t.Value is null || IsText(t.Value, PromptCharactersMax))
            .WithMessage($"prompt must be 1 to {PromptCharactersMax} characters.");
        RuleFor(p => p.Facts)
            .Must(f => !f.IsSet || (f.Value is { Count: <= FactsMax } facts && facts.All(t => IsText(t, FactCharactersMax))))
            .WithMessage($"facts must be at most {FactsMax} texts of 1 to {FactCharactersMax} characters.");
        RuleFor(p => p.AllowedLinks).Must(l => !l.IsSet || (l.Value is { Count: <= LinksMax } hosts && hosts.All(IsHost)))
            .WithMessage($"allowed_links must be at most {LinksMax} names of hosts, such as shop.example.com.");
        RuleFor(p => p.QuietSeconds).Must(q => !q.IsSet || q.Value is >= 1 and <= AiSettings.BurstSecondsMax)
            .WithMessage($"quiet_seconds must be 1 to {AiSettings.BurstSecondsMax}.");
        RuleFor(p => p.Currency).Must(c => !c.IsSet || (c.Value is not null && Currencies.All.Contains(c.Value)))
            .WithMessage("currency must be an ISO 4217 code such as USD.");
        Money(p => p.BudgetPerMonth, "budget_per_month");
        Money(p => p.InputPricePerMillion, "input_price_per_million");
        Money(p => p.OutputPricePerMillion, "output_price_per_million");
        HandoverRules();
        RuleFor(p => p.Share)
            .Must(s => !s.IsSet || (s.Value is { } share && (!share.History.IsSet || share.History.Value is >= 0 and <= 30)))
            .WithMessage("share.history must be 0 to 30 messages.");
    }

    private void HandoverRules() => RuleFor(p => p.Handover).Custom((handover, context) =>
    {
        if (handover is { IsSet: true, Value: null })
        {
            context.AddFailure("handover", "must be an object.");
        }
        else if (handover is { IsSet: true, Value: { } rules })
        {
            Check(!rules.ConfidenceMin.IsSet || rules.ConfidenceMin.Value is >= 0 and <= 1, "confidence_min", "must be \"0\" to \"1\".");
            Check(!rules.TurnsMax.IsSet || rules.TurnsMax.Value is >= 1 and <= 20, "turns_max", "must be 1 to 20.");
            Check(!rules.ResumeAfterHours.IsSet || rules.ResumeAfterHours.Value is null or >= 1 and <= 720, "resume_after_hours",
                "must be 1 to 720, or null.");
        }

        void Check(bool holds, string field, string message)
        {
            if (!holds)
            {
                context.AddFailure($"handover.{field}", message);
            }
        }
    });

    private void Money(System.Linq.Expressions.Expression<Func<PatchAiSettings, Optional<decimal?>>> field, string name) =>
        RuleFor(field).Must(m => !m.IsSet || m.Value is null or (>= 0 and <= MoneyMax))
        .WithMessage($"{name} must be \"0\" to \"{MoneyMax:0}\", or null.");

    private static string? QueryFault(string address) => new Uri(address).Query.Length > 0
        ? "must not hold a query (?…): the key has a field of its own." : null;

    private static bool IsText(string? text, int max) =>
        !string.IsNullOrWhiteSpace(text) && text.Length <= max && Text.IsStorable(text);

    private static bool IsHost(string? host) => host is { Length: > 0 and <= HostCharactersMax }
        && host.Contains('.', StringComparison.Ordinal) && Uri.CheckHostName(host) == UriHostNameType.Dns;
}

/// <summary>What the settings come to as a whole.</summary>
public static class AiSettingsRules
{
    /// <exception cref="Refusal"><c>ai.analysis_needed</c>, <c>ai.model_missing</c>, <c>ai.price_missing</c></exception>
    public static void Require(bool analysis, bool autoReply, AiSettings settings)
    {
        if (autoReply && !analysis)
        {
            throw new Refusal("ai.analysis_needed",
                "auto_reply needs analysis: an answer depends on what the customer wants and how they feel. Switch analysis on, too.");
        }

        if (analysis && settings.AsksModel && settings.Model is null)
        {
            throw new Refusal("ai.model_missing", $"The provider {settings.Provider} needs a model: set model, too.");
        }

        if (settings is { BudgetPerMonth: not null, AsksModel: true }
            && (settings.InputPricePerMillion is null || settings.OutputPricePerMillion is null))
        {
            throw new Refusal("ai.price_missing",
                "A budget needs prices: set input_price_per_million and output_price_per_million, too, or it could not be kept.");
        }
    }
}
