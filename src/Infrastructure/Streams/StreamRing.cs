using Bsp.Application.Common;
using Bsp.Application.Streams;

namespace Bsp.Infrastructure.Streams;

/// <summary>
/// The latest frames of one organization, shared by all who follow it: each keeps a place in it, and nobody's slowness keeps anything.
/// </summary>
internal sealed class StreamRing
{
    public const int FramesMax = 1_024;
    public const int BytesMax = 256 * 1024;

    private readonly Lock gate = new();
    [Bounded("1,024 frames and 256 KB")]
    private readonly Queue<StreamFrame> frames = new();
    private TaskCompletionSource more = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long bytes;
    private long first; // number of the oldest frame
    private long next;

    /// <summary>Who follow; only the hub changes it.</summary>
    public int Followers { get; set; }

    public Task More => Volatile.Read(ref more).Task;

    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>Number that the next frame gets.</summary>
    public long Next
    {
        get
        {
            lock (gate)
            {
                return next;
            }
        }
    }

    public void Add(IReadOnlyList<StreamFrame> added)
    {
        if (added.Count == 0)
        {
            return;
        }

        lock (gate)
        {
            foreach (var frame in added)
            {
                frames.Enqueue(frame);
                bytes += frame.Bytes.Length;
                next++;
            }

            while (frames.Count > FramesMax || (bytes > BytesMax && frames.Count > 1))
            {
                bytes -= frames.Dequeue().Bytes.Length;
                first++;
            }
        }

        Interlocked.Exchange(ref more, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    /// <summary>Frames from a number on; null: some of them have left.</summary>
    public IReadOnlyList<StreamFrame>? Read(ref long from)
    {
        lock (gate)
        {
            if (from < first)
            {
                return null;
            }

            var skip = (int)(from - first);
            from = next;
            return skip == frames.Count ? [] : [.. frames.Skip(skip)];
        }
    }
}
