using System.Globalization;
using System.Net;
using Bsp.Application.CustomerWebhooks;
using Bsp.Infrastructure.CustomerWebhooks;

namespace Bsp.IntegrationTests.CustomerWebhooks;

/// <summary>One attempt, whatever the other side does: a word of its own for each, bounded in time and in bytes.</summary>
public sealed class OutboundHttpTests : IDisposable
{
    private static readonly byte[][] Keys = [new byte[32]];
    private static readonly Dictionary<string, string> NoHeaders = [];
    private readonly OutboundHttp http = new(new([IPNetwork.Parse("127.0.0.0/8")]), TimeProvider.System);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => http.Dispose();

    [Theory]
    [InlineData("Retry-After: 120", 120)]
    [InlineData("Retry-After: 0", null)]
    [InlineData("Retry-After: -5", null)]
    [InlineData("Retry-After: 99999999999999999999", null)]
    [InlineData("Retry-After: soon", null)]
    [InlineData("Retry-After: 1.5", null)]
    [InlineData("Retry-After: Thu, 01 Jan 1970 00:00:00 GMT", null)]
    [InlineData("Retry-After: Thu, 32 Jan 2099 00:00:00 GMT", null)]
    [InlineData("X: y", null)]
    public async Task What_a_receiver_asks_for_is_read_and_nonsense_is_no_wish(string header, int? seconds)
    {
        var attempt = await AnsweredAsync($"HTTP/1.1 429 Too Many Requests\r\n{header}\r\nContent-Length: 0\r\n\r\n");
        (attempt.Outcome, attempt.Status, attempt.Blame).ShouldBe(("too_many", 429, Blame.Endpoint));
        attempt.RetryAfter.ShouldBe(seconds is { } wish ? TimeSpan.FromSeconds(wish) : null);
    }

