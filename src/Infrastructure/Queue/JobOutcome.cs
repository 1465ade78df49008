namespace Bsp.Infrastructure.Queue;

/// <summary>What became of a taken job; the handler answers one for each.</summary>
public abstract record JobOutcome(TakenJob Job);

/// <param name="ReturnValue">JSON text; BullMQ's listeners stop for good at anything else.</param>
/// <param name="Forget">Removes the job at once instead of keeping it as its options say, so that its id can be enqueued again.</param>
/// <exception cref="ArgumentException">The return value is not JSON.</exception>
public sealed record JobCompleted(TakenJob Job, string ReturnValue = "null", bool Forget = false) : JobOutcome(Job)
{
    public string ReturnValue { get; } = JsonText.Checked(ReturnValue, nameof(ReturnValue));
}

/// <summary>Runs again by the job's attempts and backoff, else ends among the failed.</summary>
/// <param name="Reason">Shown on dashboards.</param>
/// <param name="Retryable">False fails it now, whatever attempts are left.</param>
/// <param name="Stack">Text of this attempt for the dashboard; null takes the reason.</param>
/// <param name="Forget">When it fails for good: removes the job instead of keeping it as its options say, so that its id can be enqueued
/// again.</param>
public sealed record JobFailed(TakenJob Job, string Reason, bool Retryable = true, string? Stack = null, bool Forget = false)
    : JobOutcome(Job);

/// <summary>Not its fault (rate limit, shutdown): goes back without an attempt being counted.</summary>
/// <param name="Delay">Zero puts it first in line.</param>
public sealed record JobPostponed(TakenJob Job, TimeSpan Delay) : JobOutcome(Job);

/// <summary>
/// What Redis said to an outcome. Everything but <see cref="Done"/> means the job was no longer ours: it runs or ran again.
/// </summary>
public enum Verdict
{
    Done = 0,
    /// <summary>The job is gone: removed, or Redis was wiped.</summary>
    Missing = -1,
    /// <summary>The lock ran out before it was renewed.</summary>
    LockLost = -2,
    /// <summary>The lock was ours, but the job was not among the active.</summary>
    NotActive = -3,
    /// <summary>A flow's parent whose children are pending.</summary>
    ChildrenPending = -4,
    /// <summary>Somebody else runs it now.</summary>
    LockTaken = -6,
}
