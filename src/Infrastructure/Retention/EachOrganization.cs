using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Bsp.Application.Common;
using Bsp.Application.Retention;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Retention;

/// <summary>One organization after the other, so that what is wrong with one keeps none of the others.</summary>
internal static class EachOrganization
{
    private const int FaultsMax = 20; // then it is the shard that is ill

    /// <summary>What of one kind of documents is past its time, an organization after the other.</summary>
    /// <param name="only">Null: all of the shard.</param>
    public static async IAsyncEnumerable<RetentionDue> DueAsync(Shards shards, Shard shard, Guid? only, string kind, IOldDocuments old,
        OldKind documents, DateTimeOffset now, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var times in await RetentionPolicies.OfShardAsync(shards, shard, only, ct))
        {
            var before = times.Before(kind, now);
            var (count, oldest) = await old.CountAsync(shard, times.Policy.OrganizationId, documents, before, ct);
            yield return new(kind, shard.Name, times.Policy.OrganizationId, count, oldest, before, times.Held);
        }
    }

    /// <param name="carry">Not asked for organizations that are held.</param>
    /// <exception cref="Exception">The first that there was, after all others had their turn.</exception>
    public static async Task CarryAsync(Shards shards, Shard shard, Func<OrganizationTimes, Task> carry, Func<long, Task> beat,
        CancellationToken ct)
    {
        var faults = new List<Exception>();
        foreach (var times in (await RetentionPolicies.OfShardAsync(shards, shard, null, ct)).Where(times => !times.Held))
        {
            try
            {
                await carry(times);
            }
            catch (Exception e) when (e is not LeaseTaken && !ct.IsCancellationRequested)
            {
                faults.Add(e);
                if (faults.Count == FaultsMax || e is StoreUnavailable { Store: "objects" })
                {
                    break; // all of them need it
                }
            }

            await beat(0);
        }

        if (faults.Count > 0)
        {
            ExceptionDispatchInfo.Throw(faults[0]);
        }
    }
}
