using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Audit;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Audit;

/// <summary>
/// Puts administrative acts on record, in the transaction of the act itself: no act without its record, no record without its act.
/// </summary>
public sealed class AuditLog(PostgresEventStore store, TimeProvider clock)
{
    private const int LockKey = 0x4163_7473; // "Acts"; of two halves, so that it is no announcement of an append (bsp.fence)

    /// <summary>
    /// Call it last in the transaction: the month's stream is locked until the commit, and whoever waits for it holds nothing that we wait
    /// for.
    /// </summary>
    /// <param name="home">The database of <paramref name="transaction"/>, which sees <paramref name="organizationId"/>.</param>
    /// <param name="organizationId">All zeros: an act of the platform for no organization, in the directory database.</param>
    /// <param name="changed">Names of fields; null or empty: the act says all.</param>
    /// <param name="actor">Null: the caller of the current request.</param>
    public async Task NoteAsync(TenantTransaction transaction, Shard home, Guid organizationId, string act, string targetType,
        Guid? targetId, IReadOnlyList<string>? changed, CancellationToken ct, string? actor = null)
    {
        var request = CurrentRequest.Value;
        var now = clock.GetUtcNow();
        var fact = new AdministrativeActDone(act, actor ?? request?.Caller
            ?? "anonymous", request?.RemoteAddress, targetType, targetId, changed is { Count: > 0 } ? changed : null, now);
        var seen = request?.LastPosition;

        // One after the other: whoever has the stream's end from before another's act would have to begin again, and gives up after some
        // tries.
        await transaction.ExecuteAsync("SELECT pg_advisory_xact_lock($1, hashtext($2))", ct, LockKey, organizationId.ToString());
        var outcomes =
            await store.AppendAsync(transaction, home, organizationId,
                [[new StreamAppend(Uuid.AuditTrail(organizationId, now), "audit", null, [fact])]], ct);
        if (outcomes[0].Verdict != AppendVerdict.Ok)
        {
            throw new Refusal("audit.archived", "This month's audit trail is archived and takes no more acts.");
        }

        if (request is not null)
        {
            // no view outside this transaction follows it: nothing to wait for, and a failed sign-in must not show whose log it went to
            request.LastPosition = seen!.Value;
        }
    }
}
