using System.Globalization;
using System.Text.Json;
using Bsp.Application.Ai;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Ai.Embedded;
using Bsp.Infrastructure.Ai.Guards;

namespace Bsp.Infrastructure.Ai.Models;

/// <inheritdoc cref="IReplyToCustomers"/>
public sealed class ReplyToCustomers(ModelCalls calls) : IReplyToCustomers
{
    private const int SummaryUnitsMax = 300;
    private const double CannedLeast = 0.5;

    private static readonly JsonElement Schema = JsonSerializer.Deserialize<JsonElement>($$"""
        {"type":"object","additionalProperties":false,"required":["action","text","intent","confidence","summary"],
         "properties":{"action":{"type":"string","enum":["reply","handover","silent"]},
          "text":{"type":"string","description":"the answer; empty unless the action is reply"},
          "intent":{"type":"string","enum":{{JsonSerializer.Serialize(Intents.All)}}},
          "confidence":{"type":"number","description":"0 to 1: how sure you are that the answer is right"},
          "summary":{"type":"string","description":"one or two sentences for the staff"} } }
        """);

    private sealed record Said(string Action, string Text, string Intent, double Confidence, string? Summary);

    public async Task<ReplyDecision> DecideAsync(Guid organizationId, AiSettings settings, Question question, CancellationToken ct)
    {
        if (question.Burst.Any(line => Suspicion.Is(line.Text)))
        {
            return ReplyDecision.Handover("suspicious", question.Intent, question.Confidence);
        }

        return settings.AsksModel ? await AskedAsync(organizationId, settings, question, ct) : Canned(question);
    }

    private async Task<ReplyDecision> AskedAsync(Guid organizationId, AiSettings settings, Question question, CancellationToken ct)
    {
        var rules = ModelRules.ForReplying(settings);
        var data = ModelRules.Data(new
        {
            contact = question.Contact,
            earlier_messages = question.History.Select(line => Shown(line, settings)),
            messages_to_answer = question.Burst.Select(line => Shown(line, settings)),
        });
        var answer = await calls.AskAsync<Said>(organizationId, settings, new(rules, data, "decision", Schema, Read), ct);
        if (answer.Value is not { } said)
        {
            return ReplyDecision.Handover(answer.Failure is "budget" ? "budget" : $"model_{answer.Failure}", question.Intent,
                question.Confidence, answer.Use);
        }

        var sources = FilterSources.Of(settings, question, ModelRules.ForReplying(settings with { Facts = [], AllowedLinks = [] }));
        var summary = ReplyFilter.SummaryFault(said.Summary, sources) is null ? Text.Cut(said.Summary, SummaryUnitsMax) : null;
        return Decided(settings, said, sources) with { Use = answer.Use, Summary = summary };
    }

    private static ReplyDecision Decided(AiSettings settings, Said said, FilterSources sources) => said.Action switch
    {
        "silent" => new(ReplyAction.Silent, null, null, said.Intent, said.Confidence, null, null),
        "reply" when said.Confidence < (double)settings.Handover.ConfidenceMin =>
            ReplyDecision.Handover("unsure", said.Intent, said.Confidence),
        "reply" => ReplyFilter.Fault(said.Text, sources) is null
            ? new(ReplyAction.Reply, null, said.Text.Trim(), said.Intent, said.Confidence, null, null)
            : ReplyDecision.Handover("filtered", said.Intent, said.Confidence),
        _ => ReplyDecision.Handover("unsure", said.Intent, said.Confidence),
    };

    private static Said? Read(JsonElement json) =>
        AnalyzeText.Said(json, "action") is { } action && action is "reply" or "handover" or "silent"
        && AnalyzeText.Said(json, "text") is { } text && AnalyzeText.Said(json, "intent") is { } intent && Intents.All.Contains(intent)
        && AnalyzeText.Number(json, "confidence") is { } sure and >= 0 and <= 1
            ? new(action, text, intent, Math.Round(sure, 4), AnalyzeText.Said(json, "summary")) : null;

    // The business's own texts, whose shortcut is the intent: "store_info", or "store_info_es" for one language.
    private static ReplyDecision Canned(Question question)
    {
        var use = EmbeddedReader.Use(0);
        if (question.Intent is Intents.Thanks || (question.Intent is Intents.Other && question.Burst.All(l => l.Text.Length <= 20)))
        {
            return new(ReplyAction.Silent, null, null, question.Intent, question.Confidence, null, use);
        }

        var fitting = question.Canned.Where(c => CannedTexts.IsOf(c.Shortcut, question.Intent)
            && CannedTexts.Speaks(c, question.Language)).OrderBy(c => c.Language is null).FirstOrDefault();
        return fitting is null ? ReplyDecision.Handover("no_answer", question.Intent, question.Confidence, use)
            : question.Confidence < CannedLeast ? ReplyDecision.Handover("unsure", question.Intent, question.Confidence, use)
            : new(ReplyAction.Reply, null, fitting.Text, question.Intent, question.Confidence, null, use);
    }

    private static object Shown(Line line, AiSettings settings) => new
    {
        from = line.FromCustomer ? "customer" : "business",
        at = line.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        text = settings.Share.Numbers ? line.Text : GuardNumbers.Blanked(line.Text),
    };
}
