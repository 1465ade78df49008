using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.Ai;
using Bsp.Application.Contacts;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Ai.Guards;
using MediatR;

namespace Bsp.Infrastructure.Ai;

/// <summary>A question with what the decision on it rests on.</summary>
/// <param name="Shown">The burst as people see it now: edited texts, none that were taken back.</param>
/// <param name="Saw">Every message that went into the question.</param>
/// <param name="Received">The burst's founding facts with their analysis, by message.</param>
internal sealed record AiAsked(Question Question, IReadOnlyList<MessageDocument> Shown, IReadOnlyList<SeenMessage> Saw,
    IReadOnlyDictionary<Guid, (StoredEvent Stored, MessageAnalysed? Analysis)> Received,
    IReadOnlyCollection<string> Intents, bool IsNegative,
    bool IsLoop);

/// <summary>Makes questions of bursts: one contact's messages, as people see them, and nothing of anybody else.</summary>
public sealed class AiQuestions(IEventStore store, IDocumentViews views, IMediator mediator)
{
    private const int LineUnitsMax = 1_000;
    private const int LoopLines = 30;

    /// <summary>Null: nothing of the burst is left.</summary>
    internal async Task<AiAsked?> OfAsync(Guid organizationId, AiSettings settings, Burst burst, Conversation state, ContactView contact,
        CancellationToken ct)
    {
        var page = await views.MessagesAsync(organizationId, burst.ConversationId, Math.Max(LoopLines, settings.Share.History), null, ct);
        var shown = (await views.ShownAsync(organizationId, burst.Messages, ct)).Where(p => burst.Messages.Contains(p.Key))
            .Select(p => p.Value).Where(m => m.RevokedAt is null && m.ContactId == contact.Id).OrderBy(m => m.CreatedAt).ToList();
        if (shown.Count == 0)
        {
            return null;
        }

        var conversation = await views.ConversationAsync(organizationId, burst.ConversationId, ct);
        var since = Later(conversation?.Episode?.StartedAt, state.Auto?.LeftAt);
        var earlier = page.Data.Reverse().Where(m => !burst.Messages.Contains(m.Uuid) && m.RevokedAt is null && m.CampaignId is null
            && m.CreatedAt <= shown[^1].CreatedAt && (since is null || m.CreatedAt >= since)).ToList();
        var history = earlier.TakeLast(settings.Share.History).ToList();
        var streams = await store.LoadManyAsync(organizationId, [.. history.Concat(shown).Select(m => m.Uuid)], ct, archivedToo: true);
        var received = streams.Where(s => burst.Messages.Contains(s.StreamId) && s.Events is [{ Body: MessageReceived }, ..])
            .ToDictionary(s => s.StreamId, s => (s.Events[0], s.Events.Select(e => e.Body).OfType<MessageAnalysed>().FirstOrDefault()));
        var analyses = shown.Select(m => received.GetValueOrDefault(m.Uuid).Item2).OfType<MessageAnalysed>().ToList();
        var lines = Lines(shown);
        var question = new Question(Lines(history), lines, Told(settings, contact), analyses.LastOrDefault()?.Language,
            Wanted(analyses)?.Intent ?? Intents.Other, (double)(Wanted(analyses)?.Confidence ?? 0),
            settings.AsksModel ? [] : await AiReading.CannedAsync(mediator, organizationId, ct));
        return new(question, shown,
            [.. streams.Where(s => s.Events.Count > 0).Select(s => new SeenMessage(s.StreamId, s.Events[0].Id))], received,
            analyses.Select(a => a.Intent).ToHashSet(), analyses.LastOrDefault()?.Sentiment == "negative",
            Loops.Is([.. Lines(earlier.TakeLast(LoopLines)), .. lines]));
    }

    private static Line[] Lines(IEnumerable<MessageDocument> messages) =>
    [
        .. messages.Select(m => (Message: m, Text: AiReading.TextOf(m) ?? (m.Template is { } t ? $"[template {t.Name}]" : null)))
            .Where(m => m.Text is not null)
            .Select(m => new Line(m.Message.Direction == "inbound", Text.Cut(m.Text!, LineUnitsMax), m.Message.CreatedAt)),
    ];

    // What a burst wants is the first wish of it, not the greeting or the thanks around it.
    private static MessageAnalysed? Wanted(List<MessageAnalysed> analyses) =>
        analyses.Find(a => a.Intent is not (Intents.Other or Intents.Greeting or Intents.Thanks)) ?? analyses.LastOrDefault();

    private static DateTimeOffset? Later(DateTimeOffset? left, DateTimeOffset? right) =>
        left is null ? right : right is null || left > right ? left : right;

    // Null: the organization lets nothing be told.
    private static JsonElement? Told(AiSettings settings, ContactView contact)
    {
        var told = new JsonObject();
        if (settings.Share.Name && contact.FirstName is { } name)
        {
            told["first_name"] = Text.Cut(name, 100);
        }

        if (settings.Share.PhoneNumber && contact.PhoneNumber is { } phone)
        {
            told["phone_number"] = phone;
        }

        if (settings.Share.Tags && contact.Tags.Count > 0)
        {
            told["tags"] = new JsonArray([.. contact.Tags.Take(20).Select(t => (JsonNode)Text.Cut(t, 64)!)]);
        }

        return told.Count == 0 || !settings.AsksModel ? null : JsonSerializer.SerializeToElement(told);
    }
}
