using Bsp.Application.EventStore;

namespace Bsp.Application.Common;

/// <summary>A claimed Idempotency-Key. The transaction that does the work also marks it done.</summary>
/// <param name="ClaimId">Row of <c>bsp.idempotency_keys</c>.</param>
/// <param name="ResourceId">The id that a creating command must use, so that a repeat finds the same resource.</param>
/// <param name="WorkDone">The work was committed earlier, but its answer was not stored: the command is skipped and the resource
/// answered.</param>
/// <param name="Attempt">From 1; a claim whose lease ended without the work being done is taken over by the next attempt.</param>
public sealed record IdempotencyClaim(Guid ClaimId, Guid ResourceId, bool WorkDone, int Attempt = 1);

/// <summary>
/// What surrounds the command being carried out: who asked, and under which claim. Flows with the async call; null outside requests and
/// jobs.
/// </summary>
public sealed class CurrentRequest
{
    private static readonly AsyncLocal<CurrentRequest?> Flowing = new();

    private long workTicks;
    private long replicaLagTicks;

    /// <summary>The one that surrounds this code, or null.</summary>
    public static CurrentRequest? Value => Flowing.Value;

    /// <summary>Trace id of the request or name of the job.</summary>
    public required string CorrelationId { get; init; }

    /// <summary>Key prefix, user or platform part; null when anonymous.</summary>
    public string? Caller { get; init; }

    /// <summary>Where the request came from; null outside requests.</summary>
    public string? RemoteAddress { get; init; }

    /// <summary>The one WhatsApp account that the caller's key is restricted to; null: every account.</summary>
    public Guid? AccountId { get; init; }

    /// <summary>
    /// It reads, and asks for no position: what it is shown may be a moment old, from a replica. Commands and work of our own never.
    /// </summary>
    public bool MayBeBehind { get; init; }

    /// <summary>What of it was read at a replica is at most so old; null: nothing was.</summary>
    public TimeSpan? ReplicaLag => Interlocked.Read(ref replicaLagTicks) is > 0 and var ticks ? TimeSpan.FromTicks(ticks) : null;

    /// <summary>Something of it was read at a replica.</summary>
    public void ReadAtReplica(TimeSpan lag) => Interlocked.Exchange(ref replicaLagTicks, Math.Max(1, lag.Ticks));

    /// <summary>Event or message that caused this; null for a request.</summary>
    public string? CausationId { get; init; }

    /// <summary>Set by the HTTP layer when the request carries an Idempotency-Key.</summary>
    public IdempotencyClaim? Claim { get; set; }

    /// <summary>Set by the transaction that carried the claim's mark, so that it is written once.</summary>
    public bool ClaimMarked { get; set; }

    /// <summary>The furthest position this request has written; becomes <c>Bsp-Position</c>.</summary>
    public Position LastPosition { get; set; } = Position.Start;

    /// <summary>What stores worked for it so far, about; shown to nobody, charged to its organization (<see cref="FairShare"/>).</summary>
    public TimeSpan Work => TimeSpan.FromTicks(Interlocked.Read(ref workTicks));

    /// <summary>A store worked for it.</summary>
    public void Worked(TimeSpan time) => Interlocked.Add(ref workTicks, time.Ticks);

    /// <summary>The id for a resource that is being created: the claim's, else a fresh one.</summary>
    public static Guid NewId() => Value?.Claim?.ResourceId ?? Domain.Common.Uuid.New();

    /// <summary>Makes it the current one until the returned handle is disposed.</summary>
    public IDisposable Enter()
    {
        var before = Flowing.Value;
        Flowing.Value = this;
        return new Restore(before);
    }

    private sealed class Restore(CurrentRequest? before) : IDisposable
    {
        public void Dispose() => Flowing.Value = before;
    }
}
