using System.Security.Cryptography;
using Bsp.Application.Auth;
using OtpNet;

namespace Bsp.Infrastructure.Auth;

/// <summary>
/// A code for who has lost their second factor: 80 random bits as <c>xxxx-xxxx-xxxx-xxxx</c>. With so many a plain hash cannot be guessed
/// back.
/// </summary>
internal static class RecoveryCode
{
    /// <summary>So many at a time.</summary>
    public const int Count = 10;

    private const int RandomBytes = 10;
    private const int Chars = 16;
    private const int PartChars = 4;
    private const int WrittenMax = 40;

    public static IReadOnlyList<string> NewSet() => [.. Enumerable.Range(0, Count).Select(_ => New())];

    /// <summary>However it was typed: case, blanks and dashes do not count. Null: it is no such code.</summary>
    public static string? HashOf(string code)
    {
        if (code.Length > WrittenMax)
        {
            return null;
        }

        var plain = new string([.. code.Where(c => c is not ('-' or ' '))]).ToLowerInvariant();
        return plain.Length == Chars ? SecretToken.HashOf("recovery " + plain) : null;
    }

    private static string New()
    {
        var plain = Base32Encoding.ToString(RandomNumberGenerator.GetBytes(RandomBytes)).TrimEnd('=').ToLowerInvariant();
        return string.Join('-', plain.Chunk(PartChars).Select(part => new string(part)));
    }
}
