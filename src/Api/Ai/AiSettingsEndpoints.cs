using Bsp.Api.Common;
using Bsp.Application.Ai;
using Bsp.Application.Common;
using Carter;

namespace Bsp.Api.Ai;

/// <summary>JSON merge patch: what is absent stays.</summary>
/// <param name="Analysis">Machines read what customers write: language, sentiment, intent, suggestions.</param>
/// <param name="AutoReply">Machines answer, too.</param>
/// <param name="Provider">embedded, openai (or whatever speaks its chat completions) or anthropic.</param>
/// <param name="Endpoint">Address of the provider's API; null: the provider's own.</param>
/// <param name="ApiKey">Kept sealed, never shown; null takes it away. A new provider or host needs it anew.</param>
/// <param name="Prompt">The business's own instructions, at most 4,000 characters.</param>
/// <param name="Facts">What may be told, at most 50 texts of 500 characters. Amounts in answers come from here alone.</param>
/// <param name="AllowedLinks">Hosts to which an answer may link.</param>
/// <param name="QuietSeconds">So long after the last message of a burst it is answered: 1 to 30.</param>
/// <param name="BudgetPerMonth">Most that models may cost in a calendar month, UTC; null: no bound.</param>
public sealed record AiSettingsPatch(Optional<bool> Analysis, Optional<bool> AutoReply, Optional<string> Provider,
    Optional<string?> Endpoint, Optional<string?> Model, Optional<string?> ApiKey, Optional<string?> Prompt,
    Optional<IReadOnlyList<string>> Facts, Optional<IReadOnlyList<string>> AllowedLinks, Optional<int> QuietSeconds,
    Optional<AiHandoverPatch> Handover, Optional<AiSharePatch> Share, Optional<decimal?> BudgetPerMonth, Optional<string> Currency,
    Optional<decimal?> InputPricePerMillion, Optional<decimal?> OutputPricePerMillion);

/// <summary>What an organization lets machines do.</summary>
/// <param name="ApiKeySet">There is a key; it is never shown.</param>
/// <param name="Usage">Of this calendar month, UTC.</param>
public sealed record AiSettingsResponse(Guid OrganizationId, bool Analysis, bool AutoReply, string Provider, string? Endpoint,
    string? Model, bool ApiKeySet, string? Prompt, IReadOnlyList<string> Facts, IReadOnlyList<string> AllowedLinks, int QuietSeconds,
    AiHandoverRules Handover, AiShare Share, decimal? BudgetPerMonth, string Currency, decimal? InputPricePerMillion,
    decimal? OutputPricePerMillion, AiUsage Usage, DateTimeOffset? UpdatedAt)
{
    public static AiSettingsResponse Of(AiSettingsView v) => new(v.OrganizationId, v.Analysis, v.AutoReply, v.Settings.Provider,
        v.Settings.Endpoint, v.Settings.Model, v.ApiKeySet, v.Settings.Prompt, v.Settings.Facts, v.Settings.AllowedLinks,
        v.Settings.QuietSeconds, v.Settings.Handover, v.Settings.Share, v.Settings.BudgetPerMonth, v.Settings.Currency,
        v.Settings.InputPricePerMillion, v.Settings.OutputPricePerMillion, v.Usage, v.UpdatedAt);
}

/// <summary>/v1/ai/settings.</summary>
[Chapter("ai", "What machines may read and answer, and what they would have done.")]
public sealed class AiSettingsEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var ai = app.MapGroup("/v1/ai").WithTags("Ai");
        ai.MapGet("settings", GetAsync).Produces<AiSettingsResponse>()
            .Describe("What the organization lets machines do, and what they took this month. The key is never shown.");
        ai.MapPatch("settings", PatchAsync).Produces<AiSettingsResponse>()
            .Describe("Changes what machines may do (JSON merge patch).", "ai.analysis_needed", "ai.model_missing", "ai.price_missing",
                "plan.feature_missing", "team.unknown", "version.mismatch");
    }

    private static async Task<IResult> GetAsync(Call call)
    {
        var view = await call.Send(new GetAiSettings(call.OrganizationId));
        return call.Ok(AiSettingsResponse.Of(view), view.Version);
    }

    private static async Task<IResult> PatchAsync(AiSettingsPatch body, IfMatch match, Call call)
    {
        await call.Send(new PatchAiSettings(call.OrganizationId, body.Analysis, body.AutoReply, body.Provider, body.Endpoint,
            body.Model, body.ApiKey, body.Prompt, body.Facts, body.AllowedLinks, body.QuietSeconds, body.Handover, body.Share,
            body.BudgetPerMonth, body.Currency, body.InputPricePerMillion, body.OutputPricePerMillion, match.Version));
        return await GetAsync(call);
    }
}
