using Bsp.Application.Ai;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Ai;

/// <summary>
/// Decides on bursts, one decision each: who may be answered at all, what a machine says, and the append at the conversation's version.
/// What cannot be answered waits for a person. Decision: docs/decisions/0301.
/// </summary>
public sealed partial class AiAnswering(IEventStore store, IMediator mediator, AiQuestions questions, IReplyToCustomers replies,
    AiAnswers answers, IViewWaiter waiter, ISendReferences references, TimeProvider clock, ILogger<AiAnswering> log)
{
    private const int AtOnce = 8;
    private const int AttemptsMax = 6;
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(500);

    /// <summary>Every burst that is due, some at the same time.</summary>
    public async Task AnswerAsync(Shard shard, Guid organizationId, AiSettings settings, CancellationToken ct)
    {
        var due = await AiTurns.BurstsAsync(shard, organizationId, clock.GetUtcNow(), AtOnce, ct);
        await Task.WhenAll(due.Select(async burst =>
        {
            try
            {
                await DecideAsync(shard, organizationId, settings, burst, ct);
            }
            catch (ViewBehind)
            {
                await AiTurns.LaterAsync(shard, organizationId, burst with { Attempts = 0 }, clock.GetUtcNow() + Soon, ct);
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                LogFailed(e, burst.ConversationId);
                await FailedAsync(shard, organizationId, settings, burst, ct);
            }
        }));
    }

    private async Task DecideAsync(Shard shard, Guid organizationId, AiSettings settings, Burst burst, CancellationToken ct)
    {
        var (state, _, _) = await store.LoadStateAsync<Conversation, ConversationEvent>(organizationId, burst.ConversationId, ct);
        if (AutoAnswering.Silence(state, ResumeAfter(settings), clock.GetUtcNow()) is not null
            || await ContactAsync(organizationId, burst.ContactId, ct) is not { } contact)
        {
            await AiTurns.DropAsync(shard, organizationId, burst, ct);
            return;
        }

        if (await AiTurns.AnyWorkAsync(shard, organizationId, burst.Messages, ct))
        {
            await AiTurns.LaterAsync(shard, organizationId, burst, clock.GetUtcNow() + Soon, ct); // they are still to be read
            return;
        }

        await waiter.WaitAsync(ViewNames.Conversations, organizationId, new(shard.Epoch, burst.Sequence), ct);
        if (await questions.OfAsync(organizationId, settings, burst, state, contact, ct) is not { } asked)
        {
            await AiTurns.DropAsync(shard, organizationId, burst, ct); // all of it was taken back
            return;
        }

        var decision = await DecisionAsync(organizationId, settings, state, asked, ct);
        await answers.AppendAsync(shard, organizationId, settings, burst, contact, asked, decision, ct);
    }

    // What needs no model comes first: it costs nothing, and no model may overrule it.
    private async Task<ReplyDecision> DecisionAsync(Guid organizationId, AiSettings settings, Conversation state, AiAsked asked,
        CancellationToken ct)
    {
        var question = asked.Question;
        var reason = AutoAnswering.Limit(state, settings.Handover.TurnsMax, clock.GetUtcNow())
            ?? (asked.IsLoop ? "loop" : WithoutModel(settings, asked.Intents, asked.IsNegative, question));
        return reason is not null ? ReplyDecision.Handover(reason, question.Intent, question.Confidence)
            : await replies.DecideAsync(organizationId, settings, question, ct);
    }

    /// <summary>Why a person goes on without a model being asked; null: one is asked.</summary>
    internal static string? WithoutModel(AiSettings settings, IReadOnlyCollection<string> intents, bool negative, Question question) =>
        intents.Contains(Intents.Human) ? "asked"
        : intents.Contains(Intents.OptOut) ? "opt_out"
        : settings.Handover.Negative && negative ? "negative"
        : question.Burst.Count == 0 ? "no_text" : null;

    // Null: nobody who may be written to.
    private async Task<ContactView?> ContactAsync(Guid organizationId, Guid contactId, CancellationToken ct)
    {
        try
        {
            var contact = await mediator.Send(new GetContact(organizationId, contactId), ct);
            return contact.ConsentStatus == "OPTED_OUT" || (contact.PhoneNumber ?? contact.WaUserId) is null
                || await references.ConsentAsync(organizationId, contact.Id, ct) == "OPTED_OUT" ? null : contact;
        }
        catch (Refusal gone) when (gone.Code == "contact.unknown")
        {
            return null;
        }
    }

    private async Task FailedAsync(Shard shard, Guid organizationId, AiSettings settings, Burst burst, CancellationToken ct)
    {
        if (burst.Attempts + 1 < AttemptsMax)
        {
            var pause = TimeSpan.FromSeconds(Math.Pow(2, burst.Attempts));
            await AiTurns.LaterAsync(shard, organizationId, burst, clock.GetUtcNow() + pause, ct);
            return;
        }

        await answers.GiveUpAsync(shard, organizationId, settings, burst, ct);
    }

    internal static TimeSpan? ResumeAfter(AiSettings settings) =>
        settings.Handover.ResumeAfterHours is { } hours ? TimeSpan.FromHours(hours) : null;

    [LoggerMessage(Level = LogLevel.Warning, Message = "ai: no decision on conversation {ConversationId}; it is tried again")]
    private partial void LogFailed(Exception e, Guid conversationId);
}
