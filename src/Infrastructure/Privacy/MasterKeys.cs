using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Common;
using Bsp.Application.Privacy;

namespace Bsp.Infrastructure.Privacy;

/// <summary>
/// What the master key does: sealing secrets, wrapping contacts' keys, signing cursors. Older keys open, only the current one seals.
/// </summary>
public sealed class MasterKeys : ISecrets, ICursors
{
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const int MacBytes = 16;
    [Application.Common.Bounded("the keys of the configuration")]
    private readonly Dictionary<string, byte[]> keys;
    private readonly byte[] cursorKey;

    public MasterKeys(BspOptions options)
    {
        CurrentId = IdOf(options.MasterKey);
        keys = options.OldMasterKeys.Append(options.MasterKey).DistinctBy(IdOf).ToDictionary(IdOf);
        cursorKey = HMACSHA256.HashData(options.MasterKey, "cursors"u8);
    }

    /// <summary>Names the key that seals now: the first 8 hex digits of its SHA-256.</summary>
    public string CurrentId { get; }

    public string Seal(string secret) =>
        $"v1.{CurrentId}.{Convert.ToBase64String(Encrypt(keys[CurrentId], Encoding.UTF8.GetBytes(secret)))}";

    public string Open(string sealedSecret)
    {
        var parts = sealedSecret.Split('.');
        return parts is ["v1", var id, var data]
            ? Encoding.UTF8.GetString(Unwrap(id, Convert.FromBase64String(data)))
            : throw new InvalidOperationException("This is not a sealed secret.");
    }

    public string Sign(string scope, string cursor)
    {
        var text = Encoding.UTF8.GetBytes(cursor);
        return Base64Url.EncodeToString([.. Mac(scope, text), .. text]);
    }

    public string? Open(string scope, string token)
    {
        if (!Base64Url.IsValid(token))
        {
            return null;
        }

        var bytes = Base64Url.DecodeFromChars(token);
        return bytes.Length >= MacBytes
            && CryptographicOperations.FixedTimeEquals(bytes.AsSpan(0, MacBytes), Mac(scope, bytes.AsSpan(MacBytes)))
            ? Encoding.UTF8.GetString(bytes.AsSpan(MacBytes))
            : null;
    }

    /// <summary>
    /// A key for one purpose from each master key that the configuration holds, by the master key's id; the current one's is that of
    /// <see cref="CurrentId"/>.
    /// </summary>
    internal IReadOnlyDictionary<string, byte[]> Derive(string purpose) =>
        keys.ToDictionary(k => k.Key, k => HMACSHA256.HashData(k.Value, Encoding.UTF8.GetBytes(purpose)));

    /// <summary>The configuration holds the master key of this id.</summary>
    internal bool Holds(string masterKeyId) => keys.ContainsKey(masterKeyId);

    /// <summary>Wraps a key under the current master key.</summary>
    internal byte[] Wrap(byte[] key) => Encrypt(keys[CurrentId], key);

    /// <exception cref="InvalidOperationException">The configuration does not hold that master key.</exception>
    internal byte[] Unwrap(string masterKeyId, byte[] wrapped) => keys.TryGetValue(masterKeyId, out var key)
        ? Decrypt(key, wrapped)
        : throw new InvalidOperationException(
            $"Sealed under master key {masterKeyId}, which the configuration does not hold (Bsp:MasterKey, Bsp:OldMasterKeys, Bsp:MasterKeyFile).");

    /// <summary>Nonce, tag, cipher text: AES-256-GCM.</summary>
    internal static byte[] Encrypt(byte[] key, ReadOnlySpan<byte> text)
    {
        var data = new byte[NonceBytes + TagBytes + text.Length];
        RandomNumberGenerator.Fill(data.AsSpan(0, NonceBytes));
        using var gcm = new AesGcm(key, TagBytes);
        gcm.Encrypt(data.AsSpan(0, NonceBytes), text, data.AsSpan(NonceBytes + TagBytes), data.AsSpan(NonceBytes, TagBytes));
        return data;
    }

    /// <exception cref="CryptographicException">Another key, or the data was changed.</exception>
    internal static byte[] Decrypt(byte[] key, ReadOnlySpan<byte> data)
    {
        var text = new byte[data.Length - NonceBytes - TagBytes];
        using var gcm = new AesGcm(key, TagBytes);
        gcm.Decrypt(data[..NonceBytes], data[(NonceBytes + TagBytes)..], data.Slice(NonceBytes, TagBytes), text);
        return text;
    }

    private static string IdOf(byte[] key) => Convert.ToHexStringLower(SHA256.HashData(key))[..8];

    // The scope's length comes first, so that no scope and cursor can be read as another pair.
    private byte[] Mac(string scope, ReadOnlySpan<byte> cursor) =>
        HMACSHA256.HashData(cursorKey,
            (byte[])[.. BitConverter.GetBytes(scope.Length), .. Encoding.UTF8.GetBytes(scope), .. cursor])[..MacBytes];
}
