using System.Globalization;

namespace Bsp.Benchmarks.Hostile;

/// <summary>What is well-formed and meant to hurt.</summary>
internal static class Poison
{
    private static int drawn;

    /// <summary>A webhook of the kind <paramref name="n"/>, new each time.</summary>
    public static string Webhook(int n, string waba, string number)
    {
        var once = Interlocked.Increment(ref drawn);
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        return (n % 4) switch
        {
            // Ids that no index takes.
            0 => SignedPost.Envelope(waba, number,
                $"\"statuses\":[{string.Join(',', Enumerable.Range(0, 50).Select(i => Status($"wamid.{once}.{i}.{new string((char)('a' + (i % 26)), 6_000)}", now)))}]"),

            // A month each, from long ago until long from now.
            1 => SignedPost.Envelope(waba, number,
                $"\"messages\":[{string.Join(',', Enumerable.Range(0, 130).Select(i => Message($"wamid.month.{once}.{i}", DateTimeOffset.UnixEpoch.AddYears(30).AddMonths(i * 3).ToUnixTimeSeconds())))}]"),

            // Numbers that unfold.
            2 => SignedPost.Envelope(waba, number,
                $"\"messages\":[{Message($"wamid.number.{once}", now)[..^1]},\"order\":{{\"price\":1e131071,\"list\":[{string.Join(',', Enumerable.Repeat("1e131071,1e-16383", 200))}]}}}}]"),

            // A number that nobody has and that is longer than any.
            _ => SignedPost.Envelope(waba, $"{once}{new string('9', 1_000_000)}", $"\"messages\":[{Message($"wamid.long.{once}", now)}]"),
        };
    }

    /// <summary>A request of the kind <paramref name="n"/>.</summary>
    public static (HttpMethod Method, string Path, string? Body) Request(int n, string account)
    {
        var once = Interlocked.Increment(ref drawn);
        var number = 919_000_200_000 + (once % 100_000);
        var numbers = string.Join(',', Enumerable.Repeat("1e131071", 2_000));
        return (n % 8) switch
        {
            0 => (HttpMethod.Post, "/v1/campaigns",
                $$"""{"name":"x","template_id":"{{Guid.NewGuid()}}","account_id":"{{account}}","audience_segment":{"filter":{"all":[{"field":"custom_fields.n","op":"in","value":[{{numbers}}]}]} } }"""),
            1 => (HttpMethod.Post, "/v1/contacts",
                string.Create(CultureInfo.InvariantCulture,
                    $$"""{"phone_number":"+{{number}}","custom_fields":{"a":1e131071,"b":[{{numbers}}]} }""")),
            2 => (HttpMethod.Get, "/v1/contacts?q=o&limit=200", null),
            3 => (HttpMethod.Get, "/v1/contacts?q=Mallory&limit=200", null),
            4 => (HttpMethod.Post, "/v1/messages",
                string.Create(CultureInfo.InvariantCulture,
                    $$"""{"account_id":"{{account}}","to":"+{{number}}","type":"text","text":{"body":"{{new string('x', 4_000)}}"} }""")),
            5 => (HttpMethod.Post, "/v1/contacts",
                string.Create(CultureInfo.InvariantCulture,
                    $$"""{"phone_number":"+{{number}}","custom_fields":{{string.Concat(Enumerable.Repeat("{\"a\":", 60))}}1{{new string('}', 60)}} }""")),
            6 => (HttpMethod.Get, "/v1/conversations?limit=200", null),
            _ => (HttpMethod.Get, "/v1/contacts?limit=200", null),
        };
    }

    private static string Status(string id, long at) =>
        string.Create(CultureInfo.InvariantCulture,
            $$"""{"id":"{{id}}","status":"delivered","timestamp":"{{at}}","recipient_id":"919000100001"}""");

    private static string Message(string id, long at) =>
        string.Create(CultureInfo.InvariantCulture,
            $$"""{"from":"919000100001","id":"{{id}}","timestamp":"{{at}}","type":"text","text":{"body":"x"} }""");
}
