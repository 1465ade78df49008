namespace Bsp.Application.Common;

/// <summary>What an Idempotency-Key stands for.</summary>
/// <param name="OrganizationId">All zeros for the platform's own routes.</param>
/// <param name="Caller">Key id or <c>platform</c>.</param>
/// <param name="Route">Method and path.</param>
/// <param name="Key">1–255 characters, chosen by the client.</param>
/// <param name="BodySha256">Hex SHA-256 of query and body.</param>
public sealed record ClaimRequest(Guid OrganizationId, string Caller, string Route, string Key, string BodySha256);

/// <summary>What became of a claim.</summary>
public enum ClaimState
{
    /// <summary>Ours: do the work.</summary>
    Claimed,

    /// <summary>Somebody else is doing the work right now.</summary>
    InFlight,

    /// <summary>The key was used with another body.</summary>
    OtherBody,

    /// <summary>Finished, and the answer is known.</summary>
    Answered,

    /// <summary>The work is committed, its answer was not kept: answer the resource.</summary>
    WorkDone,
}

/// <summary>An answer as it was sent.</summary>
/// <param name="Headers">Content-Type, Location, ETag, Bsp-Position: those that were there.</param>
public sealed record StoredAnswer(int Status, byte[] Body, IReadOnlyDictionary<string, string> Headers);

/// <param name="Claim">Null when in flight or used with another body.</param>
/// <param name="Answer">Not null only when <see cref="ClaimState.Answered"/>.</param>
public sealed record ClaimAttempt(ClaimState State, IdempotencyClaim? Claim, StoredAnswer? Answer);

/// <summary>
/// Rows of <c>bsp.idempotency_keys</c>. The mark <c>work_done</c> is set by the transaction that does the work, not here.
/// </summary>
public interface IIdempotencyKeys
{
    /// <summary>A claim is leased for this long and renewed while the request runs: after a kill the key is free again no later.</summary>
    static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    /// <summary>Committed when it returns.</summary>
    Task<ClaimAttempt> ClaimAsync(ClaimRequest request, CancellationToken ct);

    /// <summary>Leases for another <see cref="Lease"/>, unless a later attempt holds it.</summary>
    Task RenewAsync(Guid organizationId, IdempotencyClaim claim, CancellationToken ct);

    /// <summary>The work is done; <paramref name="answer"/> null keeps no answer (it holds a secret, or is too large).</summary>
    Task FinishAsync(Guid organizationId, Guid claimId, StoredAnswer? answer, CancellationToken ct);

    /// <summary>
    /// The work failed: the key is free again, unless the work turns out to be committed or a later attempt holds the claim. While
    /// PostgreSQL is away it is tried again in the background
    /// until the lease has ended. Does not fail.
    /// </summary>
    /// <param name="refused">The work was certainly not done: the key may be used with another body. False: a repeat finds the same claim,
    /// and with it the same id for the resource.</param>
    Task ReleaseAsync(Guid organizationId, IdempotencyClaim claim, bool refused);

    /// <summary>Forgets keys older than <paramref name="before"/>, at most 10,000 a shard; returns how many.</summary>
    Task<int> PurgeAsync(DateTimeOffset before, CancellationToken ct);
}
