using Bsp.Application.Common;

namespace Bsp.Api.Common;

/// <summary>What a packed body unpacks to, up to a bound: a few KB can stand for gigabytes.</summary>
internal sealed class UnpackedStream(Stream packed, long bytesMax) : ReadOnlyStream
{
    private long read;

    public override long Position { get => read; set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count)
    {
        try
        {
            return Counted(packed.Read(buffer, offset, count));
        }
        catch (InvalidDataException)
        {
            throw Broken();
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return Counted(await packed.ReadAsync(buffer, cancellationToken));
        }
        catch (InvalidDataException)
        {
            throw Broken();
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            packed.Dispose();
        }

        base.Dispose(disposing);
    }

    private static Problem Broken() => new(400, "request.malformed", "The body is not gzip, as Content-Encoding says.");

    private int Counted(int bytes) =>
        (read += bytes) <= bytesMax ? bytes
            : throw new Problem(413, "request.too_large", $"The body unpacks to more than {bytesMax} bytes.");
}
