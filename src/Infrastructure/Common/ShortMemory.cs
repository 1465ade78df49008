using Microsoft.Extensions.Caching.Memory;

namespace Bsp.Infrastructure.Common;

/// <summary>Answers of the directory by a secret's hash, remembered for less than a second, so that a burst of calls asks the database once and a change made elsewhere is seen within one.</summary>
/// <param name="load">Null: there is none; that is remembered too.</param>
public sealed class ShortMemory<T>(Func<string, Task<T?>> load) : IDisposable where T : class
{
    private const int RememberedMax = 10_000;
    private static readonly TimeSpan RememberedFor = TimeSpan.FromMilliseconds(900);

    private readonly MemoryCache remembered = new(new MemoryCacheOptions { SizeLimit = RememberedMax, CompactionPercentage = 0.5 });

    public async ValueTask<T?> FindAsync(string hash, CancellationToken ct)
    {
        // The look-up itself is remembered. It runs for all who wait for it, hence without the caller's token.
        var lookup = remembered.GetOrCreate(hash, entry =>
        {
            entry.SetSize(1).SetAbsoluteExpiration(RememberedFor);
            return new Lazy<Task<T?>>(() => load(hash));
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

    public void Dispose() => remembered.Dispose();
}
