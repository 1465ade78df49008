using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Bsp.MetaSimulator.Common;

/// <summary>
/// Ids no two of which are equal, in this run or between runs: receivers keep them in unique indexes for longer than
/// the simulator lives.
/// </summary>
internal sealed class Ids
{
    private readonly ulong _nonce = BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(8));
    private long _numeric = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000;
    private long _messages;

    /// <summary>16 digits, for templates and media.</summary>
    public string NextNumeric() => Interlocked.Increment(ref _numeric).ToString(null as IFormatProvider);

    /// <summary>Built like Meta's: base64 of a header, the customer's number and 18 hex digits.</summary>
    public string NextWamid(string customer, bool outbound)
    {
        var unique = Draw.Mix(_nonce + (ulong)Interlocked.Increment(ref _messages));
        Span<byte> raw = stackalloc byte[8 + 40 + 18];
        var digits = customer.Length > 40 ? customer.AsSpan(0, 40) : customer;
        raw[0] = 0x1c;
        raw[1] = 0x18;
        raw[2] = (byte)digits.Length;
        var at = 3 + Encoding.ASCII.GetBytes(digits, raw[3..]);
        ReadOnlySpan<byte> middle = [0x15, 0x02, 0x00, outbound ? (byte)0x11 : (byte)0x12, 0x18];
        middle.CopyTo(raw[at..]);
        at += middle.Length;
        unique.TryFormat(raw[at..], out var written, "X16");
        at += written;
        (unique & 0xff).TryFormat(raw[at..], out written, "X2");
        at += written;
        return "wamid." + Convert.ToBase64String(raw[..at]);
    }
}
