using Bsp.Infrastructure.Redis;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// <c>lock:contact:{contact_id}</c> around long changes of a contact (merge, erase). Saves repeated work; what must not happen twice is
/// decided in PostgreSQL, so nobody waits long for it.
/// </summary>
public sealed partial class ContactLocks(Locks locks, ILogger<ContactLocks> log)
{
    private static readonly TimeSpan HeldAtMost = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);

    /// <summary>Holds the locks of all, in the order of their ids; after three seconds, or without Redis, goes on without.</summary>
    public async Task<IAsyncDisposable> HoldAsync(IEnumerable<Guid> contactIds, CancellationToken ct)
    {
        var all = new Held();
        var deadline = DateTime.UtcNow + Patience;
        try
        {
            foreach (var id in contactIds.Distinct().Order())
            {
                if (await TryAsync(id, deadline, ct) is { } held)
                {
                    all.Locks.Add(held);
                }
            }
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            LogAway(e.Message);
        }
        catch
        {
            await all.DisposeAsync();
            throw;
        }

        return all;
    }

    private async Task<HeldLock?> TryAsync(Guid id, DateTime deadline, CancellationToken ct)
    {
        while (true)
        {
            if (await locks.TryContactAsync(id, HeldAtMost, ct) is { } held)
            {
                return held;
            }

            if (DateTime.UtcNow > deadline)
            {
                return null;
            }

            await Task.Delay(LookEvery, ct);
        }
    }

    private sealed class Held : IAsyncDisposable
    {
        public List<HeldLock> Locks { get; } = [];

        public async ValueTask DisposeAsync()
        {
            foreach (var held in Locks)
            {
                await held.DisposeAsync();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "contact locks: Redis is away ({Reason}); going on without")]
    private partial void LogAway(string reason);
}
