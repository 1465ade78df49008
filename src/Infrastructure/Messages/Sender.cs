using System.Buffers;
using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Media;
using Bsp.Application.Messages;
using Bsp.Application.Meta;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Queue;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Messages;

/// <param name="UnknownDeadline">After this long an unknown outcome is closed. Default 24 h.</param>
public sealed record SenderOptions(TimeSpan UnknownDeadline);

/// <summary>
/// Carries out a batch of send jobs. For each message, in this order: permit of the number, intent in the log, one Graph call, outcome in
/// the log.
/// A process killed between intent and outcome leaves an unknown outcome, never a second call.
/// </summary>
public sealed partial class Sender(IEventStore store, Shards shards, SendingNumbers numbers, RateLimit limits, IMeta meta,
    IPersonalData personal, ProcessIdentity instance, RecentMessages recent,
    SendFeedback consequences, AnsweredNumbers answered, IMergedRecipients merged, IAutomaticAnswers machines,
    IMediaForSending media, SenderOptions options, TimeProvider clock,
    ILogger<Sender> log)
{
    private static readonly TimeSpan StoreAwayPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan NumberStoppedPause = TimeSpan.FromSeconds(30);

    // Shorter: somebody is asked to correct the token, and looks whether it helps.
    private static readonly TimeSpan NoTokenPause = TimeSpan.FromSeconds(5);

    // Between intent and call, and again between call and outcome; both and the call together stay below SendSweeper.SendingPatience.
    private static readonly TimeSpan StorePatience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StoreLookEvery = TimeSpan.FromMilliseconds(250);
    private const int IdShownMax = 100; // of what a stranger may have written into Redis
    private const int ReasonShownMax = 300;

    private sealed record Waiting(Guid MessageId, Guid AccountId, bool Held);

    /// <summary>One outcome per job.</summary>
    public async Task<IReadOnlyList<JobOutcome>> HandleAsync(IReadOnlyList<TakenJob> batch, CancellationToken ct)
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
            outcomes.AddRange(await TryAsync(group.Key, [.. group], ct));
        }

        return outcomes;
    }

    // A store that is away is nobody's fault: all come back soon. Anything else is one job's: the others go their way, and that one ends,
    // or comes back ever more rarely (its backoff).
    // Whatever is in the log stays true: a message without an intent is sent later, one with an intent and no outcome becomes unknown.
    private async Task<IReadOnlyList<JobOutcome>> TryAsync(Guid organizationId, List<(TakenJob Job, SendJob Send)> sends,
        CancellationToken ct)
    {
        try
        {
            return await SendAsync(organizationId, [.. sends], ct);
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
                outcomes.AddRange(await TryAsync(organizationId, [one], ct));
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
    private async Task<List<JobOutcome>> SendAsync(Guid organizationId, List<(TakenJob Job, SendJob Send)> jobs, CancellationToken ct)
    {
        var outcomes = new List<JobOutcome>(jobs.Count);
        var waiting = await WaitingSendsAsync(organizationId, [.. jobs.Select(j => j.Send.MessageId).Distinct()], ct);
        var sends = new List<(TakenJob Job, Waiting Send)>(jobs.Count);
        foreach (var (job, said) in jobs)
        {
            if (job.Id != said.MessageId.ToString())
            {
                outcomes.Add(Foreign(job, "A send job lies under the id of its message."));
            }
            else if (!waiting.TryGetValue(said.MessageId, out var send))
            {
                outcomes.Add(Forgotten(job, "not waiting"));
            }
            else if (send.Held)
            {
                outcomes.Add(Forgotten(job, "campaign is not running")); // resume puts it in again, or it is being cancelled
            }
            else
            {
                sends.Add((job, send));
            }
        }

        foreach (var group in sends.GroupBy(s => s.Send.AccountId))
        {
            outcomes.AddRange(await SendAsync(organizationId, group.Key, [.. group], ct));
        }

        return outcomes;
    }

    private async Task<List<JobOutcome>> SendAsync(Guid organizationId, Guid accountId, List<(TakenJob Job, Waiting Send)> sends,
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

        var (granted, wait) = await PermitsAsync(organizationId, number, sends.Count, ct);
        outcomes.AddRange(sends.Skip(granted).Select(s => new JobPostponed(s.Job, wait)));
        var permitted = sends.Take(granted).ToDictionary(s => s.Send.MessageId, s => s.Job);
        if (permitted.Count > 0)
        {
            outcomes.AddRange(await CallAsync(organizationId, number, permitted, ct));
        }

        return outcomes;
    }

    private async Task<(int Granted, TimeSpan Wait)> PermitsAsync(Guid organizationId, SendingNumber number, int wanted,
        CancellationToken ct)
    {
        var permits = await limits.TakeAsync(organizationId, number.Meta.PhoneNumberId, wanted, number.MessagesPerSecondMax, ct);
        return (permits.Granted, permits.NextWindowIn);
    }

    // By the primary key, one look a message, whatever the planner believes of the table.
    private async Task<Dictionary<Guid, Waiting>> WaitingSendsAsync(Guid organizationId, Guid[] messages, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var rows = await shard.QueryAsync(organizationId, """
            SELECT q.message_id, q.account_id, coalesce(c.status <> 'RUNNING', false) FROM unnest($2::uuid[]) m (id)
             CROSS JOIN LATERAL (SELECT * FROM bsp.send_queue s WHERE s.message_id = m.id LIMIT 1) q
              LEFT JOIN LATERAL (SELECT k.status FROM campaigns k WHERE k.id = q.campaign_id LIMIT 1) c ON true
             WHERE q.organization_id = $1 AND q.state = 0
            """, r => new Waiting(r.GetGuid(0), r.GetGuid(1), r.GetBoolean(2)), ct, organizationId, messages);
        return rows.ToDictionary(r => r.MessageId);
    }

    private async Task<List<JobOutcome>> CallAsync(Guid organizationId, SendingNumber number, Dictionary<Guid, TakenJob> jobs,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var streams = (await store.LoadManyAsync(organizationId, [.. jobs.Keys], ct, archivedToo: true)).Where(s => s.Unreadable is null)
            .ToList();
        var known = streams.ToDictionary(s => s.StreamId, s => new KnownMessage(s.Fold<Message, MessageEvent>(), s.Version));
        var ofMachines = streams.Select(s => s.Events.Count > 0 ? s.Events[0].Body as MessageQueued : null).OfType<MessageQueued>()
            .Where(q => q.SentBy.Source == SentBy.Ai).Select(q => (q.Ref.MessageId, q.Ref.ConversationId, q.Ref.ContactId)).ToList();
        var withdrawn = ofMachines.Count == 0 ? null : await machines.WithdrawnAsync(organizationId, ofMachines, ct);
        var outcomes = new List<JobOutcome>(jobs.Count);
        var duplicates = await merged.DuplicatesAsync(organizationId, known, ct);
        var intents = await store.RuleAsync(organizationId, [.. jobs.Keys], (id, state) =>
            state.Ref?.AccountId != number.AccountId ? [] : duplicates.Contains(id)
            ? Message.Cancel(state, IMergedRecipients.Duplicate, now) : withdrawn?.GetValueOrDefault(id) is { } reason
            ? Message.Cancel(state, reason, now) : Message.Begin(state, instance.Id, now), ct, known);
        var begun = intents.Where(i => i.Events is [MessageSending]).ToList();
        outcomes.AddRange(intents.Where(i => i.Events is not [MessageSending]).Select(i => Settled(jobs[i.MessageId], i.After)));

        // From here on the intents stand: no cancellation, so that every call gets its outcome written.
        var (calls, contents) = await CallAsync(organizationId, number, begun, ct);
        var answers = begun.Select((b, i) => (b.MessageId, Answer: calls[i])).ToDictionary(a => a.MessageId, a => a.Answer);
        now = clock.GetUtcNow();
        var sending = begun.ToDictionary(b => b.MessageId, b => new KnownMessage(b.After, b.Version));
        var rulings =
            await WaitingAsync(() =>
                store.RuleAsync(organizationId, [.. answers.Keys], (id, state) =>
                    Outcome(state, sending[id].State, answers[id], now), CancellationToken.None, sending), ct);
        recent.Remember(organizationId, rulings);
        outcomes.AddRange(rulings.Select(r => JobFor(jobs[r.MessageId], r.After, answers[r.MessageId])));
        await consequences.OfAsync(organizationId, number, [.. answers.Values], CancellationToken.None);
        await answered.LearnAsync(organizationId, [.. begun.Select((b, i) => (b.After.Ref!.ContactId, contents[i], calls[i]))],
            CancellationToken.None);
        return outcomes;
    }

    // While PostgreSQL is away: nobody else knows whom to call, or what Meta answered. Harmless to repeat: what was written after all is
    // found, and what moved on meanwhile is left alone.
    private async Task<T> WaitingAsync<T>(Func<Task<T>> work, CancellationToken ct)
    {
        for (var began = clock.GetTimestamp(); ;)
        {
            try
            {
                return await work();
            }
            catch (Exception away)
                when (StoreTrouble.Is(away) && clock.GetElapsedTime(began) < StorePatience && !ct.IsCancellationRequested)
            {
                LogWaiting(away.Message);
                await Task.Delay(StoreLookEvery, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task<(SendOutcome[] Answers, IReadOnlyList<string?> Contents)> CallAsync(Guid organizationId, SendingNumber number,
        List<Ruling> begun, CancellationToken ct)
    {
        IReadOnlyList<string?> contents;
        try
        {
            contents = await WaitingAsync(() =>
                personal.OpenAsync(organizationId, [.. begun.Select(b => b.After.Content!)], CancellationToken.None), ct);
        }
        catch (Exception e)
        {
            // Nothing was called: that is no unknown outcome.
            LogUnopened(e, number.AccountId, begun.Count);
            var none = new SendOutcome(SendResult.Refused, null, false, null, "not begun",
                "Its content could not be opened; nothing left.", StoreAwayPause);
            return ([.. begun.Select(_ => none)], [.. begun.Select(_ => (string?)null)]);
        }

        return (await Task.WhenAll(begun.Select((b, i) =>
            CallAsync(organizationId, number, b.MessageId, contents[i]))), contents);
    }

    // Each message has its own end: whatever goes wrong with one is no news of its batch-mates.
    private async Task<SendOutcome> CallAsync(Guid organizationId, SendingNumber number, Guid messageId, string? content)
    {
        if (content is null)
        {
            return new(SendResult.Rejected, null, false, 0, "erased", "The recipient's data was erased before the message left.",
                TimeSpan.Zero);
        }

        byte[] body;
        PreparedContent prepared;
        try
        {
            prepared = await media.PrepareAsync(organizationId, number.Meta, content, CancellationToken.None);
            if (prepared.Failed is { } failed)
            {
                return failed;
            }

            body = Body(prepared.Content!, messageId);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return new(SendResult.Rejected, null, false, 0, "unreadable", "The stored content is not a JSON object; nothing left.",
                TimeSpan.Zero);
        }

        SendOutcome outcome;
        try
        {
            outcome = await meta.SendAsync(number.Meta, body, CancellationToken.None);
        }
        catch (Exception e)
        {
            return new(SendResult.Unknown, null, false, null, "no answer", Text.Cut(e.Message, 500), TimeSpan.Zero);
        }

        if (prepared.Media.Count == 0 || outcome.Result != SendResult.Rejected || !MetaErrors.MayBeOfMedia(outcome.Code))
        {
            return outcome;
        }

        // Meta lost a file before its time: the refusal is proven, and the file is given to it anew.
        await media.ForgetAsync(organizationId, number.Meta, prepared.Media, CancellationToken.None);
        return outcome with { Result = SendResult.Refused, Code = null, RetryAfter = TimeSpan.FromSeconds(1) };
    }

    // Written late, when another process may be at the next attempt: what Meta said of this one is no news of that one. That it has the
    // message is news at any time.
    private MessageEvent[] Outcome(Message state, Message begun, SendOutcome answer, DateTimeOffset now) => answer.Result switch
    {
        not SendResult.Accepted when !state.IsUnderWay(begun.Attempt, begun.Owner) => [],
        SendResult.Accepted => Message.Accept(state, answer.Wamid!, answer.Held, now),
        SendResult.Refused => Message.Refuse(state, true, answer.Code ?? 0, answer.Title, answer.Details, now + Pause(state, answer), now),
        SendResult.Rejected => Message.Refuse(state, false, answer.Code ?? 0, answer.Title, answer.Details, now, now),
        _ => Message.LoseTrack(state, $"{answer.Title}: {answer.Details}", now + options.UnknownDeadline, now),
    };

    private static TimeSpan Pause(Message state, SendOutcome answer) =>
        answer.Code is { } code ? MetaErrors.PauseAfter(code, state.Attempt) : answer.RetryAfter;

    private static JobOutcome JobFor(TakenJob job, Message after, SendOutcome answer) => after.Phase switch
    {
        MessagePhase.Queued => new JobPostponed(job, Pause(after, answer)),
        MessagePhase.Rejected => new JobFailed(job, $"{answer.Code} {answer.Title} {answer.Details}".Trim(), Retryable: false),
        _ => Settled(job, after),
    };

    // The id is free again: should the message wait after all, the sweeper puts it in.
    private static JobCompleted Forgotten(TakenJob job, string why) => new(job, JsonSerializer.Serialize(why), Forget: true);

    private static JobCompleted Settled(TakenJob job, Message after) =>
        new(job, JsonSerializer.Serialize(new { phase = after.Phase.ToString().ToLowerInvariant(), wamid = after.Wamid }));

    /// <summary>The Graph body: the sealed content with what every message carries.</summary>
    internal static byte[] Body(string content, Guid messageId)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var writer = new Utf8JsonWriter(buffer);
        using var json = JsonDocument.Parse(content);
        writer.WriteStartObject();
        writer.WriteString("messaging_product", "whatsapp");
        writer.WriteString("recipient_type", "individual");
        writer.WriteString("biz_opaque_callback_data", messageId);
        foreach (var property in json.RootElement.EnumerateObject())
        {
            property.WriteTo(writer);
        }

        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "sender: PostgreSQL is away ({Reason}) between an intent and its outcome; it is waited for")]
    private partial void LogWaiting(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "sender: organization {OrganizationId}, {Count} messages postponed")]
    private partial void LogTrouble(Exception e, Guid organizationId, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "sender: job {Job} is none of ours and ends: {Reason}")]
    private partial void LogForeign(string job, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "sender: job {Job} failed; it comes back by its backoff")]
    private partial void LogFailed(Exception e, string job);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "sender: account {AccountId}, the contents of {Count} messages could not be opened; they are tried again")]
    private partial void LogUnopened(Exception e, Guid accountId, int count);
}
