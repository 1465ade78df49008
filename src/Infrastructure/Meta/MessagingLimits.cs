using System.Globalization;

namespace Bsp.Infrastructure.Meta;

/// <summary>Meta's words for how many unique users a portfolio may reach outside the window in 24 h.</summary>
public static class MessagingLimits
{
    /// <summary>Stands for "unlimited" where the specification keeps an int.</summary>
    public const int Unlimited = int.MaxValue;

    /// <summary><c>TIER_2K</c>, <c>TIER_100K</c>, <c>TIER_UNLIMITED</c>, <c>2000</c>, …; null when it says nothing.</summary>
    public static int? Read(string? word)
    {
        if (string.IsNullOrEmpty(word) || word is "TIER_NOT_SET" or "NOT_SET")
        {
            return null;
        }

        var text = word.StartsWith("TIER_", StringComparison.Ordinal) ? word[5..] : word;
        if (text is "UNLIMITED" or "-1")
        {
            return Unlimited;
        }

        var thousands = text.EndsWith('K');
        return int.TryParse(thousands ? text[..^1] : text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? (int)Math.Min(thousands ? number * 1000L : number, Unlimited) : null;
    }
}
