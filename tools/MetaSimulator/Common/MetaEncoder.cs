using System.Text.Encodings.Web;
using System.Text.Json;

namespace Bsp.MetaSimulator.Common;

/// <summary>
/// Escapes JSON as Meta does in what it signs: every non-ASCII character as <c>\uxxxx</c> with lower-case hex digits, and
/// <c>/</c> as <c>\/</c>. Source: developers.facebook.com, "Validating Payloads"; the slash is seen in recorded webhooks.
/// </summary>
internal sealed class MetaEncoder : JavaScriptEncoder
{
    public static readonly MetaEncoder Instance = new();

    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = Instance, SkipValidation = true };

    public override int MaxOutputCharactersPerInputCharacter => 12;

    public override bool WillEncode(int unicodeScalar) =>
        unicodeScalar is < 0x20 or > 0x7e or '"' or '\\' or '/';

    public override unsafe int FindFirstCharacterToEncode(char* text, int textLength)
    {
        for (var i = 0; i < textLength; i++)
        {
            if (WillEncode(text[i]))
            {
                return i;
            }
        }

        return -1;
    }

    public override unsafe bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        var target = new Span<char>(buffer, bufferLength);
        numberOfCharactersWritten = 0;
        if (Short(unicodeScalar) is { } letter)
        {
            return Put(target, letter, ref numberOfCharactersWritten);
        }

        if (unicodeScalar <= 0xffff)
        {
            return PutHex(target, unicodeScalar, ref numberOfCharactersWritten);
        }

        var above = unicodeScalar - 0x10000;
        return PutHex(target, 0xd800 + (above >> 10), ref numberOfCharactersWritten)
            && PutHex(target, 0xdc00 + (above & 0x3ff), ref numberOfCharactersWritten);
    }

    private static char? Short(int scalar) => scalar switch
    {
        '"' => '"',
        '\\' => '\\',
        '/' => '/',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\b' => 'b',
        '\f' => 'f',
        _ => null,
    };

    private static bool Put(Span<char> target, char letter, ref int written)
    {
        if (target.Length < written + 2)
        {
            return false;
        }

        target[written++] = '\\';
        target[written++] = letter;
        return true;
    }

    private static bool PutHex(Span<char> target, int unit, ref int written)
    {
        if (target.Length < written + 6)
        {
            return false;
        }

        target[written++] = '\\';
        target[written++] = 'u';
        unit.TryFormat(target[written..], out var digits, "x4");
        written += digits;
        return true;
    }
}
