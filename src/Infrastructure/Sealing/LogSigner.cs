using Bsp.Application.Common;
using System.Security.Cryptography;
using Bsp.Infrastructure.Privacy;
using NSec.Cryptography;

namespace Bsp.Infrastructure.Sealing;

/// <summary>A signature and whose it is.</summary>
internal sealed record Signed(string KeyId, byte[] Signature);

/// <summary>
/// Signs heads of the log with Ed25519. The key is derived from the master key, so it lies in no database and changes with it; those of
/// older master keys in the configuration verify.
/// Decision: docs/decisions/0186.
/// </summary>
public sealed class LogSigner : IDisposable
{
    private const string Purpose = "bsp.log.signing.1";
    private static readonly SignatureAlgorithm Ed25519 = SignatureAlgorithm.Ed25519;
    private readonly Key current;
    [Bounded("one a master key that the configuration names")]
    private readonly Dictionary<string, byte[]> held = [];

    public LogSigner(MasterKeys keys)
    {
        Key? own = null;
        foreach (var (masterKeyId, seed) in keys.Derive(Purpose))
        {
            var key = Key.Import(Ed25519, seed, KeyBlobFormat.RawPrivateKey);
            var publicKey = key.PublicKey.Export(KeyBlobFormat.RawPublicKey);
            held[IdOf(publicKey)] = publicKey;
            if (masterKeyId == keys.CurrentId)
            {
                (own, CurrentId) = (key, IdOf(publicKey));
            }
            else
            {
                key.Dispose();
            }
        }

        current = own!; // the current master key is always among them
    }

    /// <summary>Of the key that signs now.</summary>
    public string CurrentId { get; } = "";

    /// <summary>Public keys that follow from the configuration, by id: these are trusted by themselves.</summary>
    internal IReadOnlyDictionary<string, byte[]> Held => held;

    /// <summary>The first 16 hex digits of a public key's SHA-256.</summary>
    internal static string IdOf(byte[] publicKey) => Convert.ToHexStringLower(SHA256.HashData(publicKey))[..16];

    internal Signed Sign(ReadOnlySpan<byte> content) => new(CurrentId, Ed25519.Sign(current, content));

    internal static bool Verify(byte[] publicKey, ReadOnlySpan<byte> content, byte[] signature) =>
        PublicKey.TryImport(Ed25519, publicKey, KeyBlobFormat.RawPublicKey, out var key) && Ed25519.Verify(key!, content, signature);

    /// <summary>What one key signs about another.</summary>
    internal static Canonical Voucher(string keyId, byte[] publicKey) => new Canonical().Begin("bsp.log_key.1").Add(keyId).Hash(publicKey);

    public void Dispose() => current.Dispose();
}
