using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>
/// Signatures by Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks, spec v1): HMAC-SHA256 over
/// <c>id.timestamp.body</c> under a secret written
/// <c>whsec_</c> + base64; several signatures stand side by side with blanks between while a secret is being rotated.
/// </summary>
public static class StandardWebhooks
{
    public const string IdHeader = "webhook-id";
    public const string TimestampHeader = "webhook-timestamp";
    public const string SignatureHeader = "webhook-signature";
    private const string Prefix = "whsec_";

    /// <summary>Bytes of a secret that we make.</summary>
    public const int SecretBytes = 32;

    /// <summary>A fresh secret.</summary>
    public static string NewSecret() => Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(SecretBytes));

    /// <summary>Whether it is a secret as the standard has it: <c>whsec_</c> and base64 of 24 to 64 bytes.</summary>
    public static bool IsSecret(string? text) => text is { Length: <= 100 } && text.StartsWith(Prefix, StringComparison.Ordinal)
        && TryKey(text, out var key) && key.Length is >= 24 and <= 64;

    /// <summary>The key of a secret.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static byte[] KeyOf(string secret) =>
        TryKey(secret, out var key) ? key : throw new FormatException("This is no webhook secret.");

    /// <summary>What stands in <see cref="SignatureHeader"/>: a signature a key, the present one's first.</summary>
    /// <param name="keys">Of <see cref="KeyOf"/>; at least one.</param>
    /// <param name="seconds">Unix time of this attempt, as in <see cref="TimestampHeader"/>.</param>
    public static string Sign(IReadOnlyList<byte[]> keys, string id, long seconds, ReadOnlySpan<byte> body)
    {
        var head = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{seconds}."));
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var signatures = new string[keys.Count];
        for (var i = 0; i < keys.Count; i++)
        {
            using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, keys[i]);
            hmac.AppendData(head);
            hmac.AppendData(body);
            hmac.GetHashAndReset(hash);
            signatures[i] = "v1," + Convert.ToBase64String(hash);
        }

        return string.Join(' ', signatures);
    }

    private static bool TryKey(string secret, out byte[] key)
    {
        key = [];
        if (!secret.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return false;
        }

        var buffer = new byte[secret.Length];
        if (!Convert.TryFromBase64String(secret[Prefix.Length..], buffer, out var length))
        {
            return false;
        }

        key = buffer[..length];
        return true;
    }
}
