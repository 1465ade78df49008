using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Bsp.Application.Common;

/// <summary>A place in an organization's log. Opaque to clients (<c>Bsp-Position</c>).</summary>
/// <param name="Epoch">Grows when the organization moves to another shard, so that positions stay ordered. From 1; at most 65535.</param>
/// <param name="Sequence">The shard's <c>seq_id</c>; 0 = before everything. At most 2^48-1.</param>
public readonly record struct Position(int Epoch, long Sequence) : IComparable<Position>
{
    /// <summary>Before everything.</summary>
    public static readonly Position Start = new(0, 0);

    /// <summary>One number with the same order, for stores that keep one: epoch in the upper 16 bits.</summary>
    public long Packed => ((long)Epoch << 48) | Sequence;

    public int CompareTo(Position other) => Packed.CompareTo(other.Packed);

    public static bool operator <(Position left, Position right) => left.CompareTo(right) < 0;

    public static bool operator >(Position left, Position right) => left.CompareTo(right) > 0;

    public static bool operator <=(Position left, Position right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Position left, Position right) => left.CompareTo(right) >= 0;

    /// <summary>The opaque token.</summary>
    public string ToToken() =>
        Base64Url.EncodeToString(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Epoch}.{Sequence}")));

    /// <summary>Reads a token; false for anything we did not write.</summary>
    public static bool TryParse(string? token, out Position position)
    {
        position = Start;
        if (token is null or { Length: > 64 } || !Base64Url.IsValid(token))
        {
            return false;
        }

        var parts = Encoding.ASCII.GetString(Base64Url.DecodeFromChars(token)).Split('.');
        if (parts.Length != 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var epoch)
            || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var sequence))
        {
            return false;
        }

        position = new(epoch, sequence);
        return true;
    }
}
