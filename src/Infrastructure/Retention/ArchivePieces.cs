using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Bsp.Infrastructure.Privacy;
using ZstdSharp;

namespace Bsp.Infrastructure.Retention;

/// <summary>An archive is not as it was written, or cannot be read.</summary>
public sealed class ArchiveFault(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What an archive holds: a letter and a document.</summary>
/// <param name="Kind">M: a message; C: a conversation; A: what is left of an AI history.</param>
internal readonly record struct ArchivedDocument(char Kind, ReadOnlyMemory<byte> Json);

/// <summary>Where a piece lies in its object.</summary>
/// <param name="Length">With its length and key id.</param>
internal readonly record struct PiecePlace(long StartsAt, int Length);

/// <summary>
/// An archive's object: a head, then one piece a contact: documents line by line, compressed with a dictionary that holds nobody's text,
/// then sealed under the contact's key. So a piece is read without the others, and without the key not at all. Decision:
/// docs/decisions/0341.
/// </summary>
/// <remarks>Head: "BSPA", version (1), dictionary, two zero bytes. Piece: length of the rest (4 bytes, big endian), key id (16), nonce
/// (12), tag (16), cipher text.</remarks>
internal sealed class ArchiveWriter : IDisposable
{
    private const int LevelOfCompression = 3;
    private readonly Compressor compressor = new(LevelOfCompression);
    private readonly ArrayBufferWriter<byte> plain = new(64 * 1024);

    public ArchiveWriter(Stream to)
    {
        Object = to;
        compressor.LoadDictionary(ArchiveDictionary.Bytes);
        to.Write(ArchiveFormat.Head);
    }

    public Stream Object { get; }

    /// <summary>Writes one piece.</summary>
    /// <param name="key">Of the contact.</param>
    public PiecePlace Add(Guid keyId, byte[] key, IEnumerable<ArchivedDocument> documents)
    {
        plain.ResetWrittenCount();
        foreach (var (kind, json) in documents)
        {
            var room = plain.GetSpan(json.Length + 2);
            room[0] = (byte)kind;
            json.Span.CopyTo(room[1..]);
            room[json.Length + 1] = (byte)'\n';
            plain.Advance(json.Length + 2);
        }

        var closed = MasterKeys.Encrypt(key, compressor.Wrap(plain.WrittenSpan));
        Span<byte> head = stackalloc byte[ArchiveFormat.PieceHeadBytes];
        BinaryPrimitives.WriteInt32BigEndian(head, closed.Length + 16);
        keyId.TryWriteBytes(head[4..], bigEndian: true, out _);
        var place = new PiecePlace(Object.Position, head.Length + closed.Length);
        Object.Write(head);
        Object.Write(closed);
        return place;
    }

    public void Dispose() => compressor.Dispose();
}

/// <summary>Reads pieces.</summary>
internal sealed class ArchiveReader : IDisposable
{
    /// <summary>Of one piece once it is opened: more is no piece of ours.</summary>
    private const int PlainBytesMax = 256 * 1024 * 1024;

    private readonly Decompressor decompressor = new();

    public ArchiveReader() => decompressor.LoadDictionary(ArchiveDictionary.Bytes);

    /// <summary>Pieces in their order: key id and sealed bytes.</summary>
    /// <exception cref="ArchiveFault">It is none of ours, or ends too early.</exception>
    public static async IAsyncEnumerable<(Guid KeyId, byte[] Sealed)> PiecesAsync(Stream from,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var head = new byte[ArchiveFormat.Head.Length];
        if (await from.ReadAtLeastAsync(head, head.Length, false, ct) != head.Length || !head.AsSpan().SequenceEqual(ArchiveFormat.Head))
        {
            throw new ArchiveFault("The object is no archive of this build.");
        }

        while (await PieceAsync(from, ct) is { } piece)
        {
            yield return piece;
        }
    }

    /// <summary>The next piece; null: the object ends here.</summary>
    /// <exception cref="ArchiveFault"/>
    public static async Task<(Guid KeyId, byte[] Sealed)?> PieceAsync(Stream from, CancellationToken ct)
    {
        var head = new byte[ArchiveFormat.PieceHeadBytes];
        var read = await from.ReadAtLeastAsync(head, head.Length, false, ct);
        if (read == 0)
        {
            return null;
        }

        var length = read == head.Length ? BinaryPrimitives.ReadInt32BigEndian(head) - 16 : -1;
        if (length is < 28 or > PlainBytesMax)
        {
            throw new ArchiveFault("The object is not whole: a piece has no right head.");
        }

        var closed = new byte[length];
        if (await from.ReadAtLeastAsync(closed, length, false, ct) != length)
        {
            throw new ArchiveFault("The object is not whole: it ends in the middle of a piece.");
        }

        return (new(head.AsSpan(4), bigEndian: true), closed);
    }

    /// <summary>Documents of a piece.</summary>
    /// <exception cref="ArchiveFault">Another key, or it was changed.</exception>
    public IReadOnlyList<ArchivedDocument> Open(byte[] key, ReadOnlySpan<byte> closed)
    {
        byte[] plain;
        try
        {
            plain = decompressor.Unwrap(MasterKeys.Decrypt(key, closed), PlainBytesMax).ToArray();
        }
        catch (Exception e) when (e is CryptographicException or ZstdException)
        {
            throw new ArchiveFault("A piece cannot be opened: it was changed, or its key is another one.", e);
        }

        var documents = new List<ArchivedDocument>();
        for (var at = 0; at < plain.Length;)
        {
            var end = plain.AsSpan(at).IndexOf((byte)'\n');
            if (end < 1)
            {
                throw new ArchiveFault("A piece is not made of lines.");
            }

            documents.Add(new((char)plain[at], plain.AsMemory(at + 1, end - 1)));
            at += end + 1;
        }

        return documents;
    }

    public void Dispose() => decompressor.Dispose();
}

internal static class ArchiveFormat
{
    public const int PieceHeadBytes = 20;

    /// <summary>Of the object.</summary>
    public static readonly byte[] Head = [(byte)'B', (byte)'S', (byte)'P', (byte)'A', 1, ArchiveDictionary.Number, 0, 0];
}

/// <summary>
/// Names and words of this product's documents as they follow each other, and no value of anybody's: what every document has need not be
/// written again. It is part of the format: another one gets another number.
/// </summary>
internal static class ArchiveDictionary
{
    public const byte Number = 1;

    public static readonly byte[] Bytes = Load();

    private static byte[] Load()
    {
        using var stream = typeof(ArchiveDictionary).Assembly
            .GetManifestResourceStream("Bsp.Infrastructure.Retention.archive_dictionary_1.txt")
            ?? throw new InvalidOperationException("archive_dictionary_1.txt is not embedded in the assembly.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return Encoding.UTF8.GetBytes(reader.ReadToEnd().ReplaceLineEndings(""));
    }
}
