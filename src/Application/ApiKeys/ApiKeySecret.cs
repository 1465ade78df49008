using System.Security.Cryptography;
using System.Text;

namespace Bsp.Application.ApiKeys;

/// <summary>An API key as its holder writes it: <c>bsp_&lt;prefix&gt;_&lt;secret&gt;</c>. Only its hash is stored.</summary>
/// <param name="Prefix">8 characters, shown in lists and logs.</param>
public sealed record ApiKeySecret(string Text, string Prefix)
{
    private const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz";

    /// <summary>Hex SHA-256 of the whole key. The secret has 230 random bits, so a slow hash would protect nothing.</summary>
    public string Hash => HashOf(Text);

    /// <summary>A fresh key.</summary>
    public static ApiKeySecret New()
    {
        var prefix = RandomNumberGenerator.GetString(Alphabet, 8);
        return new($"bsp_{prefix}_{RandomNumberGenerator.GetString(Alphabet, 40)}", prefix);
    }

    /// <summary>Hex SHA-256 of a key.</summary>
    public static string HashOf(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}
