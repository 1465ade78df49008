using System.Text.Json;
using Bsp.Infrastructure.Queue;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Messages;

/// <summary>What a job in the queue says.</summary>
public sealed record SendJob(Guid OrganizationId, Guid MessageId, Guid AccountId, Guid? CampaignId);

/// <summary>
/// Puts queued messages into their numbers' queues in Redis. Redis is only the fast way: what is lost there is put in again from
/// <c>bsp.send_queue</c>.
/// </summary>
public sealed partial class Outbox(SendQueues queues, ILogger<Outbox> log)
{
    /// <summary>Job name, shown on dashboards.</summary>
    public const string JobName = "send";

    /// <summary>Messages of a person's answer go before campaigns: BullMQ's ordinary line precedes every priority.</summary>
    private const int CampaignPriority = 10;

    // Twice the longest pause that Meta's refusals ask for (MetaErrors.PauseAfter).
    private static readonly TimeSpan DelayMax = TimeSpan.FromHours(2);

    /// <summary>Enqueues each under its message id, so that twice is once. False when Redis is away: the sweeper will do it.</summary>
    /// <param name="again">They should have been sent by now: what lies under their ids and neither waits nor runs is no job of theirs, and
    /// gives way.</param>
    public async Task<bool> PutAsync(IReadOnlyList<SendJob> jobs, CancellationToken ct, bool again = false)
    {
        if (jobs.Count == 0)
        {
            return true;
        }

        try
        {
            foreach (var own in jobs.GroupBy(j => j.AccountId))
            {
                var queue = queues.Of(own.Key);
                if (again)
                {
                    await queue.ReviveAsync([.. own.Select(j => j.MessageId.ToString())], DelayMax, ct);
                }

                await queue.EnqueueAsync([.. own.Select(ToJob)], ct);
            }

            await queues.AnnounceAsync([.. jobs.Select(j => (j.OrganizationId, j.AccountId)).Distinct()], ct);
            return true;
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            LogAway(jobs.Count, e.Message);
            return false;
        }
    }

    /// <summary>Reads a job's data; null when it is not ours.</summary>
    public static SendJob? Read(TakenJob job)
    {
        try
        {
            return job.Name == JobName ? JsonSerializer.Deserialize<SendJob>(job.Data, Application.EventStore.EventTypes.Json) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static Job ToJob(SendJob send) =>
        new(send.MessageId.ToString(), JobName, JsonSerializer.Serialize(send, Application.EventStore.EventTypes.Json))
    {
        Attempts = int.MaxValue,
        Backoff = Backoff.Exponential(TimeSpan.FromSeconds(5)), // a defect's, not a store's: rarer each time, so that its log is bounded
        Priority = send.CampaignId is null ? 0 : CampaignPriority,
    };

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "queue: {Count} messages could not be put into Redis ({Reason}); they stay queued in PostgreSQL and are put in later")]
    private partial void LogAway(int count, string reason);
}
