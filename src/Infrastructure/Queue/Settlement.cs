using Bsp.Domain.Common;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Queue;

/// <summary>An outcome as the script that carries it out and its arguments for this one job.</summary>
internal sealed record Settlement(string Script, RedisValue[] Arguments)
{
    private const int ReasonLengthMax = 4_000;

    public static Settlement Of(JobOutcome outcome, Func<TakenJob, TimeSpan> backoff) => outcome switch
    {
        JobCompleted c => Finish(c.Job, "completed", c.ReturnValue, c.Forget ? Retention.None : c.Job.Options.KeepCompleted, ""),
        JobFailed { Retryable: true, Job.MayRetry: true } f => Retry(f.Job, backoff(f.Job), f.Reason, f.Stack),
        JobFailed f =>
            Finish(f.Job, "failed", Bounded(f.Reason), f.Forget ? Retention.None : f.Job.Options.KeepFailed, Bounded(f.Stack ?? f.Reason)),
        JobPostponed p => new(QueueScripts.Retry, [p.Job.Id, p.Job.Token, Ms(p.Delay), "0", "", "", 0]),
        _ => throw new InvalidOperationException($"The queue does not know the outcome {outcome.GetType().Name}."),
    };

    public static Settlement Retry(TakenJob job, TimeSpan delay, string reason, string? stack) => new(
        QueueScripts.Retry,
        [job.Id, job.Token, Ms(delay), "1", Bounded(reason), Bounded(stack ?? reason), job.Options.StackTraceLimit]);

    private static Settlement Finish(TakenJob job, string set, string value, Retention keep, string stack) => new(
        QueueScripts.Finish,
        [
            job.Id, job.Token, set, value, keep.Count ?? -1, keep.Age is { } age ? (long)age.TotalSeconds : -1, keep.RemovedMax,
            stack, job.Options.StackTraceLimit, job.Options.Attempts,
        ]);

    private static long Ms(TimeSpan delay) => Math.Max(0, (long)Math.Ceiling(delay.TotalMilliseconds));

    private static string Bounded(string text) => Text.Cut(text, ReasonLengthMax);
}
