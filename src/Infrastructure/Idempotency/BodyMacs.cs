using System.Security.Cryptography;
using System.Text;
using Bsp.Infrastructure.Privacy;

namespace Bsp.Infrastructure.Idempotency;

/// <summary>
/// What is kept of a request's body to know it again: an HMAC under a key that follows from the master key, since a body may hold a
/// password, and a plain hash lets whoever reads the table
/// try passwords. Made under the current master key, known again under every one of the configuration; a body of a master key that is gone
/// is another body (its claim lives for a day).
/// </summary>
public sealed class BodyMacs(MasterKeys masters)
{
    private readonly IReadOnlyDictionary<string, byte[]> keys = masters.Derive("bsp.idempotency.1");

    /// <summary>As it is kept: the master key's id, and the MAC in hex.</summary>
    public string Of(string bodySha256) => Mac(masters.CurrentId, bodySha256);

    /// <summary>Everything that it may have been kept as.</summary>
    public string[] AllOf(string bodySha256) => [.. keys.Keys.Select(id => Mac(id, bodySha256))];

    private string Mac(string id, string bodySha256) =>
        $"{id}.{Convert.ToHexStringLower(HMACSHA256.HashData(keys[id], Encoding.ASCII.GetBytes(bodySha256)))}";
}
