using System.Diagnostics;
using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Caching.Memory;

namespace Bsp.Infrastructure.Common;

/// <summary>
/// Answers of the directory by a secret's hash, remembered for less than a second, so that a burst of calls asks the database once and a
/// change made elsewhere is seen within one. While the directory does not answer, what it said last holds for some minutes: nothing can be
/// changed in it meanwhile.
/// </summary>
/// <param name="name">Of <see cref="IBoundedMemory"/>.</param>
/// <param name="load">Null: there is none; that is remembered too.</param>
public sealed class ShortMemory<T>(string name, Func<string, Task<T?>> load) : IDisposable where T : class
{
    private const int RememberedMax = 10_000;

    // A hash, the answer or the way to it, and the cache's own entry.
    private const int EntryBytes = 1_024;

    // Anybody may name any secret: so many look-ups at once, so that a flood of made-up ones leaves connections to everybody else.
    private const int LookupsAtOnce = 8;

    private static readonly TimeSpan RememberedFor = TimeSpan.FromMilliseconds(900);

    // Only what was true at the directory's last answer, about: a key that nobody used here for a while may have been revoked since.
    private static readonly TimeSpan HeldFor = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan CurrentWithin = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim lookups = new(LookupsAtOnce, LookupsAtOnce);

    [Bounded("10,000 entries of 1 KB, each for 0.9 s")]
    private readonly MemoryCache remembered = new(new MemoryCacheOptions { SizeLimit = RememberedMax, CompactionPercentage = 0.5 });

    private long answeredAt;

    [Bounded("10,000 entries of 1 KB, each for 10 minutes")]
    private readonly MemoryCache held = new(new MemoryCacheOptions { SizeLimit = RememberedMax, CompactionPercentage = 0.5 });

    public async ValueTask<T?> FindAsync(string hash, CancellationToken ct)
    {
        // The look-up itself is remembered. It runs for all who wait for it, hence without the caller's token.
        var lookup = remembered.GetOrCreate(hash, entry =>
        {
            entry.SetSize(1).SetAbsoluteExpiration(RememberedFor);
            return new Lazy<Task<T?>>(() => LoadAsync(hash));
        })!;
        try
        {
            return lookup.Value.IsCompletedSuccessfully ? lookup.Value.Result : await lookup.Value.WaitAsync(ct);
        }
        catch when (lookup.Value.IsFaulted)
        {
            remembered.Remove(hash);
            throw;
        }
    }

    /// <summary>Asks the database again for everything: something was changed in this process.</summary>
    public void Forget()
    {
        remembered.Clear();
        held.Clear();
    }

    /// <summary>What it takes.</summary>
    public IBoundedMemory Memory => new BoundedMemory(name, 2 * RememberedMax * EntryBytes,
        () => ((long)remembered.Count + held.Count) * EntryBytes);

    public void Dispose()
    {
        remembered.Dispose();
        held.Dispose();
        lookups.Dispose();
    }

    private async Task<T?> LoadAsync(string hash)
    {
        Work.Is(WorkKind.People);
        await lookups.WaitAsync();
        try
        {
            var found = await load(hash);
            var now = Stopwatch.GetTimestamp();
            Volatile.Write(ref answeredAt, now);
            held.Remove(hash);
            return found is null ? null : held.Set(hash, new Held(found, now),
                new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = HeldFor }).Answer;
        }
        catch (Exception away) when (StoreTrouble.Is(away) && held.Get<Held>(hash) is { } last
            && Stopwatch.GetElapsedTime(last.At, Volatile.Read(ref answeredAt)) < CurrentWithin)
        {
            return last.Answer;
        }
        finally
        {
            lookups.Release();
        }
    }

    private sealed record Held(T Answer, long At);
}
