using Bsp.Api.Common;
using Bsp.Application.Common;

namespace Bsp.Api.Limits;

/// <summary>A request's body that ends with 408 <c>request.too_slow</c> when it comes more slowly than its <see cref="Pace"/>. Kestrel's own minimum rate says nothing of HTTP/2, and nothing of the whole.</summary>
internal sealed class PacedBody(Stream inner, Pace pace, TimeProvider clock) : Stream
{
    private readonly long began = clock.GetTimestamp();
    private long count;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => count; set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var left = pace.Deadline(count) - clock.GetElapsedTime(began);
        if (left <= TimeSpan.Zero)
        {
            throw TooSlow();
        }

        using var due = new CancellationTokenSource(left, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(due.Token, cancellationToken);
        try
        {
            var read = await inner.ReadAsync(buffer, either.Token);
            count += read;
            return read;
        }
        catch (OperationCanceledException) when (due.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw TooSlow();
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Bodies are read asynchronously.");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private Problem TooSlow() => new(408, "request.too_slow",
        $"The body came too slowly: after {pace.Grace.TotalSeconds:0} s it must come at {pace.BytesPerSecond} bytes a second, and whole within {pace.Total.TotalSeconds:0} s. Nothing was done.");
}
