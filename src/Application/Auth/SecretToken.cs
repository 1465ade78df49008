using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Bsp.Application.Auth;

/// <summary>A token that proves itself: a session's, an invitation's, a reset's. 256 random bits; only the hash is stored.</summary>
/// <param name="Text">What its holder presents: shown once.</param>
public sealed record SecretToken(string Text)
{
    /// <summary>Session tokens begin so, and nothing else does.</summary>
    public const string SessionPrefix = "ses_";

    private const int RandomBytes = 32;

    /// <summary>Hex SHA-256 of the whole token. With 256 random bits a slow hash would protect nothing.</summary>
    public string Hash => HashOf(Text);

    /// <param name="prefix"><c>ses_</c>, <c>inv_</c>, <c>rst_</c>.</param>
    public static SecretToken New(string prefix) => new(prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes)));

    /// <summary>Hex SHA-256 of a token.</summary>
    public static string HashOf(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
}
