using Npgsql;

namespace Bsp.Infrastructure.Sealing;

/// <summary>
/// One day of one shard: the events of its run of numbers beside the leaves that were kept, both in the order of numbers, and the roots
/// over them.
/// </summary>
/// <param name="left">Organizations that moved away, with the number up to which their sealed events lie at another shard.</param>
/// <param name="after">Where the day before ended. The first one looks from the smallest number there is: ours begin at 1, and what lies
/// below was put there.</param>
internal sealed class LogDayAudit(NpgsqlConnection connection, string shard, DayHead day, long after,
    IReadOnlyDictionary<string, byte[]> keys, Dictionary<string, TenantHead> before,
    IReadOnlyDictionary<Guid, long> left, string? only, Guid? onlyKey, Action<LogFinding> add)
{
    private readonly Dictionary<Guid, MerkleRoot> roots = [];
    private readonly Dictionary<Guid, string> names = [];
    private readonly HashSet<Guid> told = []; // whose events were found to be other ones

    public async Task RunAsync(CancellationToken ct)
    {
        var heads = (await LogSealer.QueryAsync(connection, "SELECT * FROM bsp.read_seals($1)", TenantHead.Read, ct, day.Day))
            .OrderBy(h => h.Tenant, StringComparer.Ordinal).ToList();
        foreach (var head in heads)
        {
            names[Leaf.TenantOf(head.Tenant)] = head.Tenant;
        }

        await CompareAsync(ct);
        foreach (var head in heads)
        {
            Check(head);
            before[head.Tenant] = head;
        }

        var all = new MerkleRoot();
        heads.ForEach(head => all.Add(head.Head));
        if (heads.Count != day.Tenants || !all.Root().AsSpan().SequenceEqual(day.Root))
        {
            add(new(shard, "seal.missing", null, day.Day, null, null,
                $"{day.Tenants} organizations were sealed, and these {heads.Count} are not they."));
        }

        foreach (var (tenant, root) in roots.Where(r =>
            !heads.Exists(h => Leaf.TenantOf(h.Tenant) == r.Key) && (onlyKey is null || onlyKey == r.Key)))
        {
            add(new(shard, "seal.missing", tenant.ToString(), day.Day, null, null,
                $"{root.Leaves} of its events were sealed; the seal is gone."));
        }
    }

    // The two in step: whoever lacks a number that the other has is the one to name.
    private async Task CompareAsync(CancellationToken ct)
    {
        await using var stored = LogLeaves.ReadAsync(connection, Math.Min(after, day.After), day.UpTo, only, ct).GetAsyncEnumerator(ct);
        await using var kept = KeptAsync(ct).GetAsyncEnumerator(ct);
        var (anyStored, anyKept) = (await stored.MoveNextAsync(), await kept.MoveNextAsync());
        while (anyStored || anyKept)
        {
            var order = !anyStored ? 1 : !anyKept ? -1 : stored.Current.Leaf.Sequence.CompareTo(kept.Current.Sequence);
            if (order < 0)
            {
                var (leaf, tenant) = stored.Current;
                Tell("event.added", leaf.Tenant, tenant, leaf.Sequence, leaf.EventId, "It was not there when the day was sealed.");
            }
            else if (order > 0)
            {
                var leaf = kept.Current;
                if (left.TryGetValue(leaf.Tenant, out var upTo) && leaf.Sequence <= upTo)
                {
                    anyKept = await kept.MoveNextAsync();
                    continue;
                }

                Tell("event.missing", leaf.Tenant, null, leaf.Sequence, leaf.EventId, "It was sealed and is gone.");
            }
            else
            {
                Compare(stored.Current.Leaf, stored.Current.Tenant, kept.Current);
            }

            anyStored = order <= 0 ? await stored.MoveNextAsync() : anyStored;
            anyKept = order >= 0 ? await kept.MoveNextAsync() : anyKept;
        }
    }

    private void Compare(Leaf stored, string tenant, Leaf kept)
    {
        if (stored.EventId != kept.EventId)
        {
            Tell("event.swapped", kept.Tenant, tenant, stored.Sequence, stored.EventId,
                $"Event {kept.EventId} was sealed under this number.");
        }
        else if (stored.Tenant != kept.Tenant || !stored.Hash.Span.SequenceEqual(kept.Hash.Span))
        {
            Tell("event.altered", kept.Tenant, tenant, stored.Sequence, stored.EventId, "What is stored is not what was sealed.");
        }
    }

    private void Tell(string kind, Guid tenant, string? name, long sequence, Guid id, string what)
    {
        told.Add(tenant);
        add(new(shard, kind, name ?? names.GetValueOrDefault(tenant, tenant.ToString()), day.Day, sequence, id, what));
    }

    // The roots are those of the kept leaves: where they hold, a stored event that differs from its leaf is the one that was altered.
    private async IAsyncEnumerable<Leaf> KeptAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        for (var chunk = 0; ; chunk++)
        {
            if (await LogSealer.ScalarAsync(connection, "SELECT records FROM bsp.log_leaves WHERE day = $1 AND chunk = $2", ct, day.Day,
                chunk) is not byte[] records)
            {
                yield break;
            }

            for (var at = 0; at + Leaf.RecordBytes <= records.Length; at += Leaf.RecordBytes)
            {
                var leaf = Leaf.Read(records.AsMemory(at, Leaf.RecordBytes));
                (roots.TryGetValue(leaf.Tenant, out var root) ? root : roots[leaf.Tenant] = new()).Add(leaf.Hash.Span);
                if (onlyKey is null || onlyKey == leaf.Tenant)
                {
                    yield return leaf;
                }
            }
        }
    }

    private void Check(TenantHead head)
    {
        if (only is not null && only != head.Tenant)
        {
            return;
        }

        var last = before.GetValueOrDefault(head.Tenant);
        var content = head.Content();
        if (!content.Sha256().AsSpan().SequenceEqual(head.Head))
        {
            Seal("seal.altered", "The seal's head is not the hash of what it says.");
        }
        else if (!keys.TryGetValue(head.Signed.KeyId, out var key) || !LogSigner.Verify(key, content.Bytes, head.Signed.Signature))
        {
            Seal("seal.signature", $"The seal's signature is none of ours (key {head.Signed.KeyId}).");
        }

        if (head.N != (last?.N ?? 0) + 1 || !head.Previous.AsSpan().SequenceEqual(last?.Head ?? NoHead.Bytes))
        {
            Seal("seal.missing", last is null ? "It is not the first seal: those before it are gone."
                : $"It does not follow that of {last.Day:yyyy-MM-dd}: one between them is gone or was put there.");
        }

        var root = roots.GetValueOrDefault(Leaf.TenantOf(head.Tenant)) ?? new();
        if (root.Leaves != head.Events || !root.Root().AsSpan().SequenceEqual(head.Root))
        {
            Seal("leaves.altered", told.Contains(Leaf.TenantOf(head.Tenant)) ? "The kept leaves are not those that were sealed either."
                : "Events and kept leaves agree with each other, but not with the signed root: both were altered.");
        }

        void Seal(string kind, string what) => add(new(shard, kind, head.Tenant, head.Day, null, null, what));
    }
}
