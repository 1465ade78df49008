using System.Globalization;
using System.Text;

namespace Bsp.Domain.Ledger;

/// <summary>
/// Fields one after the other as <c>&lt;UTF-8 bytes&gt;:&lt;value&gt;,</c>, null as <c>~,</c>: nothing can move from one field to the next,
/// and no library's idea of JSON takes part.
/// One instance may be used again and again; not by two threads at once.
/// </summary>
public sealed class CanonicalFields
{
    private byte[] buffer = new byte[1024];
    private int length;

    /// <summary>What was added since the last <see cref="Clear"/>; valid until the next call.</summary>
    public ReadOnlySpan<byte> Written => buffer.AsSpan(0, length);

    /// <summary>Begins anew.</summary>
    public CanonicalFields Clear()
    {
        length = 0;
        return this;
    }

    /// <summary>One more field.</summary>
    public CanonicalFields Add(string? value)
    {
        if (value is null)
        {
            Room(2);
            buffer[length++] = (byte)'~';
            buffer[length++] = (byte)',';
            return this;
        }

        var bytes = Encoding.UTF8.GetByteCount(value);
        Room(bytes + 12);
        bytes.TryFormat(buffer.AsSpan(length), out var digits, provider: CultureInfo.InvariantCulture);
        length += digits;
        buffer[length++] = (byte)':';
        length += Encoding.UTF8.GetBytes(value, buffer.AsSpan(length));
        buffer[length++] = (byte)',';
        return this;
    }

    /// <summary>One more field, in decimal digits.</summary>
    public CanonicalFields Add(long value) => Add(value.ToString(CultureInfo.InvariantCulture));

    private void Room(int more)
    {
        if (buffer.Length - length < more)
        {
            Array.Resize(ref buffer, Math.Max(buffer.Length * 2, length + more));
        }
    }
}
