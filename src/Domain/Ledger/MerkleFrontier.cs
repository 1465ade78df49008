using System.Numerics;
using System.Security.Cryptography;

namespace Bsp.Domain.Ledger;

/// <summary>
/// What must be kept of a growing tree to go on and to tell its root: the finished subtrees that are part of no larger one, one for each
/// bit of its size.
/// </summary>
public sealed class MerkleFrontier
{
    /// <summary>Of a tree without leaves.</summary>
    public static readonly MerkleFrontier Empty = new(0, []);

    private readonly byte[] peaks;

    private MerkleFrontier(long size, byte[] peaks)
    {
        Size = size;
        this.peaks = peaks;
    }

    /// <summary>Leaves.</summary>
    public long Size { get; }

    /// <summary>The subtrees' hashes of 32 bytes each, largest first.</summary>
    public ReadOnlyMemory<byte> Peaks => peaks;

    /// <summary>Root of the tree; of an empty one SHA-256 of nothing.</summary>
    public byte[] Root
    {
        get
        {
            if (Size == 0)
            {
                return SHA256.HashData([]);
            }

            var root = peaks[^Merkle.Size..];
            for (var at = peaks.Length - (2 * Merkle.Size); at >= 0; at -= Merkle.Size)
            {
                root = Merkle.Node(peaks.AsSpan(at, Merkle.Size), root);
            }

            return root;
        }
    }

    /// <summary>As it was kept.</summary>
    /// <exception cref="ArgumentException">The number of hashes does not fit the size.</exception>
    public static MerkleFrontier Of(long size, ReadOnlySpan<byte> peaks) =>
        size >= 0 && peaks.Length == BitOperations.PopCount((ulong)size) * Merkle.Size
        ? new(size, peaks.ToArray())
            : throw new ArgumentException($"{peaks.Length} bytes are not the finished subtrees of a tree of {size} leaves.", nameof(peaks));

    /// <summary>The tree with one more entry.</summary>
    /// <param name="entryHash">32 bytes.</param>
    /// <param name="finished">Told every subtree of two or more leaves that is finished now, from the bottom; null: nobody asks.</param>
    public MerkleFrontier Append(ReadOnlySpan<byte> entryHash, Action<MerkleNode>? finished = null)
    {
        var node = Merkle.Leaf(entryHash);
        var joined = BitOperations.TrailingZeroCount(~(ulong)Size);
        var kept = peaks.Length;
        for (var level = 1; level <= joined; level++)
        {
            kept -= Merkle.Size;
            node = Merkle.Node(peaks.AsSpan(kept, Merkle.Size), node);
            finished?.Invoke(new(level, Size >> level, node));
        }

        var next = new byte[kept + Merkle.Size];
        peaks.AsSpan(0, kept).CopyTo(next);
        node.CopyTo(next, kept);
        return new(Size + 1, next);
    }
}
