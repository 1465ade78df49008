using System.Text.Json;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Queue;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// Whatever lies in the queue <c>messages</c>, that of all numbers before each had its own, and still the one into which a BullMQ client
/// would put a job: jobs of waiting messages go to their number's queue, others fail with the reason.
/// </summary>
public sealed partial class SendForwarder(SendLookup lookup, Outbox outbox, TimeProvider clock, ILogger<SendForwarder> log)
{
    private static readonly TimeSpan StoreAwayPause = TimeSpan.FromSeconds(2);
    private const int IdShownMax = 100; // of what a stranger may have written into Redis
    private const int ReasonShownMax = 300;

    /// <summary>One outcome per job.</summary>
    public async Task<IReadOnlyList<JobOutcome>> HandleAsync(IReadOnlyList<TakenJob> batch, CancellationToken ct)
    {
        var outcomes = new List<JobOutcome>(batch.Count);
        var sends = new List<(TakenJob Job, SendJob Send)>(batch.Count);
        foreach (var job in batch)
        {
            if (Outbox.Read(job) is not { } send)
            {
                outcomes.Add(Foreign(job, $"'{Text.Cut(job.Name, IdShownMax)}' with this data is not a send job of this product."));
            }
            else if (job.Id != send.MessageId.ToString())
            {
                outcomes.Add(Foreign(job, "A send job lies under the id of its message."));
            }
            else
            {
                sends.Add((job, send));
            }
        }

        foreach (var own in sends.GroupBy(s => s.Send.OrganizationId))
        {
            outcomes.AddRange(await ForwardAsync(own.Key, [.. own], ct));
        }

        return outcomes;
    }

    private async Task<IEnumerable<JobOutcome>> ForwardAsync(Guid organizationId, List<(TakenJob Job, SendJob Send)> sends,
        CancellationToken ct)
    {
        try
        {
            var waiting = await lookup.WaitingAsync(organizationId, [.. sends.Select(s => s.Send.MessageId).Distinct()],
                clock.GetUtcNow(), ct);
            return await outbox.PutAsync([.. waiting.Values.Select(w =>
                new SendJob(organizationId, w.MessageId, w.AccountId, w.CampaignId))], ct)
                ? sends.Select(s => new JobCompleted(s.Job, JsonSerializer.Serialize("to its number's queue"), Forget: true))
                : sends.Select(s => new JobPostponed(s.Job, StoreAwayPause));
        }
        catch (Exception e) when (StoreTrouble.Is(e) || e is RedisException)
        {
            return sends.Select(s => new JobPostponed(s.Job, StoreAwayPause));
        }
        catch (Refusal refused)
        {
            return sends.Select(s => Foreign(s.Job, refused.Message));
        }
    }

    // Forgotten when it lies under the id of a message: what PostgreSQL says of that one is put in by the sweeper.
    private JobFailed Foreign(TakenJob job, string reason)
    {
        LogForeign(Text.Cut(job.Id, IdShownMax), Text.Cut(reason, ReasonShownMax));
        return new(job, Text.Cut(reason, ReasonShownMax), Retryable: false, Forget: Guid.TryParse(job.Id, out _));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "sending: job {Job} is none of ours and ends: {Reason}")]
    private partial void LogForeign(string job, string reason);
}
