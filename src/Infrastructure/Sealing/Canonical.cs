using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Bsp.Infrastructure.Sealing;

/// <summary>
/// Fields as bytes that everybody can make again: <c>length:value,</c> each, <c>~,</c> for null. The length is in UTF-8 bytes, so nothing
/// can move from one field to the next.
/// Numbers are decimal, times microseconds since 1970, hashes lower-case hex. One writer is used for one value after another:
/// <see cref="Begin"/>.
/// </summary>
internal sealed class Canonical
{
    private readonly ArrayBufferWriter<byte> bytes = new(512);

    /// <summary>What was written since <see cref="Begin"/>.</summary>
    public ReadOnlySpan<byte> Bytes => bytes.WrittenSpan;

    public Canonical Begin(string kind)
    {
        bytes.ResetWrittenCount();
        return Add(kind);
    }

    public Canonical Add(string? text)
    {
        if (text is null)
        {
            bytes.Write("~,"u8);
            return this;
        }

        var length = Encoding.UTF8.GetByteCount(text);
        Head(length);
        bytes.Advance(Encoding.UTF8.GetBytes(text, bytes.GetSpan(length)));
        bytes.Write(","u8);
        return this;
    }

    public Canonical Add(long number)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(number, digits, out var length);
        return Raw(digits[..length]);
    }

    public Canonical Add(Guid? id)
    {
        if (id is not { } some)
        {
            return Add((string?)null);
        }

        Span<byte> text = stackalloc byte[36];
        Utf8Formatter.TryFormat(some, text, out _);
        return Raw(text);
    }

    public Canonical Add(DateOnly day) => Add(day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));

    /// <param name="time">UTC.</param>
    public Canonical Add(DateTime time) => Add((time.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond);

    /// <summary>A hash.</summary>
    public Canonical Hash(ReadOnlySpan<byte> hash)
    {
        Span<byte> hex = stackalloc byte[64];
        Convert.TryToHexStringLower(hash, hex, out var length);
        return Raw(hex[..length]);
    }

    /// <summary>The SHA-256 of a content; null stays null.</summary>
    public Canonical HashOf(byte[]? content)
    {
        if (content is null)
        {
            return Add((string?)null);
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, hash);
        return Hash(hash);
    }

    /// <summary>The SHA-256 of what was written.</summary>
    public byte[] Sha256() => SHA256.HashData(bytes.WrittenSpan);

    private Canonical Raw(ReadOnlySpan<byte> value)
    {
        Head(value.Length);
        bytes.Write(value);
        bytes.Write(","u8);
        return this;
    }

    private void Head(int length)
    {
        Utf8Formatter.TryFormat(length, bytes.GetSpan(11), out var digits);
        bytes.Advance(digits);
        bytes.Write(":"u8);
    }
}
