using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Common;

namespace Bsp.Infrastructure.Redis;

/// <summary>
/// Marks copies in Redis as ours: a MAC over key and text, under a key derived from the master key. Whoever writes to Redis without it
/// writes copies that are none; whoever moves a copy under another key, too.
/// </summary>
public sealed class CopySeal
{
    private const int MacBytes = 16;

    private readonly byte[] key;

    public CopySeal(BspOptions options) : this(HMACSHA256.HashData(options.MasterKey, "copies in redis"u8))
    {
    }

    private CopySeal(byte[] key) => this.key = key;

    /// <summary>Of this process alone, for whoever has no configuration.</summary>
    internal static CopySeal OfProcess { get; } = new(RandomNumberGenerator.GetBytes(32));

    /// <summary>32 hex digits.</summary>
    public string Of(string name, string text) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{name.Length}:{name}{text}")).AsSpan(0, MacBytes));

    /// <summary>Whether we wrote this text under this key.</summary>
    public bool Holds(string name, string text, string? mac) =>
        mac is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Of(name, text)), Encoding.UTF8.GetBytes(mac));
}
