using System.Text;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>Whose a webhook is, as far as its bytes show without being parsed: good for its place in the queue, for nothing else.</summary>
internal static class WebhookLane
{
    private const int NumberCharactersMax = 32;

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
}
