using System.Buffers;
using System.IO.Pipelines;
using Bsp.Application.Webhooks;

namespace Bsp.Api.Limits;

/// <summary>How the reading of a body ended.</summary>
internal enum BodyEnd
{
    /// <summary>All of it is here.</summary>
    Whole,

    /// <summary>It came more slowly than its <see cref="Pace"/>.</summary>
    TooSlow,

    /// <summary>Its room went to others, or it is larger than anybody's.</summary>
    NoRoom,
}

/// <summary>
/// The body of somebody who has not shown who they are, read whole at a <see cref="Pace"/> into room that is taken as bytes come. A hundred
/// of them a second come too slowly on purpose: that is told by
/// a value, not by an exception through all that stands around the endpoint, and the bytes lie in buffers that are used again.
/// </summary>
internal sealed class StrangersBody(HttpRequest request, BodyRoom.Holder held, int bytesMax, TimeProvider clock) : IDisposable
{
    // Of most webhooks that is all.
    private const int FirstBytes = 4_096;

    private byte[] buffer = [];
    private int capacity;
    private int used;

    /// <summary>What came; good until it is disposed of.</summary>
    public ReadOnlyMemory<byte> Bytes => buffer.AsMemory(0, used);

    public async Task<BodyEnd> ReadAsync(Pace pace, CancellationToken ct)
    {
        var reader = request.BodyReader;
        var began = clock.GetTimestamp();
        await using var due =
            clock.CreateTimer(static reader =>
                ((PipeReader)reader!).CancelPendingRead(), reader, pace.Deadline(0), Timeout.InfiniteTimeSpan);
        await using var evicted = held.Evicted.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), reader);
        while (true)
        {
            // Given up in the middle of a read: then the server closes the connection after the answer, instead of waiting 5 s for the
            // rest.
            var read = await reader.ReadAsync(ct);
            if (held.Evicted.IsCancellationRequested || !await KeepAsync(read.Buffer, ct))
            {
                return BodyEnd.NoRoom;
            }

            var left = pace.Deadline(used) - clock.GetElapsedTime(began);
            if (!read.IsCompleted && left <= TimeSpan.Zero)
            {
                return BodyEnd.TooSlow;
            }

            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return BodyEnd.Whole;
            }

            due.Change(left, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref buffer, []) is { Length: > 0 } mine)
        {
            ArrayPool<byte>.Shared.Return(mine);
        }
    }

    private async Task<bool> KeepAsync(ReadOnlySequence<byte> bytes, CancellationToken ct)
    {
        if (bytes.IsEmpty)
        {
            return true;
        }

        held.Progressed();
        while (!bytes.IsEmpty)
        {
            if (used == capacity && !await GrowAsync(ct))
            {
                return false;
            }

            var piece = bytes.Slice(0, Math.Min(bytes.Length, capacity - used));
            piece.CopyTo(buffer.AsSpan(used));
            used += (int)piece.Length;
            bytes = bytes.Slice(piece.End);
        }

        return true;
    }

    // There is room only when there are bytes to put into it, and it grows by fours: what is announced costs nothing.
    private async Task<bool> GrowAsync(CancellationToken ct)
    {
        var wanted = (int)Math.Min(request.ContentLength ?? bytesMax, Math.Max(FirstBytes, 4L * capacity));
        if (wanted <= capacity || !await held.GrowToAsync(wanted, ct))
        {
            return false;
        }

        var larger = ArrayPool<byte>.Shared.Rent(wanted);
        Bytes.Span.CopyTo(larger);
        Dispose();
        (buffer, capacity) = (larger, wanted);
        return true;
    }
}
