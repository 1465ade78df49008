using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.Ai;
using Bsp.Application.Charging;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Privacy;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Ai;

/// <summary>
/// Writes decisions: the answer, the conversation's mark of it and the marks of what it answers are one append at the conversation's
/// version. Whoever wrote meanwhile, the customer or a person, makes it conflict, and it is looked at again before it is written. The
/// answer's id is the burst's own, so that twice is once.
/// </summary>
public sealed class AiAnswers(IEventStore store, IPersonalData personal, ISendReferences references, IMessageReserves reserves,
    TimeProvider clock)
{
    private const int AttemptsMax = 10;

    /// <summary>The id of the one answer to a burst.</summary>
    public static Guid AnswerId(Guid conversationId, Guid lastMessageId) => Uuid.Of($"ai-answer/{conversationId}/{lastMessageId}");

    internal async Task AppendAsync(Shard shard, Guid organizationId, AiSettings settings, Burst burst, ContactView contact, AiAsked asked,
        ReplyDecision decision, CancellationToken ct)
    {
        var answer = AnswerId(burst.ConversationId, burst.Messages[^1]);
        if (decision.Action == ReplyAction.Reply && await RefusalAsync(organizationId, burst, contact, answer, ct) is { } refused)
        {
            decision = ReplyDecision.Handover(refused, decision.Intent, decision.Confidence, decision.Use) with
            {
                Summary = decision.Summary,
            };
        }

        var exchange = decision.Use is null && decision.Text is null ? null
            : new AiExchange([.. asked.Question.Burst.Select(l => new AiQuestion(l.Text, l.At))], decision.Text, decision.Summary,
                asked.Question.Contact);
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            var (state, version, _) =
                await store.LoadStateAsync<Conversation, ConversationEvent>(organizationId, burst.ConversationId, ct);
            var now = clock.GetUtcNow();
            if (await AiTurns.BurstAsync(shard, organizationId, burst.ConversationId, ct) is not { } current
                || current.Sequence != burst.Sequence
                || AutoAnswering.Silence(state, AiAnswering.ResumeAfter(settings), now) is not null)
            {
                // the customer wrote more, a person took it, or another process decided: what was thought of is not said
                await AiTurns.DropAsync(shard, organizationId, burst, ct);
                return;
            }

            var appends =
                await AppendsAsync(organizationId, settings, burst, contact, asked, decision, exchange, state, version, answer, ct);
            using var _ = new CurrentRequest
            {
                CorrelationId = $"ai/{burst.ConversationId}", Caller = "ai-driver",
                CausationId = asked.Received.GetValueOrDefault(burst.Messages[^1]).Stored?.Id.ToString(),
            }.Enter();
            var outcome = await store.AppendAsync(organizationId, appends, ct);
            if (outcome.Verdict == AppendVerdict.Ok)
            {
                if (decision.Action == ReplyAction.Reply)
                {
                    await references.EnqueueAsync(organizationId, answer, burst.AccountId, ct);
                }

                return;
            }

            if (outcome.Verdict == AppendVerdict.Archived)
            {
                await store.RestoreAsync(organizationId, [burst.ConversationId], ct);
            }
        }

        throw new VersionConflict(burst.ConversationId, named: false);
    }

    /// <summary>A burst on which no decision can be made waits for a person.</summary>
    internal async Task GiveUpAsync(Shard shard, Guid organizationId, AiSettings settings, Burst burst, CancellationToken ct)
    {
        await store.Decide<Conversation, ConversationEvent>(organizationId, burst.ConversationId, state =>
            AutoAnswering.Silence(state, AiAnswering.ResumeAfter(settings), clock.GetUtcNow()) is not null ? []
            : AutoAnswering.HandOver(state, new(burst.ConversationId, burst.AccountId, burst.ContactId, "failed", Answered(burst), [], null,
                null, null, clock.GetUtcNow()), settings.Handover.TeamId), null, ct);
        await AiTurns.DropAsync(shard, organizationId, burst, ct);
    }

    private async Task<IReadOnlyList<StreamAppend>> AppendsAsync(Guid organizationId, AiSettings settings, Burst burst,
        ContactView contact, AiAsked asked, ReplyDecision decision, AiExchange? exchange, Conversation state, long version, Guid answer,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var sealedExchange = exchange is null ? null : (await personal.SealAsync(organizationId, [(contact.Id, exchange.Write())], ct))[0];
        var (of, answered) = (new ConversationOf(burst.ConversationId, burst.AccountId, contact.Id), Answered(burst));
        var confidence = (decimal)decision.Confidence;
        if (decision.Action != ReplyAction.Reply)
        {
            ConversationEvent[] facts = decision.Action == ReplyAction.Silent
                ? [new ConversationLeftSilent(of.Id, of.AccountId, of.ContactId, answered, asked.Saw, decision.Intent, confidence,
                    decision.Use!, sealedExchange, now)]
                : AutoAnswering.HandOver(state, new(of.Id, of.AccountId, of.ContactId, decision.Reason!, answered, asked.Saw, decision.Use,
                    sealedExchange, null, now), settings.Handover.TeamId);
            return [new(of.Id, Conversation.StreamType, version, facts)];
        }

        var sealedTexts = await personal.SealAsync(organizationId, [(contact.Id, Body(contact, decision.Text!)),
            (contact.Id, decision.Text!)], ct);
        var reference = new MessageRef(answer, of.AccountId, of.ContactId, of.Id, null, "text", "outbound");
        return
        [
            new(answer, Message.StreamType, 0,
                Message.Queue(Message.Initial, reference, null, sealedTexts[0], new(SentBy.Ai, null, null, true), now)),
            new(of.Id, Conversation.StreamType, version,
                [new ConversationAutoAnswered(of.Id, of.AccountId, of.ContactId, answer, answered, asked.Saw, decision.Intent, confidence,
                    decision.Use!, sealedExchange, now)]),
            .. asked.Received.Select(r => new StreamAppend(r.Key, Message.StreamType, null,
                [Replied((MessageReceived)FactTime.Bounded(r.Value.Stored).Body!, r.Value.Analysis, answer, sealedTexts[1], now)])),
        ];
    }

    private static MessageAutoReplied Replied(MessageReceived received, MessageAnalysed? analysis, Guid answer, Sealed text,
        DateTimeOffset now) =>
        new(received.Ref, answer, text, analysis?.SentimentScore, received.At, received.NewContact, now);

    private static Guid[] Answered(Burst burst) => [.. burst.Messages.TakeLast(AutoAnswering.BurstMax)];

    // Why it cannot be sent, in a word; null: it can, and what it may cost is set aside.
    private async Task<string?> RefusalAsync(Guid organizationId, Burst burst, ContactView contact, Guid answer, CancellationToken ct)
    {
        try
        {
            await references.RequireAsync(organizationId, burst.AccountId, null, ct);
            await reserves.ReserveAsync(new(organizationId, answer, burst.AccountId,
                Markets.Recipient(contact.PhoneNumber, contact.WaUserId), Rating.Service), ct);
            return null;
        }
        catch (Exception refused) when (refused is Refusal or RefusedFields)
        {
            return refused is RefusedFields { Code: WalletInsufficient.Code } or Refusal { Code: "rate_card.missing" } ? "wallet"
                : "cannot_send";
        }
    }

    private static string Body(ContactView contact, string text) => new JsonObject
    {
        [contact.PhoneNumber is null ? "recipient" : "to"] = contact.PhoneNumber ?? contact.WaUserId,
        ["type"] = "text",
        ["text"] = new JsonObject { ["body"] = text },
    }.ToJsonString();
}
