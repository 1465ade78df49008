namespace Bsp.MetaSimulator.Webhooks;

/// <summary>Counts what the receiver has not accepted yet, and says when that is nothing.</summary>
internal sealed class Backlog
{
    /// <summary>
    /// Bytes of POSTs not yet accepted; beyond it nothing new is gathered, so memory stays bounded while a receiver is down.
    /// </summary>
    private const long BytesMax = 256L * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly List<TaskCompletionSource> _waiters = [];
    private long _updates;
    private long _bytes;

    /// <summary>Updates due later, on the way or refused so far.</summary>
    public long Updates => Interlocked.Read(ref _updates);

    public bool IsHeavy => Interlocked.Read(ref _bytes) >= BytesMax;

    public void Add(int updates) => Interlocked.Add(ref _updates, updates);

    public void AddBytes(int bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>True when this ended a standstill: gathering may go on.</summary>
    public bool RemoveBytes(int bytes) => Interlocked.Add(ref _bytes, -bytes) is var left && left < BytesMax && left + bytes >= BytesMax;

    public void Remove(long updates)
    {
        if (Interlocked.Add(ref _updates, -updates) > 0)
        {
            return;
        }

        lock (_gate)
        {
            _waiters.ForEach(w => w.TrySetResult());
            _waiters.Clear();
        }
    }

    /// <summary>Ends when nothing is left; at once when that is so already.</summary>
    public Task WhenEmpty(CancellationToken ct)
    {
        var empty = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _waiters.Add(empty);
        }

        Remove(0);
        return empty.Task.WaitAsync(ct);
    }
}
