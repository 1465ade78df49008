using System.Security.Cryptography;
using System.Text;

namespace Bsp.Domain.Common;

/// <summary>Ids that Meta gives (wamids, numbers, users), whose length nobody promises.</summary>
public static class MetaId
{
    /// <summary>
    /// UTF-16 units, at most: in UTF-8 768 bytes, so that an id fits into every index beside an organization (PostgreSQL takes 2,704
    /// bytes).
    /// </summary>
    public const int UnitsMax = 256;

    private const int BeginningMax = 180;

    /// <summary>
    /// The id as it is stored and looked up. One that is longer than <see cref="UnitsMax"/> keeps its beginning and gets the SHA-256 of the
    /// whole: it stays the same id
    /// whenever it comes, and no other one.
    /// </summary>
    public static string Of(string id) => id.Length <= UnitsMax ? Text.Storable(id) : OfLong(id, Encoding.UTF8.GetBytes(id));

    /// <summary>The same of one of which only the beginning was made text.</summary>
    /// <param name="beginning">At least its first 180 units.</param>
    /// <param name="whole">In UTF-8, more than <see cref="UnitsMax"/> units.</param>
    public static string OfLong(string beginning, ReadOnlySpan<byte> whole) =>
        $"{Text.Cut(beginning, BeginningMax)}~{Convert.ToHexStringLower(SHA256.HashData(whole))}";
}
