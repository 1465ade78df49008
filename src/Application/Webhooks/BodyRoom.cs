using Bsp.Application.Common;

namespace Bsp.Application.Webhooks;

/// <summary>
/// Memory for bodies of which nobody knows yet whether Meta signed them. Room is taken as bytes come, not as they are announced, so who
/// sends nothing holds nothing. When all of it is taken, who has sent
/// nothing for a moment goes first, beginning with the address that holds most: a body that arrives at once is never the one that stalled.
/// Who keeps sending a little at a time holds no more than an equal share of all addresses while others want theirs.
/// </summary>
public sealed class BodyRoom(TimeProvider clock) : IBoundedMemory
{
    /// <summary>All bodies that are being read, together: three of the largest, or eight thousand of the usual ones.</summary>
    public const long BytesAtOnce = 32 * 1024 * 1024;

    /// <summary>Nothing came for so long: what such a body holds may go to others.</summary>
    public static readonly TimeSpan Stalled = TimeSpan.FromMilliseconds(250);

    private readonly Lock gate = new();

    [Bounded("bodies that hold room: at most BytesAtOnce by 4 KB each")]
    private readonly HashSet<Holder> holders = [];

    [Bounded("one an address of which a body holds room")]
    private readonly Dictionary<string, long> byAddress = [];

    private TaskCompletionSource freed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long free = BytesAtOnce;

    public string Name => "webhook_bodies_unverified";

    public long BytesMax => BytesAtOnce;

    public long BytesNow => BytesAtOnce - Volatile.Read(ref free);

    /// <summary>For one body. It holds nothing until it grows.</summary>
    /// <param name="address">Whose; null: unknown, which counts as one address.</param>
    public Holder Enter(string? address) => new(this, address ?? "");

    private async Task<bool> GrowAsync(Holder holder, long wanted, CancellationToken ct)
    {
        while (true)
        {
            Task next;
            lock (gate)
            {
                if (holder.Evicted.IsCancellationRequested)
                {
                    return false;
                }

                var more = wanted - holder.Bytes;
                while (more > free && (Victim(holder) ?? Glutton(holder, more)) is { } victim)
                {
                    Evict(victim);
                }

                if (more <= free)
                {
                    free -= more;
                    byAddress[holder.Address] = byAddress.GetValueOrDefault(holder.Address) + more;
                    holder.Bytes = wanted;
                    holder.Seen = clock.GetTimestamp();
                    holders.Add(holder);
                    return true;
                }

                next = freed.Task;
            }

            await Task.WhenAny(next, Task.Delay(Stalled, clock, ct)); // who came last may have stalled meanwhile
            ct.ThrowIfCancellationRequested();
        }
    }

    // Looked for only when the room is full, but then for every piece of every body: one walk, nothing made.
    private Holder? Victim(Holder asking)
    {
        var now = clock.GetTimestamp();
        Holder? victim = null;
        long most = 0;
        foreach (var holder in holders)
        {
            if (ReferenceEquals(holder, asking) || clock.GetElapsedTime(holder.Seen, now) <= Stalled)
            {
                continue;
            }

            var ofAddress = byAddress[holder.Address];
            if (victim is null || ofAddress > most || (ofAddress == most && holder.Seen < victim.Seen))
            {
                (victim, most) = (holder, ofAddress);
            }
        }

        return victim;
    }

    // Somebody asks for what their address may have in any case: it comes from an address that has more than that, though it is at work.
    private Holder? Glutton(Holder asking, long more)
    {
        var own = byAddress.GetValueOrDefault(asking.Address);
        var share = BytesAtOnce / (byAddress.Count + (own == 0 ? 1 : 0));
        if (own + more > share)
        {
            return null;
        }

        Holder? victim = null;
        long most = 0;
        foreach (var holder in holders)
        {
            var ofAddress = byAddress[holder.Address];
            if (ofAddress > share && holder.Address != asking.Address
                && (victim is null || ofAddress > most || (ofAddress == most && holder.Bytes > victim.Bytes)))
            {
                (victim, most) = (holder, ofAddress);
            }
        }

        return victim;
    }

    private void Evict(Holder victim)
    {
        Return(victim);
        victim.Evict();
    }

    private void Leave(Holder holder)
    {
        lock (gate)
        {
            Return(holder);
            Interlocked.Exchange(ref freed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }
    }

    private void Return(Holder holder)
    {
        free += holder.Bytes;
        if (holders.Remove(holder) && (byAddress[holder.Address] -= holder.Bytes) == 0)
        {
            byAddress.Remove(holder.Address);
        }

        holder.Bytes = 0;
    }

    /// <summary>What one body holds, until it is disposed of.</summary>
    public sealed class Holder(BodyRoom room, string address) : IDisposable
    {
        private readonly CancellationTokenSource evicted = new();

        /// <summary>Cancelled when its room went to others.</summary>
        public CancellationToken Evicted => evicted.Token;

        internal string Address => address;

        internal long Bytes { get; set; }

        internal long Seen { get; set; }

        /// <summary>Takes room until it holds so many bytes, waiting while there is none. False: what it held went to others.</summary>
        /// <exception cref="OperationCanceledException">The caller gave up.</exception>
        public Task<bool> GrowToAsync(long bytes, CancellationToken ct) => room.GrowAsync(this, bytes, ct);

        /// <summary>Bytes came.</summary>
        public void Progressed() => Seen = room.Now();

        public void Dispose()
        {
            room.Leave(this);
            evicted.Dispose();
        }

        // Not under the lock's thread: what waits for the token goes on elsewhere.
        internal void Evict() => _ = evicted.CancelAsync();
    }

    private long Now() => clock.GetTimestamp();
}
