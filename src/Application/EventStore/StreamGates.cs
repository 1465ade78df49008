namespace Bsp.Application.EventStore;

/// <summary>
/// Lets the callers of one stream in this process go one after another, in the order of their coming. A gate exists only while somebody
/// stands at it, so memory is bounded by the callers.
/// </summary>
internal static class StreamGates
{
    private sealed class Gate
    {
        public SemaphoreSlim Turn { get; } = new(1, 1);

        public int Callers { get; set; }
    }

    [Common.Bounded("one a stream at which callers stand")]
    private static readonly Dictionary<(IEventStore, Guid, Guid), Gate> Gates = [];

    /// <summary>Waits for the turn; disposing the answer passes it on.</summary>
    public static async ValueTask<IDisposable> EnterAsync(IEventStore store, Guid organizationId, Guid streamId, CancellationToken ct)
    {
        var key = (store, organizationId, streamId);
        Gate? gate;
        lock (Gates)
        {
            if (!Gates.TryGetValue(key, out gate))
            {
                Gates[key] = gate = new();
            }

            gate.Callers++;
        }

        try
        {
            await gate.Turn.WaitAsync(ct);
        }
        catch
        {
            Leave(key, gate);
            throw;
        }

        return new Pass(key, gate);
    }

    private static void Leave((IEventStore, Guid, Guid) key, Gate gate)
    {
        lock (Gates)
        {
            if (--gate.Callers == 0)
            {
                Gates.Remove(key);
            }
        }
    }

    private sealed class Pass((IEventStore, Guid, Guid) key, Gate gate) : IDisposable
    {
        public void Dispose()
        {
            gate.Turn.Release();
            Leave(key, gate);
        }
    }
}
