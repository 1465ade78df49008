using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Caching.Memory;

namespace Bsp.Infrastructure.Common;

/// <summary>
/// Answers of the directory by a secret's hash, remembered for less than a second, so that a burst of calls asks the database once and a
/// change made elsewhere is seen within one.
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

    private readonly SemaphoreSlim lookups = new(LookupsAtOnce, LookupsAtOnce);

    [Bounded("10,000 entries of 1 KB, each for 0.9 s")]
    private readonly MemoryCache remembered = new(new MemoryCacheOptions { SizeLimit = RememberedMax, CompactionPercentage = 0.5 });

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
    public void Forget() => remembered.Clear();

    /// <summary>What it takes.</summary>
    public IBoundedMemory Memory => new BoundedMemory(name, RememberedMax * EntryBytes, () => (long)remembered.Count * EntryBytes);

    public void Dispose()
    {
        remembered.Dispose();
        lookups.Dispose();
    }

    private async Task<T?> LoadAsync(string hash)
    {
        Work.Is(WorkKind.People);
        await lookups.WaitAsync();
        try
        {
            return await load(hash);
        }
        finally
        {
            lookups.Release();
        }
    }
}
