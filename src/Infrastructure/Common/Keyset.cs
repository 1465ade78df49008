using Bsp.Application.Common;

namespace Bsp.Infrastructure.Common;

/// <summary>Pages in the order of a UUIDv7 id.</summary>
public static class Keyset
{
    /// <summary>The id after which the page begins; all zeros from the start.</summary>
    public static Guid After(string? cursor) => cursor is null ? Guid.Empty : Guid.Parse(cursor);

    /// <summary>Where a page begins, and how its rows are asked for, in either direction.</summary>
    /// <returns>The id that is not of the page any more; how the page's ids compare with it; what they are ordered by after their name.
    /// </returns>
    public static (Guid From, string Compare, string Direction) Of(string? cursor, bool newestFirst) => newestFirst
        ? (cursor is null ? Guid.AllBitsSet : Guid.Parse(cursor), "<", "DESC")
        : (After(cursor), ">", "ASC");

    /// <summary>A page from one row more than asked for: the extra one only tells that there is a next page.</summary>
    public static Page<T> Of<T>(List<T> rows, int limit, Func<T, Guid> id) =>
        rows.Count <= limit ? new(rows, null) : new(rows[..limit], id(rows[limit - 1]).ToString());
}
