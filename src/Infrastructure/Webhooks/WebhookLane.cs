using System.Text;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>Whose a webhook is, as far as its bytes show without being parsed: good for its place in the queue, for nothing else.</summary>
internal static class WebhookLane
{
    private const int NumberCharactersMax = 32;

    // Bits of a bigint that stand for senders. Two who share one wait for each other, which harms nobody.
    private const int SenderBits = 62;

    /// <summary>Nobody knows who wrote: it waits for all that came before it, and all behind it wait for it.</summary>
    public const long AnySender = -1;

    /// <summary>The first <c>phone_number_id</c>; null when there is none that could be one of ours.</summary>
    public static string? NumberOf(ReadOnlySpan<byte> body)
    {
        var name = "\"phone_number_id\""u8;
        var at = body.IndexOf(name);
        if (at < 0)
        {
            return null;
        }

        var rest = body[(at + name.Length)..].TrimStart(" \t\r\n:"u8);
        rest = rest is [(byte)'"', ..] ? rest[1..] : rest;
        var length = rest[..Math.Min(rest.Length, NumberCharactersMax)].IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        return length > 0 ? Encoding.ASCII.GetString(rest[..length]) : null;
    }

    /// <summary>
    /// Customers who may have written what the webhook brings, as bits: what one of them wrote is carried out in the order of its coming.
    /// 0: it brings no messages.
    /// </summary>
    public static long SendersOf(ReadOnlySpan<byte> body)
    {
        if (!HasKey(body, "\"messages\""u8))
        {
            return 0;
        }

        // Who has a user id has it in all of their messages; their number may be left out.
        var key = HasKey(body, "\"from_user_id\""u8) ? "\"from_user_id\""u8 : "\"from\""u8;
        long bits = 0;
        for (var rest = body; rest.IndexOf(key) is >= 0 and var at;)
        {
            rest = rest[(at + key.Length)..].TrimStart(" \t\r\n:"u8);
            if (rest is [(byte)'"', ..] && rest[1..].IndexOf((byte)'"') is >= 0 and var length)
            {
                bits |= BitOf(rest.Slice(1, length));
            }
        }

        return bits == 0 ? AnySender : bits;
    }

    // As the name of a field: "field":"messages" stands in every webhook.
    private static bool HasKey(ReadOnlySpan<byte> body, ReadOnlySpan<byte> name)
    {
        for (var rest = body; rest.IndexOf(name) is >= 0 and var at;)
        {
            rest = rest[(at + name.Length)..].TrimStart(" \t\r\n"u8);
            if (rest is [(byte)':', ..])
            {
                return true;
            }
        }

        return false;
    }

    // FNV-1a: the same in every process and build.
    private static long BitOf(ReadOnlySpan<byte> sender)
    {
        var hash = 14695981039346656037UL;
        foreach (var letter in sender)
        {
            hash = unchecked((hash ^ letter) * 1099511628211UL);
        }

        return 1L << (int)(hash % SenderBits);
    }
}