    [Fact]
    public async Task A_date_far_away_is_a_long_wish_of_which_a_day_is_granted()
    {
        var soon = DateTimeOffset.UtcNow.AddMinutes(10);
        var date = soon.ToString("r", CultureInfo.InvariantCulture);
        var attempt = await AnsweredAsync($"HTTP/1.1 503 No\r\nRetry-After: {date}\r\nContent-Length: 0\r\n\r\n");
        attempt.Outcome.ShouldBe("unavailable");
        attempt.RetryAfter!.Value.ShouldBeInRange(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(10));
        var never = await AnsweredAsync("HTTP/1.1 429 No\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n");
        RetryTable.After(1, never.RetryAfter, 0.5).ShouldBe(RetryTable.RetryAfterMax);
        var seconds = await AnsweredAsync("HTTP/1.1 429 No\r\nRetry-After: 2147483647\r\nContent-Length: 0\r\n\r\n");
        RetryTable.After(1, seconds.RetryAfter, 0.5).ShouldBe(RetryTable.RetryAfterMax);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "delivered")]
    [InlineData("HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\ntaken", "delivered")]
    [InlineData("HTTP/1.0 200 OK\r\n\r\nuntil it closes", "delivered")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\ncut off", "delivered")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "delivered")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00", "delivered")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "delivered")]
    [InlineData("HTTP/1.1 301 Moved\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", "redirect")]
    [InlineData("HTTP/1.1 304 Not Modified\r\n\r\n", "redirect")]
    [InlineData("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", "rejected")]
    [InlineData("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", "rejected")]
    [InlineData("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", "gone")]
    [InlineData("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "server_error")]
    [InlineData("HTTP/1.1 599 No\r\nContent-Length: 0\r\n\r\n", "server_error")]
    [InlineData("HTTP/1.1 504 No\r\nContent-Length: 0\r\n\r\n", "unavailable")]
    [InlineData("SSH-2.0-OpenSSH_9.6\r\n", "protocol")]
    [InlineData("HTTP/1.1 two hundred\r\n\r\n", "protocol")]
    [InlineData("", "closed")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Le", "closed")]
    public async Task Each_answer_has_its_word(string answer, string outcome) => (await AnsweredAsync(answer)).Outcome.ShouldBe(outcome);

    [Fact]
    public async Task An_answer_is_kept_in_a_few_clean_words_and_a_head_that_is_too_large_is_refused()
    {
        var long_ = await AnsweredAsync($"HTTP/1.1 400 No\r\nContent-Length: 3000000\r\n\r\n{new string('x', 100_000)}");
        long_.Outcome.ShouldBe("rejected");
        long_.Answer!.Length.ShouldBeLessThanOrEqualTo(256);
        var strange = await AnsweredAsync("HTTP/1.1 400 No\r\nContent-Length: 9\r\n\r\na\0\x1b[2Jb\xff\xfe");
        strange.Answer.ShouldNotBeNull();
        strange.Answer.Any(char.IsControl).ShouldBeFalse();
        (await AnsweredAsync($"HTTP/1.1 200 OK\r\nX: {new string('y', 70_000)}\r\n\r\n")).Outcome.ShouldBe("protocol");
    }

    [Fact]
    public async Task Whoever_never_ends_is_left_after_fifteen_seconds_and_an_accepted_answer_after_one()
    {
        await using var receiver = new RawReceiver(async (head, stream, ct) =>
        {
            var forever = head.Split(' ')[1];
            if (forever == "/body")
            {
                await RawReceiver.WriteAsync(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ct);
            }

            while (forever != "/silence")
            {
                await RawReceiver.WriteAsync(stream, forever switch
                {
                    "/body" => "4\r\nmore\r\n", "/head" => "", _ => "HTTP/1.1 103 Early\r\n\r\n",
                }, ct);
                await Task.Delay(50, ct);
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, ct);
        });
        var attempts = await Task.WhenAll(new[] { "/body", "/head", "/early", "/silence" }.Select(path => PostAsync(receiver.Url(path))));
        attempts.Select(a => a.Outcome).ShouldBe(["delivered", "timeout", "timeout", "timeout"]);
        attempts[1..].ShouldAllBe(a => a.Blame == Blame.Key && a.LatencyMs >= 14_000);
        attempts[0].LatencyMs.ShouldBeLessThan(14_000);
    }

    [Theory]
    [InlineData("127.0.0.1", -1, 1, "UntrustedRoot")]
    [InlineData("127.0.0.1", -20, -10, "NotTimeValid")]
    [InlineData("127.0.0.1", 10, 20, "NotTimeValid")]
    [InlineData("other.example", -1, 1, "NameMismatch")]
    public async Task A_certificate_that_does_not_hold_is_said_to_be_so(string name, int from, int until, string said)
    {
        await using var receiver = new RawReceiver((_, stream, ct) => RawReceiver.WriteAsync(stream, "HTTP/1.1 200 OK\r\n\r\n", ct),
            RawReceiver.Certificate(name, DateTimeOffset.UtcNow.AddDays(from), DateTimeOffset.UtcNow.AddDays(until)));
        var attempt = await PostAsync(receiver.Url("/"));
        (attempt.Outcome, attempt.Blame, attempt.Status).ShouldBe(("tls", Blame.Host, null));
        attempt.Answer.ShouldNotBeNull().ShouldContain(said);
    }

    [Fact]
    public async Task A_name_that_leads_elsewhere_the_next_time_is_judged_the_next_time_with_every_address_it_has()
    {
        await using var receiver = new RawReceiver((_, stream, ct) =>
            RawReceiver.WriteAsync(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", ct));
        (string[] Addresses, string Outcome)[] turns =
        [
            (["127.0.0.1"], "delivered"), (["10.0.0.1"], "blocked"), (["127.0.0.1", "169.254.169.254"], "blocked"), (["::1"], "blocked"),
            (["::ffff:192.168.0.1"], "blocked"), (["64:ff9b::a9fe:a9fe"], "blocked"), (["fe80::1%1"], "blocked"), ([], "dns"),
            ([.. Enumerable.Repeat("127.0.0.1", 17)], "dns"), (["::ffff:127.0.0.1"], "delivered"),
        ];
        var next = new Queue<string[]>(turns.Select(t => t.Addresses));
        using var rebound = new OutboundHttp(new([IPNetwork.Parse("127.0.0.0/8")]), TimeProvider.System,
            _ => [.. next.Dequeue().Select(IPAddress.Parse)]);
        var url = new UriBuilder(receiver.Url("/")) { Host = "rebound.example" }.Uri;
        foreach (var (addresses, outcome) in turns)
        {
            var attempt = await rebound.PostAsync(url, "{}"u8.ToArray(), "evt_1", Keys, NoHeaders, Ct);
            attempt.Outcome.ShouldBe(outcome, string.Join(' ', addresses));
        }
    }

    [Fact]
    public async Task A_connection_on_which_nothing_is_said_is_closed_after_some_seconds()
    {
        var closed = new TaskCompletionSource();
        await using var receiver = new RawReceiver(async (_, stream, ct) =>
        {
            await RawReceiver.WriteAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ct);
            if (await stream.ReadAsync(new byte[1], ct) == 0)
            {
                closed.TrySetResult();
            }
        });
        (await PostAsync(receiver.Url("/"))).Outcome.ShouldBe("delivered");
        await closed.Task.WaitAsync(TimeSpan.FromSeconds(60), Ct);
    }

    [Fact]
    public async Task What_is_posted_is_what_is_signed_and_nothing_else_is_sent_along()
    {
        var head = new TaskCompletionSource<string>();
        await using var receiver = new RawReceiver(async (sent, stream, ct) =>
        {
            head.TrySetResult(sent);
            await RawReceiver.WriteAsync(stream,
                "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nAlt-Svc: h3=\":1\"\r\nContent-Length: 0\r\n\r\n", ct);
        });
        var headers = new Dictionary<string, string> { ["Authorization"] = "Bearer x", ["X-Long"] = new('v', 1_000) };
        (await http.PostAsync(receiver.Url("/hook?a=%0d%0aX-Evil:1"), "{}"u8.ToArray(), "evt_1", Keys, headers, Ct)).Outcome
            .ShouldBe("delivered");
        var lines = (await head.Task).Split("\r\n");
        lines[0].ShouldBe("POST /hook?a=%0d%0aX-Evil:1 HTTP/1.1");
        lines.TakeWhile(l => l.Length > 0).Skip(1).Select(l => l.Split(':')[0].ToLowerInvariant()).Order(StringComparer.Ordinal).ShouldBe(
            ["authorization", "content-length", "content-type", "host", "user-agent", "webhook-id", "webhook-signature",
                "webhook-timestamp", "x-long"]);
    }

    private async Task<Attempt> AnsweredAsync(string answer)
    {
        await using var receiver = new RawReceiver((_, stream, ct) => RawReceiver.WriteAsync(stream, answer, ct));
        return await PostAsync(receiver.Url("/"));
    }

    private Task<Attempt> PostAsync(Uri url) => http.PostAsync(url, "{}"u8.ToArray(), "evt_1", Keys, NoHeaders, Ct);
}
