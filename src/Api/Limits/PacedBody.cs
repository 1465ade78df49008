using Bsp.Api.Common;
using Bsp.Application.Common;

namespace Bsp.Api.Limits;

/// <summary>
/// A request's body that ends with 408 <c>request.too_slow</c> when it comes more slowly than its <see cref="Pace"/>. Kestrel's own minimum
/// rate says nothing of HTTP/2, and nothing of the whole.
/// </summary>
internal sealed class PacedBody(Stream inner, Pace pace, TimeProvider clock) : ReadOnlyStream
{
    private long? began; // with the first read: whoever had to wait for a turn was not slow
    private long count;

    public override long Position { get => count; set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var left = pace.Deadline(count) - clock.GetElapsedTime(began ??= clock.GetTimestamp());
        if (left <= TimeSpan.Zero)
        {
            throw TooSlow(pace);
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
            throw TooSlow(pace);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Bodies are read asynchronously.");

    /// <summary>What the caller is told.</summary>
    internal static Problem TooSlow(Pace pace, int status = 408, int? retryAfterSeconds = null) => new(status, "request.too_slow",
        $"The body came too slowly: after {pace.Grace.TotalSeconds:0} s it must come at {pace.BytesPerSecond} bytes a second, and whole within {pace.Total.TotalSeconds:0} s. Nothing was done.",
        retryAfterSeconds: retryAfterSeconds);
}
