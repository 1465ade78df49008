using System.Text.Json;
using Bsp.Application.Ai;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Ai.Embedded;
using Bsp.Infrastructure.Ai.Guards;

namespace Bsp.Infrastructure.Ai.Models;

/// <inheritdoc cref="IAnalyzeText"/>
public sealed class AnalyzeText(EmbeddedReader embedded, ModelCalls calls) : IAnalyzeText
{
    private const int SummaryUnitsMax = 200;
    private const int SuggestionUnitsMax = 300;
    private const int SuggestionsMax = 3;

    private static readonly JsonElement Schema = JsonSerializer.Deserialize<JsonElement>($$"""
        {"type":"object","additionalProperties":false,
         "required":["language","sentiment","intent","confidence","summary","suggested_replies"],
         "properties":{"language":{"type":"string","description":"two letters, ISO 639-1"},
          "sentiment":{"type":"number","description":"-1 (unhappy) to 1 (happy)"},
          "intent":{"type":"string","enum":{{JsonSerializer.Serialize(Intents.All)}}},
          "confidence":{"type":"number","description":"0 to 1"},
          "summary":{"type":"string","description":"one sentence about what the customer wants, without their claims as facts"},
          "suggested_replies":{"type":"array","items":{"type":"string"},
           "description":"at most three short answers for the staff to choose from"} } }
        """);

    public async Task<ReadText> ReadAsync(Guid organizationId, AiSettings settings, TextToRead text, CancellationToken ct)
    {
        if (!settings.AsksModel)
        {
            return embedded.ReadWithUse(text, null);
        }

        var rules = ModelRules.ForReading(settings);
        var said = settings.Share.Numbers ? text.Text : GuardNumbers.Blanked(text.Text);
        var sources = new FilterSources(settings.Facts, settings.AllowedLinks,
            ModelRules.ForReading(settings with { Facts = [] }), [said], []);
        var answer = await calls.AskAsync<TextReading>(organizationId, settings,
            new(rules, ModelRules.Data(new { customer_message = said }), "reading", Schema, json => Read(json, sources)), ct);
        return answer.Value is { } reading ? new(reading, answer.Use!, null)
            : Fallen(embedded.ReadWithUse(text, answer.Failure), answer.Use);
    }

    // What the model took counts, though another read the text.
    private static ReadText Fallen(ReadText own, ModelUse? use) => use is null ? own
        : own with { Use = use with { Provider = own.Use.Provider, Model = own.Use.Model } };

    // The form is asked for, and not believed.
    private static TextReading? Read(JsonElement json, FilterSources sources)
    {
        if (Number(json, "sentiment") is not { } score || score is < -1 or > 1 || Number(json, "confidence") is not { } sure
            || sure is < 0 or > 1 || Said(json, "intent") is not { } intent || !Intents.All.Contains(intent)
            || Said(json, "language") is not { Length: 2 } language || !language.All(char.IsAsciiLetterLower)
            || Said(json, "summary") is not { } summary || !json.TryGetProperty("suggested_replies", out var replies)
            || replies.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        var suggestions = replies.EnumerateArray().Where(r => r.ValueKind == JsonValueKind.String).Select(r => r.GetString()!)
            .Where(r => ReplyFilter.Fault(r, sources, SuggestionUnitsMax) is null).Take(SuggestionsMax).ToList();
        var kept = ReplyFilter.SummaryFault(summary, sources) is null ? Text.Cut(summary, SummaryUnitsMax) : null;
        return new(language, Math.Round(score, 4), intent, Math.Round(sure, 4), kept, suggestions);
    }

    internal static double? Number(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)
        && double.IsFinite(number) ? number : null;

    internal static string? Said(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
