using System.Globalization;
using Bsp.Domain.Common;

namespace Bsp.Application.Common;

/// <summary>Where a page of documents ended: a time (milliseconds) and, among equals, an id.</summary>
public sealed record DocumentCursor(DateTimeOffset At, DocumentId Id)
{
    /// <summary><c>{unix ms}.{24 hex}</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{At.ToUnixTimeMilliseconds()}.{Id}");

    /// <summary>Null stays null.</summary>
    /// <exception cref="Refusal"><c>cursor.invalid</c></exception>
    public static DocumentCursor? Parse(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var parts = text.Split('.');
        return parts.Length == 2 && long.TryParse(parts[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var ms)
            && ms is > -62_135_596_800_000 and < 253_402_300_800_000 && DocumentId.TryParse(parts[1], out var id)
            ? new(DateTimeOffset.FromUnixTimeMilliseconds(ms), id)
            : throw new Refusal("cursor.invalid", "This cursor is not one of ours. Start again without it.");
    }
}
