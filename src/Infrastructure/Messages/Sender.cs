using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Meta;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Queue;
using Bsp.Infrastructure.Redis;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Messages;

/// <param name="UnknownDeadline">After this long an unknown outcome is closed. Default 24 h.</param>
public sealed record SenderOptions(TimeSpan UnknownDeadline)
{
    /// <summary>What Meta calls 24 hours (<see cref="Wait.Day"/>).</summary>
    public TimeSpan Day { get; init; } = Wait.Day;
}

/// <summary>
/// Carries out a batch of send jobs of one number, for which there are permits. For each message, in this order: the pair's pace, room
/// under the messaging limit, intent in the log, one Graph call, outcome in the log. A process killed between intent and outcome leaves an
/// unknown outcome, never a second call. What PostgreSQL says of a job: <see cref="SendLookup"/>; the calls: <see cref="SendCalls"/>; what
/// an answer means: <see cref="SendVerdicts"/>.
/// </summary>
public sealed partial class Sender(IEventStore store, SendLookup lookup, SendingNumbers numbers, PairLimit pairs, SendCalls calls,
    ProcessIdentity instance, RecentMessages recent, SendFeedback consequences, AnsweredNumbers answered, IMergedRecipients merged,
    IAutomaticAnswers machines, SenderOptions options, TimeProvider clock, ILogger<Sender> log)
{
    private static readonly TimeSpan StoreAwayPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan NumberStoppedPause = TimeSpan.FromSeconds(30);

    // Shorter: somebody is asked to correct the token, and looks whether it helps.
    private static readonly TimeSpan NoTokenPause = TimeSpan.FromSeconds(5);

    private const int IdShownMax = 100; // of what a stranger may have written into Redis
    private const int ReasonShownMax = 300;

    private readonly Stragglers stragglers = new();

    /// <summary>Ends when every call has its outcome, also those that were left behind by their batches.</summary>
    public Task SettledAsync() => stragglers.EndAsync();

    /// <summary>One outcome per job.</summary>
    /// <param name="accountId">The number in whose queue they lay.</param>
    /// <param name="unused">Told how many of the batch need no permit, as soon as that is known: nothing of them is sent.</param>
    public async Task<IReadOnlyList<JobOutcome>> HandleAsync(IReadOnlyList<TakenJob> batch, Guid accountId, Func<int, Task> unused,
        CancellationToken ct)
    {
        var outcomes = new List<JobOutcome>(batch.Count);
        var sends = new List<(TakenJob Job, SendJob Send)>(batch.Count);
        foreach (var job in batch)
        {
            if (Outbox.Read(job) is { } send)
            {
                sends.Add((job, send));
            }
            else
            {
                outcomes.Add(Foreign(job, $"'{Text.Cut(job.Name, IdShownMax)}' with this data is not a send job of this product."));
            }
        }

        foreach (var group in sends.GroupBy(s => s.Send.OrganizationId))
        {
            outcomes.AddRange(await TryAsync(group.Key, accountId, [.. group], unused, ct));
        }

        return outcomes;
    }

    // A store that is away is nobody's fault: all come back soon. Anything else is one job's: the others go their way, and that one ends,
    // or comes back ever more rarely (its backoff).
    // Whatever is in the log stays true: a message without an intent is sent later, one with an intent and no outcome becomes unknown.
    private async Task<IReadOnlyList<JobOutcome>> TryAsync(Guid organizationId, Guid accountId,
        List<(TakenJob Job, SendJob Send)> sends, Func<int, Task> unused, CancellationToken ct)
    {
        try
        {
            return await SendAsync(organizationId, accountId, [.. sends], unused, ct);
        }
        catch (Exception e) when (StoreTrouble.Is(e) || e is RedisException)
        {
            LogTrouble(e, organizationId, sends.Count);
            return [.. sends.Select(s => new JobPostponed(s.Job, StoreAwayPause))];
        }
        catch (Exception e) when (e is not OperationCanceledException && sends.Count > 1)
        {
            var outcomes = new List<JobOutcome>(sends.Count);
            foreach (var one in sends)
            {
                outcomes.AddRange(await TryAsync(organizationId, accountId, [one], static _ => Task.CompletedTask, ct));
            }

            return outcomes;
        }
        catch (Refusal refused)
        {
            return [Foreign(sends[0].Job, refused.Message)];
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogFailed(e, Text.Cut(sends[0].Job.Id, IdShownMax));
            return [new JobFailed(sends[0].Job, e.Message, Stack: e.ToString())];
        }
    }

    // Forgotten when it lies under the id of a message: what PostgreSQL says of that one is put in again by the sweeper.
    private JobFailed Foreign(TakenJob job, string reason)
    {
        LogForeign(Text.Cut(job.Id, IdShownMax), Text.Cut(reason, ReasonShownMax));
        return new(job, Text.Cut(reason, ReasonShownMax), Retryable: false, Forget: Guid.TryParse(job.Id, out _));
    }

    // A job says which message to look at, and nothing else: whose it is, by which number and in which campaign it goes, and whether it
    // still waits, PostgreSQL says.
    private async Task<List<JobOutcome>> SendAsync(Guid organizationId, Guid accountId, List<(TakenJob Job, SendJob Send)> jobs,
        Func<int, Task> unused, CancellationToken ct)
    {
        if (!await instance.MaySendForAsync(organizationId, ct))
        {
            return [.. jobs.Select(j => new JobPostponed(j.Job, StoreAwayPause))];
        }

        var outcomes = new List<JobOutcome>(jobs.Count);
        var now = clock.GetUtcNow();
        var waiting = await lookup.WaitingAsync(organizationId, [.. jobs.Select(j => j.Send.MessageId).Distinct()], now, ct);
        var sends = new List<(TakenJob Job, WaitingSend Send)>(jobs.Count);
        var paced = new List<Guid>();
        var late = new List<Guid>();
        foreach (var (job, said) in jobs)
        {
            if (job.Id != said.MessageId.ToString())
            {
                outcomes.Add(Foreign(job, "A send job lies under the id of its message."));
                continue;
            }

            var send = waiting.GetValueOrDefault(said.MessageId);
            var why = send is null ? "not waiting" : send.AccountId != accountId ? "it is another number's" : send.Obstacle;
            if (why is null)
            {
                sends.Add((job, send!));
                continue;
            }

            outcomes.Add(SendVerdicts.Forgotten(job, why)); // resume puts it in again, or it is being cancelled
            (why == WaitingSend.Paced ? paced : why == WaitingSend.Late ? late : []).Add(said.MessageId);
        }

        if (sends.Count < jobs.Count)
        {
            await unused(jobs.Count - sends.Count);
        }

        await lookup.LaterAsync(organizationId, paced, now + SendLookup.PacedPause, ct);
        if (late.Count > 0)
        {
            await store.RuleAsync(organizationId, late, (_, state) => Message.Cancel(state, WaitingSend.Late, now), ct);
        }

        outcomes.AddRange(sends.Count == 0 ? [] : await SendAsync(organizationId, accountId, sends, ct));
        return outcomes;
    }

    private async Task<List<JobOutcome>> SendAsync(Guid organizationId, Guid accountId, List<(TakenJob Job, WaitingSend Send)> sends,
        CancellationToken ct)
    {
        var outcomes = new List<JobOutcome>(sends.Count);
        if (await numbers.FindAsync(organizationId, accountId, ct) is not { } number)
        {
            outcomes.AddRange(sends.Select(s => Foreign(s.Job, "There is no such account.")));
            return outcomes;
        }

        if (!number.MaySend || !number.HasToken)
        {
            outcomes.AddRange(sends.Select(s => new JobPostponed(s.Job, number.MaySend ? NoTokenPause : NumberStoppedPause)));
            return outcomes;
        }

        outcomes.AddRange(await CallAsync(organizationId, number, sends.ToDictionary(s => s.Send.MessageId), ct));
        return outcomes;
    }

    // Of single messages alone: a campaign sends each person one. Those that must wait; nothing of them is written.
    private async Task<Dictionary<Guid, TimeSpan>> PairsAsync(SendingNumber number, IReadOnlyList<KnownMessage> known, CancellationToken ct)
    {
        var single = known.Select(k => k.State).Where(m => m is { Phase: MessagePhase.Queued, Ref.CampaignId: null }).ToList();
        var waits = await pairs.TakeAsync(number.Meta.PhoneNumberId, single.ConvertAll(m => m.Ref!.ContactId), ct);
        return single.Zip(waits).Where(p => p.Second > TimeSpan.Zero).ToDictionary(p => p.First.Ref!.MessageId, p => p.Second);
    }

    private async Task<List<JobOutcome>> CallAsync(Guid organizationId, SendingNumber number,
        Dictionary<Guid, (TakenJob Job, WaitingSend Send)> sends, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var streams = (await store.LoadManyAsync(organizationId, [.. sends.Keys], ct, archivedToo: true))
            .Where(s => s.Unreadable is null).ToList();
        var known = streams.ToDictionary(s => s.StreamId, s => new KnownMessage(s.Fold<Message, MessageEvent>(), s.Version));
        var outcomes = new List<JobOutcome>(sends.Count);
        foreach (var (early, wait) in await PairsAsync(number, [.. known.Values], ct))
        {
            outcomes.Add(new JobPostponed(sends[early].Job, wait));
            sends.Remove(early);
            known.Remove(early);
        }

        var duplicates = await merged.DuplicatesAsync(organizationId, known, ct);
        streams.RemoveAll(s => !known.ContainsKey(s.StreamId));
        var withdrawn = await WithdrawnAsync(organizationId, streams, ct);
        var closed = await lookup.ClosedAsync(organizationId, sends.Values.Select(s => s.Send), known, now, ct);
        streams.RemoveAll(s => closed.ContainsKey(s.StreamId));
        var room = await lookup.RoomAsync(organizationId, number, streams, now, ct);
        var intents = await store.RuleAsync(organizationId, [.. sends.Keys], (id, state) =>
            state.Ref?.AccountId != number.AccountId ? []
            : duplicates.Contains(id) ? Message.Cancel(state, IMergedRecipients.Duplicate, now)
            : withdrawn?.GetValueOrDefault(id) is { } reason ? Message.Cancel(state, reason, now)
            : closed.TryGetValue(id, out var opens) ? Message.Defer(state, Wait.Hours, opens, now)
            : !room.Denied.Contains(id) ? Message.Begin(state, instance.Id, now)
            : sends[id].Send.SkipsBeyondLimit ? Message.Cancel(state, "limit", now)
            : Message.Defer(state, Wait.Limit, room.NextAt ?? now + options.Day, now), ct, known);
        await lookup.LaterAsync(organizationId,
            [.. intents.Where(i => i.Events.Count == 0 && room.Denied.Contains(i.MessageId)).Select(i => i.MessageId)],
            room.NextAt ?? now + options.Day, ct);
        foreach (var again in intents.Where(i => i.Events.Count == 0 && closed.ContainsKey(i.MessageId)).GroupBy(i => closed[i.MessageId]))
        {
            await lookup.LaterAsync(organizationId, [.. again.Select(i => i.MessageId)], again.Key, ct); // it waited for that already
        }

        var begun = intents.Where(i => i.Events is [.., MessageSending]).ToList();
        outcomes.AddRange(intents.Where(i => i.Events is not [.., MessageSending])
            .Select(i => SendVerdicts.Settled(sends[i.MessageId].Job, i.After)));

        // From here on the intents stand: no cancellation, so that every call gets its outcome written.
        var running = await calls.BeginAsync(organizationId, number, begun, ct);
        if (stragglers.MayLeave)
        {
            await running.MostAsync(clock);
        }
        else
        {
            await running.AllAsync();
        }

        var (ended, behind) = running.Parted();
        if (behind.Count > 0)
        {
            stragglers.Follow(behind.Select(one => LeftBehindAsync(organizationId, number, one)));
            outcomes.AddRange(behind.Select(one => SendVerdicts.Forgotten(sends[one.Begun.MessageId].Job, "called, and not answered yet")));
        }

        var rulings = await RecordAsync(organizationId, number, ended, ct);
        outcomes.AddRange(rulings.Select((r, i) => SendVerdicts.JobFor(sends[r.MessageId].Job, r.After, ended[i].Answer.Result)));
        return outcomes;
    }

    // Machines' answers that must not leave any more, and why; null: there is none of a machine's.
    private async Task<IReadOnlyDictionary<Guid, string>?> WithdrawnAsync(Guid organizationId, List<LoadedStream> streams,
        CancellationToken ct)
    {
        var answers = streams.Select(s => s.Events.Count > 0 ? s.Events[0].Body as MessageQueued : null).OfType<MessageQueued>()
            .Where(q => q.SentBy.Source == SentBy.Ai).Select(q => (q.Ref.MessageId, q.Ref.ConversationId, q.Ref.ContactId)).ToList();
        return answers.Count == 0 ? null : await machines.WithdrawnAsync(organizationId, answers, ct);
    }

    // What Meta answered, into the log; and what it means beyond the message.
    private async Task<IReadOnlyList<Ruling>> RecordAsync(Guid organizationId, SendingNumber number, IReadOnlyList<SendCall> ended,
        CancellationToken ct)
    {
        if (ended.Count == 0)
        {
            return [];
        }

        var now = clock.GetUtcNow();
        var answers = ended.ToDictionary(c => c.Begun.MessageId);
        var sending = ended.ToDictionary(c => c.Begun.MessageId, c => new KnownMessage(c.Begun.After, c.Begun.Version));
        var rulings = await calls.WaitingAsync(() => store.RuleAsync(organizationId, [.. answers.Keys], (id, state) =>
            SendVerdicts.Outcome(state, sending[id].State, answers[id].Answer.Result, now, options), CancellationToken.None, sending), ct);
        recent.Remember(organizationId, rulings);
        await consequences.OfAsync(organizationId, number, [.. ended.Select(c => c.Answer.Result)], CancellationToken.None);
        await answered.LearnAsync(organizationId,
            [.. ended.Select(c => (c.Begun.After.Ref!.ContactId, c.Content, c.Answer.Result))], CancellationToken.None);
        return rulings;
    }

    private async Task LeftBehindAsync(Guid organizationId, SendingNumber number, SendCall call)
    {
        try
        {
            await call.Answer;
            await RecordAsync(organizationId, number, [call], CancellationToken.None);
        }
        catch (Exception e)
        {
            LogLeft(e, call.Begun.MessageId); // the sweeper finds a call without an outcome
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "sender: organization {OrganizationId}, {Count} messages postponed")]
    private partial void LogTrouble(Exception e, Guid organizationId, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "sender: job {Job} is none of ours and ends: {Reason}")]
    private partial void LogForeign(string job, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "sender: job {Job} failed; it comes back by its backoff")]
    private partial void LogFailed(Exception e, string job);

    [LoggerMessage(Level = LogLevel.Error, Message = "sender: the late outcome of message {MessageId} could not be written")]
    private partial void LogLeft(Exception e, Guid messageId);
}
