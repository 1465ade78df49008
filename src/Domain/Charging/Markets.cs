namespace Bsp.Domain.Charging;

/// <summary>One line of the table of markets: numbers that begin so belong to a market from a day on.</summary>
/// <param name="Prefix">Digits after the '+'; empty: every number that no other line names.</param>
/// <param name="Countries">ISO 3166-1 alpha-2, separated by ';': for people whom Meta names by a business-scoped user id. May be
/// empty.</param>
/// <param name="From">From this moment on, until a later line of the same prefix.</param>
public sealed record MarketLine(string Prefix, string Countries, string Market, DateTimeOffset From);

/// <summary>Which market a recipient belongs to: the longest prefix that holds at the moment decides.</summary>
public sealed class Markets
{
    /// <summary>Digits that a prefix has at most; what is kept of a recipient's number for charging is no longer.</summary>
    public const int PrefixDigitsMax = 4;

    private readonly Dictionary<string, MarketLine[]> byPrefix;
    private readonly Dictionary<string, string> prefixOfCountry = new(StringComparer.Ordinal);

    public Markets(IEnumerable<MarketLine> lines)
    {
        byPrefix = lines.GroupBy(l => l.Prefix).ToDictionary(g => g.Key, g => g.OrderBy(l => l.From).ToArray(), StringComparer.Ordinal);
        foreach (var line in byPrefix.Values.SelectMany(l => l).OrderBy(l => l.Prefix.Length).ThenBy(l => l.Prefix, StringComparer.Ordinal))
        {
            foreach (var country in line.Countries.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                prefixOfCountry.TryAdd(country, line.Prefix);
            }
        }
    }

    /// <summary>All markets that are named anywhere, in the order of their names.</summary>
    public IReadOnlyList<string> Names =>
        [.. byPrefix.Values.SelectMany(l => l).Select(l => l.Market).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>
    /// What is kept of a recipient: the first digits of the number, or the country of a business-scoped user id (<c>US.1349…</c>).
    /// Nobody can be told by it. Null: neither is given.
    /// </summary>
    public static string? Recipient(string? phone, string? userId)
    {
        var digits = phone is ['+', .. var rest] ? rest : phone;
        return digits is { Length: > PrefixDigitsMax } && digits.All(char.IsAsciiDigit) ? digits[..PrefixDigitsMax]
            : userId is [>= 'A' and <= 'Z', >= 'A' and <= 'Z', '.', ..] ? userId[..2] : null;
    }

    /// <summary>The market of a recipient at a moment; null: it is not known who they are, or no line names them.</summary>
    /// <param name="recipient">As <see cref="Recipient"/> gives it; more digits do no harm.</param>
    public string? Of(string? recipient, DateTimeOffset at)
    {
        if (recipient is not { Length: > 0 })
        {
            return null;
        }

        var digits = char.IsAsciiDigit(recipient[0]) ? recipient : prefixOfCountry.GetValueOrDefault(recipient, "");
        for (var length = Math.Min(digits.Length, PrefixDigitsMax); length >= 0; length--)
        {
            if (byPrefix.TryGetValue(digits[..length], out var lines) && At(lines, at) is { } market)
            {
                return market;
            }
        }

        return null;
    }

    // What was delivered before the table begins is judged by its first line.
    private static string At(MarketLine[] lines, DateTimeOffset at) => (lines.LastOrDefault(l => l.From <= at) ?? lines[0]).Market;
}
