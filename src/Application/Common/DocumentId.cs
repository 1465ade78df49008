using System.Security.Cryptography;

namespace Bsp.Application.Common;

/// <summary>
/// The <c>_id</c> of a document: an ObjectId made from the entity's UUID, so that every store and every rebuild gives the same one.
/// </summary>
/// <param name="High">First eight bytes, big-endian.</param>
/// <param name="Low">Last four bytes, big-endian.</param>
public readonly record struct DocumentId(ulong High, uint Low)
{
    /// <summary>The first 12 bytes of the SHA-256 of the UUID's 16 big-endian bytes.</summary>
    public static DocumentId Of(Guid uuid)
    {
        Span<byte> source = stackalloc byte[16];
        Span<byte> hash = stackalloc byte[32];
        uuid.TryWriteBytes(source, bigEndian: true, out _);
        SHA256.HashData(source, hash);
        return From(hash[..12]);
    }

    /// <summary>Twelve bytes as a store keeps them.</summary>
    public static DocumentId From(ReadOnlySpan<byte> bytes) =>
        new(System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes),
            System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]));

    /// <summary>24 hex digits, as <see cref="ToString"/> writes them; false for anything else.</summary>
    public static bool TryParse(string? text, out DocumentId id)
    {
        id = default;
        Span<byte> bytes = stackalloc byte[12];
        if (text is not { Length: 24 } || Convert.FromHexString(text, bytes, out _, out var written) != System.Buffers.OperationStatus.Done
            || written != 12)
        {
            return false;
        }

        id = From(bytes);
        return true;
    }

    /// <summary>The twelve bytes.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[12];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes, High);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8), Low);
        return bytes;
    }

    /// <summary>24 lower-case hex digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(ToBytes());
}
