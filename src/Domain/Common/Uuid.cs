using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Bsp.Domain.Common;

/// <summary>The two kinds of ids: version 7 for new things (time-ordered), version 5 for things found by a key.</summary>
public static class Uuid
{
    // Namespace of all our name-based ids; a random constant, never to change.
    private static readonly byte[] Namespace = Guid.Parse("6f1c1d0e-3b52-4c57-9d2b-0a5a7f0e7b61").ToByteArray(bigEndian: true);

    // Random bytes asked of the system in advance: Guid.CreateVersion7 asks for each id, a system call that was a fifth of what an event
    // costs its writer.
    private const int RandomBytes = 10;
    private const long LastMillisecond = 253_402_300_799_999; // of the year 9999
    private const int Stock = RandomBytes * 400;

    [ThreadStatic]
    private static byte[]? stock;

    [ThreadStatic]
    private static int used;

    /// <summary>A fresh UUIDv7.</summary>
    public static Guid New() => New(DateTimeOffset.UtcNow);

    /// <summary>A fresh UUIDv7 carrying the given time, in milliseconds; 74 bits are random.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The time lies before 1970.</exception>
    public static Guid New(DateTimeOffset at)
    {
        var milliseconds = at.ToUnixTimeMilliseconds();
        ArgumentOutOfRangeException.ThrowIfNegative(milliseconds, nameof(at));
        Span<byte> id = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(id, milliseconds << 16);
        TakeRandom(id[^RandomBytes..]);
        id[6] = (byte)((id[6] & 0x0F) | 0x70);
        id[8] = (byte)((id[8] & 0x3F) | 0x80);
        return new(id, bigEndian: true);
    }

    /// <summary>
    /// The UUIDv5 (RFC 9562, SHA-1) of a key such as <c>conversation/{account}/{contact}</c>: the same key gives the same id everywhere.
    /// </summary>
    public static Guid Of(string key)
    {
        Span<byte> hash = stackalloc byte[20];
        var length = Encoding.UTF8.GetByteCount(key);
        Span<byte> input = length <= 240 ? stackalloc byte[256] : new byte[16 + length];
        Namespace.CopyTo(input);
        Encoding.UTF8.GetBytes(key, input[16..]);
        SHA1.HashData(input[..(16 + length)], hash);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x50);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }

    /// <summary>Stream and id of the one conversation between an account (number) and a contact.</summary>
    public static Guid Conversation(Guid accountId, Guid contactId) => Of($"conversation/{accountId}/{contactId}");

    /// <summary>The conversation of a number with a group: nobody's private one.</summary>
    /// <param name="groupId">Meta's.</param>
    public static Guid GroupConversation(Guid accountId, string groupId) => Of($"conversation/{accountId}/group/{groupId}");

    /// <summary>Stream and id of the one message that a campaign sends to a contact: launching twice can only find it again.</summary>
    public static Guid CampaignMessage(Guid campaignId, Guid contactId) => Of($"message/{campaignId}/{contactId}");

    /// <summary>Stream and id of the message that a triggered campaign sends to a contact for one cause.</summary>
    public static Guid TriggeredMessage(Guid campaignId, Guid contactId, string cause) => Of($"trigger/{campaignId}/{contactId}/{cause}");

    /// <summary>Stream and id of a message that Meta delivered to us; redelivered webhooks find the same stream.</summary>
    public static Guid InboundMessage(string phoneNumberId, string wamid) => Of($"inbound/{phoneNumberId}/{wamid}");

    /// <summary>Stream of an organization's administrative acts in one calendar month, UTC. All zeros: the platform's own.</summary>
    public static Guid AuditTrail(Guid organizationId, DateTimeOffset at) =>
        Of($"audit/{organizationId}/{at.UtcDateTime.Year:0000}-{at.UtcDateTime.Month:00}");

    /// <summary>Stream of a wallet's entries in one calendar month, UTC.</summary>
    /// <param name="currency">ISO 4217, upper case.</param>
    /// <param name="month"><c>yyyy-mm</c></param>
    public static Guid Ledger(Guid organizationId, string currency, string month) => Of($"ledger/{organizationId}/{currency}/{month}");

    /// <summary>Stream of what is to be known of a wallet beside its entries.</summary>
    public static Guid Wallet(Guid organizationId, string currency) => Of($"wallet/{organizationId}/{currency}");

    /// <summary>
    /// A UUIDv7 that carries the given time and sorts by it and then by the place in a row of things: of the 74 free bits 32 hold the
    /// place, 42 are random (RFC 9562, 6.2, method 1).
    /// </summary>
    /// <param name="place">Its lower 32 bits are taken.</param>
    public static Guid New(DateTimeOffset at, long place)
    {
        Span<byte> id = stackalloc byte[16];
        New(at).TryWriteBytes(id, bigEndian: true, out _);
        id[6] = (byte)(0x70 | ((place >> 28) & 0x0F));
        id[7] = (byte)(place >> 20);
        id[8] = (byte)(0x80 | ((place >> 14) & 0x3F));
        id[9] = (byte)(place >> 6);
        id[10] = (byte)(((place << 2) & 0xFC) | (uint)(id[10] & 0x03));
        return new(id, bigEndian: true);
    }

    /// <summary>The least UUIDv7 of a time: ids of that millisecond and later ones are not less.</summary>
    public static Guid Least(DateTimeOffset at)
    {
        Span<byte> id = stackalloc byte[16];
        id.Clear();
        BinaryPrimitives.WriteInt64BigEndian(id, Math.Max(0, at.ToUnixTimeMilliseconds()) << 16);
        return new(id, bigEndian: true);
    }

    /// <summary>
    /// What <see cref="New(DateTimeOffset, long)"/> put into an id; of any other UUIDv7 the time and a number that means nothing.
    /// </summary>
    public static (DateTimeOffset At, long Place) TimeAndPlace(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        var place = ((long)(bytes[6] & 0x0F) << 28) | ((long)bytes[7] << 20) | ((long)(bytes[8] & 0x3F) << 14) | ((long)bytes[9] << 6) | (
            (long)bytes[10] >> 2);
        return (DateTimeOffset.FromUnixTimeMilliseconds(Math.Min(BinaryPrimitives.ReadInt64BigEndian(bytes) >>> 16, LastMillisecond)),
            place);
    }

    private static void TakeRandom(Span<byte> bytes)
    {
        if (stock is null || used == Stock)
        {
            stock ??= new byte[Stock];
            RandomNumberGenerator.Fill(stock);
            used = 0;
        }

        stock.AsSpan(used, bytes.Length).CopyTo(bytes);
        used += bytes.Length;
    }
}
