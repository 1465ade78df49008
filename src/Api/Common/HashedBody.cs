using System.Security.Cryptography;

namespace Bsp.Api.Common;

/// <summary>A request's body that remembers the SHA-256 of what was read of it.</summary>
internal sealed class HashedBody(Stream body) : Stream
{
    private const int BufferBytes = 64 * 1024;
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Hex SHA-256 of the whole body; what was not read yet is read now.</summary>
    public async Task<string> Sha256Async(CancellationToken ct)
    {
        var buffer = new byte[BufferBytes];
        while (await ReadAsync(buffer, ct) > 0)
        {
        }

        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    public override int Read(byte[] buffer, int offset, int count) => Seen(buffer.AsSpan(offset, count), body.Read(buffer, offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await body.ReadAsync(buffer, cancellationToken);
        return Seen(buffer.Span, read);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Seen(ReadOnlySpan<byte> buffer, int read)
    {
        hash.AppendData(buffer[..read]);
        return read;
    }
}
