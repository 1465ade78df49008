using System.Security.Cryptography;

namespace Bsp.Infrastructure.LedgerAudits.Runs;

/// <summary>
/// The Merkle tree of RFC 6962 over hashes that come one after another, or as whole subtrees of a power of two: a run of entries that
/// begins at a multiple of its size can be folded by somebody
/// else and put in as one node. It holds a hash for each bit of their number.
/// </summary>
internal sealed class MerkleFold
{
    public const int HashBytes = 32;
    private readonly byte[] nodes = new byte[64 * HashBytes];
    private readonly int[] levels = new int[64];
    private readonly byte[] content = new byte[1 + (2 * HashBytes)];
    private int depth;

    public long Leaves { get; private set; }

    /// <summary>Told every subtree that is joined of two; null: nobody asks. Places are counted from this fold's beginning.</summary>
    public SubtreeFinished? Finished { get; init; }

    public void Clear() => (depth, Leaves) = (0, 0);

    /// <summary>An entry, by its hash.</summary>
    public void AddEntry(ReadOnlySpan<byte> entryHash)
    {
        Span<byte> leaf = stackalloc byte[HashBytes];
        Leaf(entryHash, leaf);
        AddNode(leaf, 0);
    }

    /// <summary>A subtree of 2^<paramref name="level"/> entries.</summary>
    public void AddNode(ReadOnlySpan<byte> node, int level)
    {
        Span<byte> hash = stackalloc byte[HashBytes];
        node.CopyTo(hash);
        Leaves += 1L << level;
        for (; depth > 0 && levels[depth - 1] == level; level++)
        {
            depth--;
            Join(At(depth), hash, hash);
            Finished?.Invoke(level + 1, (Leaves >> (level + 1)) - 1, hash);
        }

        hash.CopyTo(At(depth));
        levels[depth++] = level;
    }

    /// <summary>The subtrees that are complete, largest first, with their levels.</summary>
    public IEnumerable<(byte[] Node, int Level)> Complete()
    {
        for (var i = 0; i < depth; i++)
        {
            yield return (At(i).ToArray(), levels[i]);
        }
    }

    /// <summary>The root so far; of none: the SHA-256 of nothing.</summary>
    public byte[] Root()
    {
        if (depth == 0)
        {
            return SHA256.HashData([]);
        }

        var root = At(depth - 1).ToArray();
        for (var i = depth - 2; i >= 0; i--)
        {
            Join(At(i), root, root);
        }

        return root;
    }

    /// <summary>The leaf of an entry.</summary>
    public static void Leaf(ReadOnlySpan<byte> entryHash, Span<byte> leaf)
    {
        Span<byte> content = stackalloc byte[1 + HashBytes];
        content[0] = 0;
        entryHash.CopyTo(content[1..]);
        SHA256.HashData(content, leaf);
    }

    private void Join(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> into)
    {
        content[0] = 1;
        left.CopyTo(content.AsSpan(1));
        right.CopyTo(content.AsSpan(1 + HashBytes));
        SHA256.HashData(content, into);
    }

    private Span<byte> At(int place) => nodes.AsSpan(place * HashBytes, HashBytes);
}
