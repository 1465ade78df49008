namespace Bsp.MetaSimulator.Common;

/// <summary>Chance without a clock: the same seed and key always draw the same number, whatever the time or the thread.</summary>
internal static class Draw
{
    /// <summary>Whether the key falls among the unlucky <paramref name="rate"/> (0–1).</summary>
    /// <param name="purpose">Keeps independent questions independent: a message that times out is not also always a duplicate.</param>
    /// <param name="attempt">From 1; a repeat of the same message draws afresh.</param>
    public static bool Hits(double rate, int seed, string purpose, string key, int attempt) =>
        rate > 0 && Fraction(seed, purpose, key, attempt) < rate;

    /// <summary>A number in [0, 1).</summary>
    public static double Fraction(int seed, string purpose, string key, int attempt) =>
        (Hash(key, Hash(purpose, (ulong)(uint)seed) + (ulong)attempt) >> 11) / (double)(1UL << 53);

    /// <summary>FNV-1a over UTF-16 units, finished by <see cref="Mix"/>.</summary>
    public static ulong Hash(ReadOnlySpan<char> text, ulong seed)
    {
        var hash = 14695981039346656037UL ^ Mix(seed);
        foreach (var unit in text)
        {
            hash = (hash ^ unit) * 1099511628211UL;
        }

        return Mix(hash);
    }

    /// <summary>A bijection of 64-bit numbers (splitmix64's finaliser): distinct inputs give distinct outputs.</summary>
    public static ulong Mix(ulong value)
    {
        value += 0x9e3779b97f4a7c15UL;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9UL;
        value = (value ^ (value >> 27)) * 0x94d049bb133111ebUL;
        return value ^ (value >> 31);
    }

    /// <summary>Decimal digits derived from the text, for ids and numbers that must be the same in every run.</summary>
    public static string Digits(string text, ulong purpose, int count) =>
        (Hash(text, purpose) % (ulong)Math.Pow(10, count)).ToString("D" + count, null);
}
