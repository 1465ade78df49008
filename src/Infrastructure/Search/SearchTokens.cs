using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Bsp.Infrastructure.Search;

/// <summary>
/// What the index holds of a text: four bytes of the HMAC of each part of its words, under the organization's own key. A neighbour's words
/// give other tokens.
/// </summary>
internal static class SearchTokens
{
    /// <summary>Of one text, at most.</summary>
    public const int Max = 2_048;

    private const int Gram = 3;

    /// <summary>Of a text that is to be found.</summary>
    public static int[] Of(byte[] key, IEnumerable<FoldedWord> words) => Hash(key, words.SelectMany(Parts).Distinct().Take(Max));

    /// <summary>Which a text must have, so that it may be what is looked for.</summary>
    public static int[] Wanted(byte[] key, IEnumerable<FoldedWord> words) => Hash(key, words.SelectMany(Sought).Distinct().Take(Max));

    /// <summary>
    /// The text is what is looked for: it has every word, a short one as the beginning of one of its own, a longer one anywhere.
    /// </summary>
    public static bool Matches(IReadOnlyCollection<FoldedWord> text, IEnumerable<FoldedWord> wanted) =>
        wanted.All(w => text.Any(word => word.Kind == w.Kind && w.Kind switch
    {
        WordKind.Sign => word.Text == w.Text,
        WordKind.Dense => word.Text.Contains(w.Text, StringComparison.Ordinal),
        _ => w.Text.Length < Gram ? word.Text.StartsWith(w.Text, StringComparison.Ordinal)
        : word.Text.Contains(w.Text, StringComparison.Ordinal),
    }));

    private static IEnumerable<(WordKind, string)> Parts(FoldedWord word)
    {
        switch (word.Kind)
        {
            case WordKind.Sign:
                return [(word.Kind, word.Text)];
            case WordKind.Dense:
                var runes = word.Text.EnumerateRunes().Select(r => r.ToString()).ToList();
                return runes.Concat(runes.Zip(runes.Skip(1), (a, b) => a + b)).Select(part => (word.Kind, part));
            default:
                return Grams($"  {word.Text} ");
        }
    }

    private static IEnumerable<(WordKind, string)> Sought(FoldedWord word)
    {
        switch (word.Kind)
        {
            case WordKind.Sign:
                return [(word.Kind, word.Text)];
            case WordKind.Dense:
                var runes = word.Text.EnumerateRunes().Select(r => r.ToString()).ToList();
                return (runes.Count == 1 ? runes : runes.Zip(runes.Skip(1), (a, b) => a + b)).Select(part => (word.Kind, part));
            default:
                return Grams(word.Text.Length < Gram ? $"  {word.Text}" : word.Text);
        }
    }

    private static IEnumerable<(WordKind, string)> Grams(string text) =>
        Enumerable.Range(0, text.Length - Gram + 1).Select(i => (WordKind.Plain, new string([text[i], text[i + 1], text[i + 2]])));

    private static int[] Hash(byte[] key, IEnumerable<(WordKind Kind, string Part)> parts)
    {
        Span<byte> text = stackalloc byte[32];
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var tokens = new List<int>();
        foreach (var (kind, part) in parts)
        {
            text[0] = (byte)kind;
            var length = Encoding.UTF8.GetBytes(part, text[1..]);
            HMACSHA256.HashData(key, text.Slice(0, length + 1), hash);
            tokens.Add(BinaryPrimitives.ReadInt32BigEndian(hash));
        }

        return [.. tokens.Distinct()];
    }
}
