using System.Text.Json;
using Bsp.Application.Meta;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Queue;

namespace Bsp.Infrastructure.Messages;

/// <summary>What an answer of Meta's means for the message, and what becomes of its job.</summary>
internal static class SendVerdicts
{
    /// <summary>
    /// Written late, when another process may be at the next attempt: what Meta said of this one is no news of that one. That it has the
    /// message is news at any time, and what it refused settles the call also when that was written off meanwhile.
    /// </summary>
    public static MessageEvent[] Outcome(Message state, Message begun, SendOutcome answer, DateTimeOffset now, SenderOptions options) =>
        answer.Result switch
        {
            SendResult.Accepted => Message.Accept(state, answer.Wamid!, answer.Held, now),
            _ when !state.IsOf(begun.Attempt, begun.Owner) => [],
            SendResult.Refused =>
                Message.Refuse(state, true, answer.Code ?? 0, answer.Title, answer.Details, now + Pause(state, answer), now, options.Day),
            SendResult.Rejected =>
                Message.Refuse(state, false, answer.Code ?? 0, answer.Title, answer.Details, now, now, options.Day),
            _ => Message.LoseTrack(state, $"{answer.Title}: {answer.Details}", now + options.UnknownDeadline, now),
        };

    /// <summary>The job of a message that was called.</summary>
    public static JobOutcome JobFor(TakenJob job, Message after, SendOutcome answer) => after switch
    {
        { Phase: MessagePhase.Queued, Waiting: null } => new JobPostponed(job, Pause(after, answer)),
        { Phase: MessagePhase.Rejected } =>
            new JobFailed(job, $"{answer.Code} {answer.Title} {answer.Details}".Trim(), Retryable: false),
        _ => Settled(job, after),
    };

    /// <summary>The job of a message of which nothing is to be done now; who waits for longer is put in again by the sweeper.</summary>
    public static JobCompleted Settled(TakenJob job, Message after) => after.Waiting is { } wait ? Forgotten(job, wait)
        : new(job, JsonSerializer.Serialize(new { phase = after.Phase.ToString().ToLowerInvariant(), wamid = after.Wamid }));

    /// <summary>The id is free again: should the message wait after all, the sweeper puts it in.</summary>
    public static JobCompleted Forgotten(TakenJob job, string why) => new(job, JsonSerializer.Serialize(why), Forget: true);

    private static TimeSpan Pause(Message state, SendOutcome answer) =>
        answer.Code is { } code ? MetaErrors.PauseAfter(code, state.Attempt) : answer.RetryAfter;
}
