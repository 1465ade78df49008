using Bsp.Application.Ai;
using Bsp.Application.CannedReplies;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Privacy;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Ai.Models;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Ai;

/// <summary>
/// Reads customers' messages, each once: the analysis is the second event of the message's own stream, appended at the version that was
/// read, so that of two who read at once one is refused. Decision: docs/decisions/0300.
/// </summary>
public sealed partial class AiReading(IEventStore store, IPersonalData personal, IAnalyzeText analyze, IDocumentViews views,
    IMediator mediator, TimeProvider clock, ILogger<AiReading> log)
{
    private const int EmbeddedAtOnce = 100;
    private const int AskedAtOnce = 8;
    private const int AttemptsMax = 8;
    private const int CannedMax = 200;

    private sealed record Readable(Guid MessageId, StoredEvent Stored, MessageReceived Fact, string Text, string? Hint);

    /// <summary>One page of what is due.</summary>
    public async Task ReadAsync(Shard shard, Guid organizationId, AiSettings settings, CancellationToken ct)
    {
        var work = await AiTurns.WorkAsync(shard, organizationId, clock.GetUtcNow(), settings.AsksModel ? AskedAtOnce : EmbeddedAtOnce,
            ct);
        if (work.Count == 0)
        {
            return;
        }

        var readable = await FindAsync(shard, organizationId, [.. work.Select(w => w.Message)], ct);
        var canned = readable.Count == 0 ? [] : await CannedAsync(mediator, organizationId, ct);
        await Task.WhenAll(readable.Select(async one =>
        {
            var attempts = work.Find(w => w.Message == one.MessageId).Attempts;
            try
            {
                await ReadAsync(shard, organizationId, settings, one, canned, ct);
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                // Its neighbours are read. What fails time and again stays unread, and is said here.
                LogUnread(e, one.MessageId);
                await (attempts + 1 >= AttemptsMax ? AiTurns.DoneAsync(shard, organizationId, [one.MessageId], ct)
                    : AiTurns.LaterAsync(shard, organizationId, one.MessageId,
                        clock.GetUtcNow() + TimeSpan.FromSeconds(Math.Pow(2, attempts)), ct));
            }
        }));
    }

    /// <summary>The organization's canned replies; none when there are too many to look at all.</summary>
    public static async Task<IReadOnlyList<CannedText>> CannedAsync(IMediator mediator, Guid organizationId, CancellationToken ct) =>
        [.. (await mediator.Send(new ListCannedReplies(organizationId, null, CannedMax, null), ct)).Data
            .Select(c => new CannedText(c.Shortcut, c.Text, c.Language))];

    private async Task ReadAsync(Shard shard, Guid organizationId, AiSettings settings, Readable one, IReadOnlyList<CannedText> canned,
        CancellationToken ct)
    {
        var read = await analyze.ReadAsync(organizationId, settings, new(one.Text, one.Hint), ct);
        var reading = read.Reading;
        var suggested = reading.SuggestedReplies.Count > 0 ? reading.SuggestedReplies
            : CannedTexts.For(one.Text, reading.Language, reading.Intent, canned);
        var words = new AiWords(reading.Summary, suggested.Count == 0 ? null : suggested);
        var sealedWords = (await personal.SealAsync(organizationId, [(one.Fact.Ref.ContactId, words.Write())], ct))[0];
        var received = (MessageReceived)FactTime.Bounded(one.Stored).Body!;
        using var _ = new CurrentRequest
        {
            CorrelationId = one.Stored.Metadata.CorrelationId ?? $"ai/{organizationId}", CausationId = one.Stored.Id.ToString(),
            Caller = "ai-driver",
        }.Enter();
        var outcome = await store.AppendAsync(organizationId, [new(one.MessageId, Message.StreamType, one.Stored.Version,
            [
                new MessageAnalysed(one.Fact.Ref, reading.Language, reading.Sentiment, (decimal)reading.Score, reading.Intent,
                    (decimal)reading.Confidence, sealedWords, one.Stored.Id, read.Use, read.Fallback, received.At, one.Fact.NewContact,
                    clock.GetUtcNow()),
            ])], ct);
        if (outcome.Verdict != AppendVerdict.Ok)
        {
            await AiTurns.DoneAsync(shard, organizationId, [one.MessageId], ct); // somebody else read it
        }
    }

    // Those that have words; the others are nothing to be read, nor are those of whom nothing may be known any more.
    private async Task<List<Readable>> FindAsync(Shard shard, Guid organizationId, Guid[] messages, CancellationToken ct)
    {
        var streams = await store.LoadManyAsync(organizationId, messages, ct, archivedToo: true);
        var received = streams.Where(s => s.Unreadable is null && s.Events is [{ Body: MessageReceived }]).ToList();
        var contents = await personal.OpenAsync(organizationId,
            [.. received.Select(s => ((MessageReceived)s.Events[0].Body!).Content)], ct);
        var hints = await HintsAsync(organizationId,
            [.. received.Select(s => ((MessageReceived)s.Events[0].Body!).Ref.ConversationId).Distinct()], ct);
        var readable = new List<Readable>();
        foreach (var (stream, content) in received.Zip(contents))
        {
            var fact = (MessageReceived)stream.Events[0].Body!;
            if (TextOf(MessageDocumentFold.Fold(null, stream.Events[0], 1, content)) is { } text)
            {
                readable.Add(new(stream.StreamId, stream.Events[0], fact, text, hints.GetValueOrDefault(fact.Ref.ConversationId)));
            }
        }

        await AiTurns.DoneAsync(shard, organizationId, [.. messages.Except(readable.Select(r => r.MessageId))], ct);
        return readable;
    }

    /// <summary>The words of a message; null: it has none.</summary>
    internal static string? TextOf(MessageDocument? d) =>
        (d?.Content?.Text ?? d?.Content?.MediaCaption ?? d?.Interactive?.ButtonReply?.Title ?? d?.Interactive?.ListReply?.Title)
        is { } text && !string.IsNullOrWhiteSpace(text) ? text : null;

    // Of the conversations so far. Without documents there is no hint, and the text is read all the same.
    private async Task<Dictionary<Guid, string?>> HintsAsync(Guid organizationId, IReadOnlyCollection<Guid> conversations,
        CancellationToken ct)
    {
        try
        {
            return conversations.Count == 0 ? [] : (await views.ConversationsAsync(organizationId, conversations, ct))
                .ToDictionary(d => d.Uuid, d => d.AiAnalysis?.Language);
        }
        catch (StoreUnavailable)
        {
            return [];
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "ai: message {MessageId} could not be read")]
    private partial void LogUnread(Exception e, Guid messageId);
}
