using System.Security.Cryptography;

namespace Bsp.Application.Common;

/// <summary>Passes bytes through and remembers how many they were and their SHA-256. The stream below stays open.</summary>
public sealed class HashedStream(Stream inner) : ReadOnlyStream
{
    private const int BufferBytes = 64 * 1024;
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Bytes read.</summary>
    public long Count { get; private set; }

    /// <summary>Hex SHA-256 of the bytes read.</summary>
    public string Sha256 => Convert.ToHexStringLower(hash.GetCurrentHash());

    public override long Position { get => Count; set => throw new NotSupportedException(); }

    /// <summary>Hex SHA-256 of all bytes; what was not read yet is read now.</summary>
    public async Task<string> Sha256OfAllAsync(CancellationToken ct)
    {
        var buffer = new byte[BufferBytes];
        while (await ReadAsync(buffer, ct) > 0)
        {
        }

        return Sha256;
    }

    public override int Read(byte[] buffer, int offset, int count) => Seen(buffer.AsSpan(offset, count), inner.Read(buffer, offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer, cancellationToken);
        return Seen(buffer.Span, read);
    }

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
        Count += read;
        return read;
    }
}
