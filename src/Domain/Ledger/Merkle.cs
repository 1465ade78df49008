using System.Numerics;
using System.Security.Cryptography;

namespace Bsp.Domain.Ledger;

/// <summary>A finished subtree.</summary>
/// <param name="Level">It has 2^level leaves.</param>
/// <param name="Index">Place among those of its level, from 0.</param>
/// <param name="Hash">32 bytes.</param>
public sealed record MerkleNode(int Level, long Index, byte[] Hash);

/// <summary>
/// The tree of RFC 6962 over a month's entry hashes: that an entry is one of them is shown with as many hashes as the tree is high.
/// </summary>
public static class Merkle
{
    /// <summary>Bytes of a hash.</summary>
    public const int Size = SHA256.HashSizeInBytes;

    /// <summary>The leaf of an entry's hash: SHA-256 over 0x00 and its 32 bytes.</summary>
    public static byte[] Leaf(ReadOnlySpan<byte> entryHash)
    {
        Span<byte> input = stackalloc byte[1 + Size];
        input[0] = 0;
        entryHash.CopyTo(input[1..]);
        return SHA256.HashData(input);
    }

    /// <summary>The node over two: SHA-256 over 0x01 and both.</summary>
    public static byte[] Node(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        Span<byte> input = stackalloc byte[1 + (2 * Size)];
        input[0] = 1;
        left.CopyTo(input[1..]);
        right.CopyTo(input[(1 + Size)..]);
        return SHA256.HashData(input);
    }

    /// <summary>Root over all entry hashes; of none SHA-256 of nothing.</summary>
    public static byte[] Root(IReadOnlyList<byte[]> entryHashes) => Root(entryHashes, 0, entryHashes.Count);

    /// <summary>The hashes that lead from an entry to the root, from the bottom.</summary>
    /// <param name="index">From 0.</param>
    public static IReadOnlyList<byte[]> Path(IReadOnlyList<byte[]> entryHashes, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, entryHashes.Count);
        var path = new List<byte[]>();
        var (from, count) = (0, entryHashes.Count);
        while (count > 1)
        {
            var half = Half(count);
            var left = index - from < half;
            path.Add(left ? Root(entryHashes, from + half, count - half) : Root(entryHashes, from, half));
            (from, count) = left ? (from, half) : (from + half, count - half);
        }

        path.Reverse();
        return path;
    }

    /// <summary>Whether an entry's hash is the one at that place of a tree with that root (RFC 9162, 2.1.3.2).</summary>
    /// <param name="index">From 0.</param>
    /// <param name="size">Entries in the tree.</param>
    public static bool Verify(ReadOnlySpan<byte> entryHash, long index, long size, IReadOnlyList<byte[]> path, ReadOnlySpan<byte> root)
    {
        if (index < 0 || index >= size)
        {
            return false;
        }

        var (node, last) = (index, size - 1);
        var hash = Leaf(entryHash);
        foreach (var other in path)
        {
            if (last == 0)
            {
                return false;
            }

            if ((node & 1) == 1 || node == last)
            {
                hash = Node(other, hash);
                while ((node & 1) == 0 && node != 0)
                {
                    (node, last) = (node >> 1, last >> 1);
                }
            }
            else
            {
                hash = Node(hash, other);
            }

            (node, last) = (node >> 1, last >> 1);
        }

        return last == 0 && root.SequenceEqual(hash);
    }

    /// <summary>The largest power of two below a count of two or more: so many leaves are on the left.</summary>
    public static int Half(int count) => (int)(BitOperations.RoundUpToPowerOf2((uint)count) / 2);

    private static byte[] Root(IReadOnlyList<byte[]> hashes, int from, int count)
    {
        if (count < 2)
        {
            return count == 0 ? SHA256.HashData([]) : Leaf(hashes[from]);
        }

        var half = Half(count);
        return Node(Root(hashes, from, half), Root(hashes, from + half, count - half));
    }
}
