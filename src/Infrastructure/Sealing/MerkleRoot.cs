using System.Numerics;
using System.Security.Cryptography;

namespace Bsp.Infrastructure.Sealing;

/// <summary>The root of RFC 6962 over leaves that come one after another: it keeps one hash for each bit of their number.</summary>
internal sealed class MerkleRoot
{
    public const int Bytes = SHA256.HashSizeInBytes;
    private readonly List<byte[]> complete = []; // trees of falling sizes, each a power of two

    public long Leaves { get; private set; }

    /// <summary>The hash of a leaf's content.</summary>
    public static void LeafOf(ReadOnlySpan<byte> content, Span<byte> leaf) => HashOf(0, content, [], leaf);

    public void Add(ReadOnlySpan<byte> leaf)
    {
        var node = leaf.ToArray();
        for (var full = BitOperations.TrailingZeroCount(~Leaves); full > 0; full--)
        {
            node = Join(complete[^1], node);
            complete.RemoveAt(complete.Count - 1);
        }

        complete.Add(node);
        Leaves++;
    }

    /// <summary>The root of the leaves so far; of none: the SHA-256 of nothing.</summary>
    public byte[] Root()
    {
        if (complete.Count == 0)
        {
            return SHA256.HashData([]);
        }

        var root = complete[^1];
        for (var i = complete.Count - 2; i >= 0; i--)
        {
            root = Join(complete[i], root);
        }

        return root;
    }

    private static byte[] Join(byte[] left, byte[] right)
    {
        var joined = new byte[Bytes];
        HashOf(1, left, right, joined);
        return joined;
    }

    private static void HashOf(byte prefix, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> hash)
    {
        var length = 1 + first.Length + second.Length;
        Span<byte> content = length <= 1024 ? stackalloc byte[length] : new byte[length];
        content[0] = prefix;
        first.CopyTo(content[1..]);
        second.CopyTo(content[(1 + first.Length)..]);
        SHA256.HashData(content, hash);
    }
}
