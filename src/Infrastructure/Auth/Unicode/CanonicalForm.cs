using Bsp.Application.Common;
using System.Globalization;
using System.Reflection;
using System.Text;

namespace Bsp.Infrastructure.Auth.Unicode;

/// <summary>
/// Unicode's canonical forms (UAX #15): <c>é</c> as one character (NFC) or as <c>e</c> with an accent (NFD). One keyboard types the one,
/// another the other. .NET asks ICU for them, which is not on every
/// machine; without it <c>string.Normalize</c> returns what it got. Pure; half surrogates stay as they are.
/// </summary>
public static class CanonicalForm
{
    // Hangul syllables: Unicode Standard §3.12.
    private const int SBase = 0xAC00, LBase = 0x1100, VBase = 0x1161, TBase = 0x11A7;
    private const int LCount = 19, VCount = 21, TCount = 28, SCount = LCount * VCount * TCount;

    private static readonly Dictionary<int, int[]> Parts = [];
    [Bounded("Unicode's own table")]
    private static readonly Dictionary<(int, int), int> Whole = [];
    private static readonly Dictionary<int, byte> Classes = [];

    static CanonicalForm()
    {
        var assembly = Assembly.GetExecutingAssembly();
        using var reader =
            new StreamReader(assembly.GetManifestResourceStream($"{assembly.GetName().Name}.Auth.Unicode.canonical_forms.txt")
            ?? throw new InvalidOperationException("canonical_forms.txt is not embedded."));
        while (reader.ReadLine() is { } line)
        {
            if (line is not ['#', ..])
            {
                Add(line);
            }
        }
    }

    /// <summary>NFC: composed as far as possible.</summary>
    public static string Composed(string text) => Ascii.IsValid(text) ? text : Text(Compose(Decompose(text)));

    /// <summary>NFD: taken apart as far as possible.</summary>
    public static string Decomposed(string text) => Ascii.IsValid(text) ? text : Text(Decompose(text));

    private static void Add(string line)
    {
        if (line.IndexOf("..", StringComparison.Ordinal) is var dots and > 0)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            for (var c = Hex(line[..dots]); c <= Hex(line[(dots + 2)..colon]); c++)
            {
                Classes[c] = byte.Parse(line[(colon + 1)..], CultureInfo.InvariantCulture);
            }

            return;
        }

        var at = line.IndexOfAny(['=', '>']);
        var (whole, parts) = (Hex(line[..at]), line[(at + 1)..].Split(' ').Select(Hex).ToArray());
        Parts[whole] = parts;
        if (line[at] == '=')
        {
            Whole[(parts[0], parts[1])] = whole;
        }
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static List<int> Decompose(string text)
    {
        var points = new List<int>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var pair = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            Take(pair ? char.ConvertToUtf32(text[i], text[++i]) : text[i], points);
        }

        Order(points);
        return points;
    }

    private static void Take(int point, List<int> into)
    {
        if (point is >= SBase and < SBase + SCount)
        {
            var syllable = point - SBase;
            into.Add(LBase + (syllable / (VCount * TCount)));
            into.Add(VBase + (syllable % (VCount * TCount) / TCount));
            if (syllable % TCount > 0)
            {
                into.Add(TBase + (syllable % TCount));
            }
        }
        else if (Parts.TryGetValue(point, out var parts))
        {
            Array.ForEach(parts, part => Take(part, into));
        }
        else
        {
            into.Add(point);
        }
    }

    // Marks after one letter, by their classes; those of one class keep their order.
    private static void Order(List<int> points)
    {
        for (var start = 0; start < points.Count; start++)
        {
            var end = start;
            while (end < points.Count && ClassOf(points[end]) > 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                var sorted = points[start..end].OrderBy(ClassOf).ToList();
                points.RemoveRange(start, end - start);
                points.InsertRange(start, sorted);
            }

            start = Math.Max(start, end);
        }
    }

    private static List<int> Compose(List<int> points)
    {
        var composed = new List<int>(points.Count);
        var (starter, before) = (-1, -1);
        foreach (var point in points)
        {
            var own = ClassOf(point);
            var blocked = before >= own && before != -1 && !(before == 0 && own == 0 && composed.Count - 1 == starter);
            if (starter >= 0 && !blocked && Pair(composed[starter], point) is { } whole)
            {
                composed[starter] = whole;
                continue;
            }

            if (own == 0)
            {
                starter = composed.Count;
            }

            before = own;
            composed.Add(point);
        }

        return composed;
    }

    private static int? Pair(int first, int second) =>
        first is >= LBase and < LBase + LCount && second is >= VBase and < VBase + VCount
            ? SBase + ((((first - LBase) * VCount) + second - VBase) * TCount)
        : first is >= SBase and < SBase + SCount && (first - SBase) % TCount == 0 && second is > TBase and < TBase + TCount
            ? first + second - TBase
        : Whole.TryGetValue((first, second), out var whole) ? whole : null;

    private static byte ClassOf(int point) => Classes.GetValueOrDefault(point);

    private static string Text(List<int> points)
    {
        var text = new StringBuilder(points.Count);
        foreach (var point in points)
        {
            _ = point < 0x10000 ? text.Append((char)point) : text.Append(char.ConvertFromUtf32(point));
        }

        return text.ToString();
    }
}
