using System.Security.Cryptography;
using Bsp.Domain.Ledger;

namespace Bsp.Infrastructure.LedgerAudits.Runs;

/// <summary>Told every finished subtree of a tree, each level in the order of its places.</summary>
internal delegate void SubtreeFinished(int level, long index, ReadOnlySpan<byte> hash);

/// <summary>
/// The subtrees of one month that <c>bsp.ledger_nodes</c> keeps, as a number and one hash a level: what is computed from the entries is
/// held against the rows without keeping either.
/// </summary>
internal sealed class TreeDigest : IDisposable
{
    private readonly SortedDictionary<int, (long Count, IncrementalHash Hash)> levels = [];

    /// <summary>The next subtree of its level. Levels that are not kept are passed over.</summary>
    public void Add(int level, ReadOnlySpan<byte> hash)
    {
        if (level < LedgerPage.StoredLevelsFrom)
        {
            return;
        }

        var (count, all) = levels.TryGetValue(level, out var known) ? known : (0, IncrementalHash.CreateHash(HashAlgorithmName.SHA256));
        all.AppendData(hash);
        levels[level] = (count + 1, all);
    }

    /// <summary>A line for each level: level, number, hash.</summary>
    public IReadOnlyList<string> Lines() =>
        [.. levels.Select(l => $"{l.Key}: {l.Value.Count} {Convert.ToHexStringLower(l.Value.Hash.GetCurrentHash())}")];

    /// <summary>Begins anew.</summary>
    public void Clear()
    {
        Dispose();
        levels.Clear();
    }

    public void Dispose()
    {
        foreach (var (_, hash) in levels.Values)
        {
            hash.Dispose();
        }
    }
}
