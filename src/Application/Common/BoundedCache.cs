using System.Diagnostics.CodeAnalysis;

namespace Bsp.Application.Common;

/// <summary>
/// Remembers answers for a while, in bounded memory: what was not asked for is dropped first. Two generations: when the young one has half
/// of the bytes, it becomes the old one and the old one is dropped.
/// Thread-safe.
/// </summary>
/// <param name="name">Of <see cref="IBoundedMemory"/>.</param>
/// <param name="bytesMax">Of keys and values together.</param>
/// <param name="bytesOf">Of one entry without the dictionary's own share.</param>
public sealed class BoundedCache<TKey, TValue>(string name, long bytesMax, Func<TKey, TValue, long> bytesOf, TimeProvider clock)
    : IBoundedMemory
    where TKey : notnull
{
    // An entry of a Dictionary with its bucket, and the time beside the value.
    private const long EntryBytes = 64;

    private readonly Lock gate = new();

    [Bounded("two generations of half of bytesMax each")]
    private Dictionary<TKey, Entry> young = [];

    [Bounded("two generations of half of bytesMax each")]
    private Dictionary<TKey, Entry> old = [];

    private long youngBytes;
    private long oldBytes;

    private readonly record struct Entry(TValue Value, long Bytes, DateTimeOffset Until);

    public string Name => name;

    public long BytesMax => bytesMax;

    public long BytesNow
    {
        get
        {
            lock (gate)
            {
                return youngBytes + oldBytes;
            }
        }
    }

    /// <summary>What was put there and has not ended.</summary>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        lock (gate)
        {
            var found = young.TryGetValue(key, out var entry);
            if (!found && old.Remove(key, out entry))
            {
                oldBytes -= entry.Bytes;
                found = true;
                if (entry.Until > clock.GetUtcNow())
                {
                    Add(key, entry);
                }
            }

            value = entry.Value;
            return found && entry.Until > clock.GetUtcNow();
        }
    }

    /// <summary>Remembers it; what alone takes more than a quarter of all bytes is not kept.</summary>
    public void Put(TKey key, TValue value, TimeSpan lasts)
    {
        var bytes = EntryBytes + bytesOf(key, value);
        lock (gate)
        {
            Forget(key);
            if (bytes <= bytesMax / 4)
            {
                Add(key, new(value, bytes, clock.GetUtcNow() + lasts));
            }
        }
    }

    /// <summary>Forgets it.</summary>
    public void Remove(TKey key)
    {
        lock (gate)
        {
            Forget(key);
        }
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        lock (gate)
        {
            (young, old, youngBytes, oldBytes) = ([], [], 0, 0);
        }
    }

    private void Forget(TKey key)
    {
        youngBytes -= young.Remove(key, out var known) ? known.Bytes : 0;
        oldBytes -= old.Remove(key, out var former) ? former.Bytes : 0;
    }

    private void Add(TKey key, Entry entry)
    {
        if (youngBytes + entry.Bytes > bytesMax / 2)
        {
            (old, oldBytes, young, youngBytes) = (young, youngBytes, [], 0);
        }

        young[key] = entry;
        youngBytes += entry.Bytes;
    }
}
