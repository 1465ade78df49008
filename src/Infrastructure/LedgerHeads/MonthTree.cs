using System.Numerics;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.LedgerHeads;

/// <summary>
/// The Merkle tree of one month's stream, read where it is needed: subtrees of 256 entries and more were kept when they were finished, of
/// smaller ones the entries' hashes are read. A path or a root of a
/// million entries takes some dozen rows and at most 512 hashes.
/// </summary>
internal sealed class MonthTree(TenantTransaction transaction, Guid organizationId, string currency, string month)
{
    private readonly Guid streamId = Uuid.Ledger(organizationId, currency, month);
    private readonly Dictionary<(int Level, long Index), byte[]> nodes = [];
    private readonly Dictionary<long, byte[]> hashes = []; // of entries, by place from 0

    /// <summary>Root over the first entries.</summary>
    /// <param name="size">1 or more.</param>
    public async Task<byte[]> RootAsync(long size, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        await FetchAsync([(0, size)], ct);
        return Root(0, size);
    }

    /// <summary>The hashes that lead from an entry to the root over the first <paramref name="size"/>, from the bottom.</summary>
    /// <param name="index">From 0.</param>
    public async Task<(byte[] Root, IReadOnlyList<byte[]> Path)> PathAsync(long index, long size, CancellationToken ct)
    {
        var siblings = new List<(long From, long To)>();
        for (var (from, to) = (0L, size); to - from > 1;)
        {
            var half = from + Half(to - from);
            siblings.Add(index < half ? (half, to) : (from, half));
            (from, to) = index < half ? (from, half) : (half, to);
        }

        await FetchAsync([.. siblings, (0, size)], ct);
        siblings.Reverse();
        return (Root(0, size), [.. siblings.Select(s => Root(s.From, s.To))]);
    }

    private byte[] Root(long from, long to)
    {
        if (to - from == 1)
        {
            return Merkle.Leaf(hashes.TryGetValue(from, out var hash) ? hash : throw Gone(from));
        }

        if (StoredAs(from, to) is { } stored && nodes.TryGetValue(stored, out var node))
        {
            return node;
        }

        var half = from + Half(to - from);
        return Merkle.Node(Root(from, half), Root(half, to));
    }

    // First the nodes; of those that are not there the entries below.
    private async Task FetchAsync(IReadOnlyList<(long From, long To)> ranges, CancellationToken ct)
    {
        var (wanted, leaves) = (new HashSet<(int Level, long Index)>(), new List<(long From, long To)>());
        foreach (var (from, to) in ranges)
        {
            Collect(from, to, wanted, leaves);
        }

        foreach (var (level, index, hash) in await transaction.QueryAsync("""
            SELECT n.level, n.index, n.hash FROM unnest($4::smallint[], $5::bigint[]) AS w (level, index)
              JOIN bsp.ledger_nodes n ON n.organization_id = $1 AND n.currency = $2 AND n.month = $3 AND n.level = w.level AND n.index =
                w.index
            """, r => (r.GetInt16(0), r.GetInt64(1), r.GetFieldValue<byte[]>(2)), ct, organizationId, currency, month,
                wanted.Select(w => (short)w.Level).ToArray(), wanted.Select(w => w.Index).ToArray()))
        {
            nodes[(level, index)] = hash;
        }

        leaves.AddRange(wanted.Where(w => !nodes.ContainsKey(w)).Select(w => (w.Index << w.Level, (w.Index + 1) << w.Level)));
        foreach (var (place, hash) in await transaction.QueryAsync("""
            SELECT e.version - 1, e.data -> 'entry' ->> 'hash' FROM unnest($3::bigint[], $4::bigint[]) AS w (lower, upper)
              CROSS JOIN LATERAL (SELECT i.version, i.data FROM public.mt_events i WHERE i.tenant_id = $1 AND i.stream_id = $2 AND
                i.version > w.lower AND i.version <= w.upper) e
            """, r => (r.GetInt64(0), Convert.FromHexString(r.GetString(1))), ct, organizationId.ToString(), streamId,
                leaves.Select(l => l.From).ToArray(), leaves.Select(l => l.To).ToArray()))
        {
            hashes[place] = hash;
        }
    }

    private static void Collect(long from, long to, HashSet<(int Level, long Index)> wanted, List<(long From, long To)> leaves)
    {
        if (StoredAs(from, to) is { } stored)
        {
            wanted.Add(stored);
        }
        else if (to - from <= 1L << LedgerPage.StoredLevelsFrom)
        {
            leaves.Add((from, to));
        }
        else
        {
            var half = from + Half(to - from);
            Collect(from, half, wanted, leaves);
            Collect(half, to, wanted, leaves);
        }
    }

    // Null: it is no whole subtree of a size that is kept.
    private static (int Level, long Index)? StoredAs(long from, long to)
    {
        var count = to - from;
        var level = BitOperations.Log2((ulong)count);
        return BitOperations.IsPow2(count) && level >= LedgerPage.StoredLevelsFrom && from % count == 0 ? (level, from >> level) : null;
    }

    private static long Half(long count) => (long)(BitOperations.RoundUpToPowerOf2((ulong)count) / 2);

    private static InvalidOperationException Gone(long place) => new($"Entry {place + 1} of a ledger is gone: have it audited.");
}
