using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Messages;

/// <summary>
/// How often each key was tried and accepted: 32 bytes a key, whatever its length, so that millions fit. Keys that were
/// accepted more than once are also kept by name.
/// </summary>
/// <param name="keysMax">Further keys are counted in <see cref="Untracked"/> only.</param>
internal sealed class Tally(int keysMax)
{
    /// <summary>Keys accepted more than once that are kept by name; all are in <see cref="RepeatedCount"/>.</summary>
    public const int RepeatedMax = 100_000;

    private readonly record struct Key(ulong A, ulong B);

    private record struct Count(int Tried, int Accepted);

    private readonly Lock _gate = new();
    private readonly Dictionary<Key, Count> _counts = [];
    private readonly Dictionary<string, int> _repeated = [];

    public long RepeatedCount { get; private set; }

    /// <summary>Keys that no longer fitted.</summary>
    public long Untracked { get; private set; }

    public int Distinct
    {
        get
        {
            lock (_gate)
            {
                return _counts.Count;
            }
        }
    }

    /// <summary>Counts a try and returns which it is, from 1.</summary>
    public int Try(string key)
    {
        lock (_gate)
        {
            ref var count = ref Slot(key);
            return Unsafe.IsNullRef(ref count) ? 1 : ++count.Tried;
        }
    }

    public void Accept(string key)
    {
        lock (_gate)
        {
            ref var count = ref Slot(key);
            if (Unsafe.IsNullRef(ref count) || ++count.Accepted < 2)
            {
                return;
            }

            RepeatedCount += count.Accepted == 2 ? 1 : 0;
            if (_repeated.Count < RepeatedMax || _repeated.ContainsKey(key))
            {
                _repeated[key] = count.Accepted;
            }
        }
    }

    public (int Tried, int Accepted) Of(string key)
    {
        lock (_gate)
        {
            return _counts.TryGetValue(KeyOf(key), out var count) ? (count.Tried, count.Accepted) : (0, 0);
        }
    }

    /// <summary>Keys accepted more than once, with how often.</summary>
    public KeyValuePair<string, int>[] Repeated()
    {
        lock (_gate)
        {
            return [.. _repeated.OrderBy(r => r.Key, StringComparer.Ordinal)];
        }
    }

    public void Reset()
    {
        lock (_gate)
        {
            _counts.Clear();
            _repeated.Clear();
            (RepeatedCount, Untracked) = (0, 0);
        }
    }

    private ref Count Slot(string key)
    {
        var hash = KeyOf(key);
        if (_counts.Count >= keysMax && !_counts.ContainsKey(hash))
        {
            Untracked++;
            return ref Unsafe.NullRef<Count>();
        }

        return ref CollectionsMarshal.GetValueRefOrAddDefault(_counts, hash, out _);
    }

    private static Key KeyOf(string key) => new(Draw.Hash(key, 1), Draw.Hash(key, 2));
}
