using System.Buffers.Binary;
using System.Security.Cryptography;
using Bsp.Application.Common;

namespace Bsp.Infrastructure.Media;

/// <summary>
/// A content sealed piece by piece, so that a large one is never in memory and can be read from its middle: AES-256-GCM, each piece of
/// 64 KiB under its number and whether it is the last, which keeps pieces from being swapped, repeated or left out at the end. The key is
/// the content's own and seals nothing else, so that numbers are good nonces.
/// </summary>
internal static class SealedChunks
{
    public const int PlainBytes = 64 * 1024;
    public const int TagBytes = 16;
    public const int SealedBytes = PlainBytes + TagBytes;
    public const int KeyBytes = 32;

    /// <summary>Bytes of a content once it is sealed.</summary>
    public static long SealedLength(long plain) => plain + (Count(plain) * TagBytes);

    /// <summary>Pieces; of an empty content one.</summary>
    public static long Count(long plain) => Math.Max(1, (plain + PlainBytes - 1) / PlainBytes);

    /// <summary>Bytes of the piece of this number.</summary>
    public static int LengthOf(long piece, long plain) => (int)Math.Min(PlainBytes, plain - (piece * PlainBytes));

    public static void Nonce(Span<byte> nonce, long piece, long plain)
    {
        nonce.Clear();
        BinaryPrimitives.WriteInt64BigEndian(nonce[4..], (piece << 1) | (piece == Count(plain) - 1 ? 1L : 0L));
    }
}

/// <summary>The sealed form of a content that can be sought; read from its beginning any number of times, it is the same.</summary>
internal sealed class SealingStream(Stream plain, byte[] key) : ReadOnlyStream
{
    private readonly AesGcm gcm = new(key, SealedChunks.TagBytes);
    private readonly long plainLength = plain.Length;
    private readonly byte[] open = new byte[SealedChunks.PlainBytes];
    private readonly byte[] closed = new byte[SealedChunks.SealedBytes];
    private long position;
    private long loaded = -1;

    public override bool CanSeek => true;

    public override long Length => SealedChunks.SealedLength(plainLength);

    public override long Position { get => position; set => position = Math.Clamp(value, 0, Length); }

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset, SeekOrigin.Current => position + offset, _ => Length + offset,
    };

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (position >= Length || buffer.IsEmpty)
        {
            return 0;
        }

        var (piece, within) = Math.DivRem(position, SealedChunks.SealedBytes);
        var length = SealedChunks.LengthOf(piece, plainLength);
        if (loaded != piece)
        {
            plain.Position = piece * SealedChunks.PlainBytes;
            await plain.ReadExactlyAsync(open.AsMemory(0, length), cancellationToken);
            Seal(piece, length);
        }

        var taken = Math.Min(buffer.Length, length + SealedChunks.TagBytes - (int)within);
        closed.AsMemory((int)within, taken).CopyTo(buffer);
        position += taken;
        return taken;
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            gcm.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Seal(long piece, int length)
    {
        Span<byte> nonce = stackalloc byte[12];
        SealedChunks.Nonce(nonce, piece, plainLength);
        gcm.Encrypt(nonce, open.AsSpan(0, length), closed.AsSpan(0, length), closed.AsSpan(length, SealedChunks.TagBytes));
        loaded = piece;
    }
}

/// <summary>A sealed content, opened as it is read; it can be sought.</summary>
/// <param name="from">The sealed content from one of its bytes on.</param>
/// <param name="length">Of the plain content.</param>
/// <exception cref="InvalidDataException">While it is read: the sealed content is not whole, or was changed.</exception>
internal sealed class OpeningStream(Func<long, CancellationToken, Task<Stream>> from, byte[] key, long length) : ReadOnlyStream
{
    private readonly AesGcm gcm = new(key, SealedChunks.TagBytes);
    private readonly byte[] open = new byte[SealedChunks.PlainBytes];
    private readonly byte[] closed = new byte[SealedChunks.SealedBytes];
    private Stream? source;
    private long next; // piece that the source stands before
    private long loaded = -1;
    private long position;

    public override bool CanSeek => true;

    public override long Length => length;

    public override long Position { get => position; set => position = Math.Clamp(value, 0, length); }

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset, SeekOrigin.Current => position + offset, _ => length + offset,
    };

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (position >= length || buffer.IsEmpty)
        {
            return 0;
        }

        var (piece, within) = Math.DivRem(position, SealedChunks.PlainBytes);
        var size = SealedChunks.LengthOf(piece, length);
        if (loaded != piece)
        {
            await LoadAsync(piece, size, cancellationToken);
        }

        var taken = Math.Min(buffer.Length, size - (int)within);
        open.AsMemory((int)within, taken).CopyTo(buffer);
        position += taken;
        return taken;
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            source?.Dispose();
            gcm.Dispose();
            CryptographicOperations.ZeroMemory(open);
        }

        base.Dispose(disposing);
    }

    private async Task LoadAsync(long piece, int size, CancellationToken ct)
    {
        if (source is null || next != piece)
        {
            source?.Dispose();
            source = await from(piece * SealedChunks.SealedBytes, ct);
            next = piece;
        }

        try
        {
            await source.ReadExactlyAsync(closed.AsMemory(0, size + SealedChunks.TagBytes), ct);
            Open(piece, size);
        }
        catch (Exception e) when (e is EndOfStreamException or CryptographicException)
        {
            throw new InvalidDataException("The stored content is not whole, or was changed.", e);
        }

        (loaded, next) = (piece, piece + 1);
    }

    private void Open(long piece, int size)
    {
        Span<byte> nonce = stackalloc byte[12];
        SealedChunks.Nonce(nonce, piece, length);
        gcm.Decrypt(nonce, closed.AsSpan(0, size), closed.AsSpan(size, SealedChunks.TagBytes), open.AsSpan(0, size));
    }
}
