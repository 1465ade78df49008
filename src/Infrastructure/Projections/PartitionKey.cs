using System.Buffers.Binary;

namespace Bsp.Infrastructure.Projections;

/// <summary>
/// Which of several appliers an event goes to: the same in every process and build, for it is remembered which part of a page was written.
/// </summary>
internal static class PartitionKey
{
    /// <summary>0 to <paramref name="parts"/> - 1. The last eight bytes are random in a UUIDv7 and hashed in a UUIDv5.</summary>
    public static int PartOf(Guid key, int parts)
    {
        Span<byte> bytes = stackalloc byte[16];
        key.TryWriteBytes(bytes);
        return (int)(BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]) % (ulong)parts);
    }
}
