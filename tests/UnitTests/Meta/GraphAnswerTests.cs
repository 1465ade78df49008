using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Infrastructure.Meta;

namespace Bsp.UnitTests.Meta;

/// <summary>
/// Whatever comes back from Graph: a send has one outcome and throws nothing, every other call answers or says that Meta did not, and
/// neither time nor memory is without a bound.
/// </summary>
public sealed class GraphAnswerTests
{
    private static readonly MetaNumber Number = new("101", "202", "EAA-token");
    private static readonly string Long = new('a', 9_000);
    private static readonly string Huge = "{\"a\":\"" + new string('x', 20 * 1024 * 1024) + "\"}";

    private static string Error(string code) =>
        "{\"error\":{\"message\":\"(#1) no\",\"type\":\"OAuthException\",\"error_data\":{\"details\":\"so\"},\"code\":" + code + "}}";

    private static byte[] Packed(string text)
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }

        return buffer.ToArray();
    }

    // What an answer to a send proves: its name, its bytes, the outcome, the code.
    private static readonly (string Name, byte[] Answer, SendResult Result, int? Code)[] Sends =
    [
        ("as it should be", OddGraph.Http(200, """{"messages":[{"id":"wamid.1"}]}"""), SendResult.Accepted, null),
        ("with a byte order mark", OddGraph.Http(200, "\uFEFF" + """{"messages":[{"id":"wamid.1"}]}"""), SendResult.Accepted, null),
        ("packed", OddGraph.Http(200, Packed("""{"messages":[{"id":"wamid.1"}]}"""), "Content-Encoding: gzip\r\n"), SendResult.Accepted,
            null),
        ("status of another type", OddGraph.Http(200, """{"messages":[{"id":"wamid.1","message_status":{"x":1}}],"contacts":7}"""),
            SendResult.Accepted, null),
        ("id null", OddGraph.Http(200, """{"messages":[{"id":null}]}"""), SendResult.Unknown, null),
        ("id a number", OddGraph.Http(200, """{"messages":[{"id":7}]}"""), SendResult.Unknown, null),
        ("id empty", OddGraph.Http(200, """{"messages":[{"id":""}]}"""), SendResult.Unknown, null),
        ("id of 9,000 characters", OddGraph.Http(200, $$"""{"messages":[{"id":"{{Long}}"}]}"""), SendResult.Unknown, null),
        ("messages empty", OddGraph.Http(200, """{"messages":[]}"""), SendResult.Unknown, null),
        ("messages an object", OddGraph.Http(200, """{"messages":{"id":"wamid.1"}}"""), SendResult.Unknown, null),
        ("messages of numbers", OddGraph.Http(200, """{"messages":[1]}"""), SendResult.Unknown, null),
        ("an array", OddGraph.Http(200, "[]"), SendResult.Unknown, null),
        ("a word", OddGraph.Http(200, "\"ok\""), SendResult.Unknown, null),
        ("null", OddGraph.Http(200, "null"), SendResult.Unknown, null),
        ("nothing", OddGraph.Http(200, ""), SendResult.Unknown, null),
        ("HTML", OddGraph.Http(200, "<html>hello</html>"), SendResult.Unknown, null),
        ("no UTF-8", OddGraph.Http(200, [0xFF, 0xFE, 0x7B]), SendResult.Unknown, null),
        ("deep", OddGraph.Http(200, new string('[', 5_000)), SendResult.Unknown, null),
        ("20 MB", OddGraph.Http(200, Huge), SendResult.Unknown, null),
        ("20 MB packed into 20 KB", OddGraph.Http(200, Packed(Huge), "Content-Encoding: gzip\r\n"), SendResult.Unknown, null),
        ("says it is packed and is not", OddGraph.Http(200, """{"messages":[{"id":"wamid.1"}]}""", "Content-Encoding: gzip\r\n"),
            SendResult.Unknown, null),
        ("cut off", [.. OddGraph.Http(200, """{"messages":[{"id":"wamid.1"}]}""")[..^5]], SendResult.Unknown, null),
        ("no HTTP", "hello\r\n\r\n"u8.ToArray(), SendResult.Unknown, null),
        ("an error that says 200", OddGraph.Http(200, Error("131026")), SendResult.Rejected, 131026),
        ("code as text", OddGraph.Http(400, Error("\"131026\"")), SendResult.Rejected, 131026),
        ("code as text, passing", OddGraph.Http(400, Error("\"130429\"")), SendResult.Refused, 130429),
        ("code with a fraction of nothing", OddGraph.Http(400, Error("131026.0")), SendResult.Rejected, 131026),
        ("code ambiguous", OddGraph.Http(400, Error("131000")), SendResult.Unknown, 131000),
        ("code true", OddGraph.Http(400, Error("true")), SendResult.Unknown, null),
        ("code null", OddGraph.Http(400, Error("null")), SendResult.Unknown, null),
        ("code an object", OddGraph.Http(400, Error("{}")), SendResult.Unknown, null),
        ("code beyond int", OddGraph.Http(400, Error("99999999999")), SendResult.Unknown, null),
        ("code of 100,000 digits", OddGraph.Http(400, Error(new string('9', 100_000))), SendResult.Unknown, null),
        ("message a number", OddGraph.Http(400, """{"error":{"message":7,"code":131026,"error_data":[],"error_user_msg":{}}}"""),
            SendResult.Rejected, 131026),
        ("half a character in the message",
            OddGraph.Http(400, """{"error":{"message":"\ud83d \u0000","code":131026,"error_data":{"details":"\ud83d"}}}"""),
            SendResult.Rejected, 131026),
        ("error an array", OddGraph.Http(400, """{"error":[1]}"""), SendResult.Unknown, null),
        ("400 and HTML", OddGraph.Http(400, "<html/>"), SendResult.Unknown, null),
        ("404 and nothing", OddGraph.Http(404, ""), SendResult.Unknown, null),
        ("429 of a gateway", OddGraph.Http(429, "slow down"), SendResult.Refused, null),
        ("500 and HTML", OddGraph.Http(500, "<html/>"), SendResult.Unknown, null),
        ("500 with an id", OddGraph.Http(500, """{"messages":[{"id":"wamid.1"}]}"""), SendResult.Unknown, null),
        ("elsewhere", OddGraph.Http(302, "", "Location: http://127.0.0.1:1/\r\n"), SendResult.Unknown, null),
        ("204", "HTTP/1.1 204 X\r\nConnection: close\r\n\r\n"u8.ToArray(), SendResult.Unknown, null),
    ];

    private static GraphClient Client(OddGraph graph) => new(new(graph.BaseUrl, TimeSpan.FromSeconds(30)));

    [Fact]
    public async Task Each_answer_to_a_send_has_its_one_outcome_with_texts_that_every_store_takes()
    {
        foreach (var (name, answer, result, code) in Sends)
        {
            using var graph = new OddGraph(answer);
            using var client = Client(graph);
            var outcome = await client.SendAsync(Number, "{}"u8.ToArray(), TestContext.Current.CancellationToken);
            (outcome.Result, outcome.Code).ShouldBe((result, code), name);
            (outcome.Wamid is not null).ShouldBe(result == SendResult.Accepted, name);
            foreach (var text in new[] { outcome.Title ?? "", outcome.Details ?? "" })
            {
                (text.Length <= 1_000 && Domain.Common.Text.IsStorable(text)).ShouldBeTrue($"{name}: {text.Length}");
            }

            graph.Requests.ShouldBe(1, name);
        }
    }

    private static readonly (string Name, Func<GraphClient, Task> Call)[] Calls =
    [
        ("submit", c =>
            c.SubmitTemplateAsync(Number, null, "x", "en", "UTILITY", JsonSerializer.SerializeToElement(Array.Empty<int>()), default)),
        ("edit", c =>
            c.SubmitTemplateAsync(Number, "7", "x", "en", "UTILITY", JsonSerializer.SerializeToElement(Array.Empty<int>()), default)),
        ("list", c => c.ListTemplatesAsync(Number, default)),
        ("delete", c => c.DeleteTemplateAsync(Number, "x", "7", default)),
        ("unpause", c => c.UnpauseTemplateAsync(Number, "7", default)),
        ("number", c => c.GetNumberAsync(Number, default)),
        ("prove", c => c.ProveAsync(Number, default)),
        ("subscribe", c => c.SubscribeAsync(Number, default)),
    ];

    [Fact]
    public async Task Every_other_call_answers_or_says_that_Meta_did_not_whatever_comes_back()
    {
        (string Name, byte[] Answer)[] more =
        [
            ("data null", OddGraph.Http(200, """{"data":null}""")), ("data an object", OddGraph.Http(200, """{"data":{}}""")),
                ("data of everything", OddGraph.Http(200, """{"data":[1,null,"x",[],{}]}""")),
            ("the same page for ever", OddGraph.Http(200, """{"data":[],"paging":{"next":"x","cursors":{"after":"a"}}}""")),
            ("paging of other types", OddGraph.Http(200, """{"data":[],"paging":[1]}""")),
            ("cursors of other types", OddGraph.Http(200, """{"data":[],"paging":{"next":"x","cursors":7}}""")),
            ("success false", OddGraph.Http(200, """{"success":false}""")),
            ("a template of odd types",
                OddGraph.Http(200,
                    """{"id":"../x","data":[{"id":1e400,"name":7,"language":[],"components":{}},{"id":"../x","name":"x","language":"en"}]}""")),
            ("a number of odd types",
                OddGraph.Http(200,
                    """{"id":null,"display_phone_number":[],"verified_name":{"x":1},"quality_rating":7,"status":null,"whatsapp_business_manager_messaging_limit":"TIER_999999999K"}""")),
            ("another number", OddGraph.Http(200, """{"id":"999"}""")),
        ];
        foreach (var (name, answer) in Sends.Select(s => (s.Name, s.Answer)).Concat(more))
        {
            foreach (var (call, run) in Calls)
            {
                using var graph = new OddGraph(answer);
                using var client = Client(graph);
                try
                {
                    await run(client).WaitAsync(TimeSpan.FromSeconds(120), TestContext.Current.CancellationToken);
                }
                catch (MetaRefused refused)
                {
                    (refused.Message.Length <= 2_000 && Domain.Common.Text.IsStorable(refused.Message)).ShouldBeTrue($"{call}, {name}");
                    refused.Denied.ShouldBe(refused.Message.Contains("does not list the number", StringComparison.Ordinal),
                        $"{call}, {name}: nothing else here says that the token may not");
                }
                catch (Exception e) when (e is not TimeoutException)
                {
                    throw new InvalidOperationException($"{call}, {name}: {e}", e);
                }
            }
        }
    }

    [Fact]
    public async Task A_page_that_names_ever_new_ones_ends_and_odd_templates_are_left_out()
    {
        var page = 0;
        using var graph = new OddGraph((_, stream, ct) => stream.WriteAsync(OddGraph.Http(200, $$$"""
            {"data":[{"id":"{{{++page}}}","name":"n{{{page}}}","language":"en","status":"APPROVED","components":[{"type":"BODY","text":"x","n":1e131071}]},{"id":"{{{Long}}}","name":"x","language":"en"},{"name":"x"}],
            "paging":{"next":"more","cursors":{"after":"{{{page}}}"} } }
            """), ct).AsTask());
        using var client = Client(graph);
        var listed = await client.ListTemplatesAsync(Number, TestContext.Current.CancellationToken);
        listed.Count.ShouldBe(graph.Requests);
        graph.Requests.ShouldBeLessThanOrEqualTo(60);
        listed.ShouldAllBe(t => t.Components.ValueKind == JsonValueKind.Undefined, "no number that PostgreSQL would write out");
    }

    [Fact]
    public async Task An_answer_without_end_is_cut_off_by_its_size_and_one_that_never_comes_by_the_time()
    {
        var written = 0L;
        using var endless = new OddGraph(async (_, stream, ct) =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"u8.ToArray(),
                ct);
            var chunk = Encoding.ASCII.GetBytes("10000\r\n" + new string(' ', 0x10000) + "\r\n");
            while (true)
            {
                await stream.WriteAsync(chunk, ct);
                Interlocked.Add(ref written, chunk.Length);
            }
        });
        using var client = Client(endless);
        (await client.SendAsync(Number, "{}"u8.ToArray(), default)).Result.ShouldBe(SendResult.Unknown);
        Interlocked.Read(ref written).ShouldBeLessThan(64 * 1024 * 1024);
        await Should.ThrowAsync<MetaRefused>(() => client.GetNumberAsync(Number, default));

        using var silent = new OddGraph((_, _, ct) => Task.Delay(Timeout.Infinite, ct));
        using var drip = new OddGraph(async (_, stream, ct) =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"u8.ToArray(), ct);
            while (true)
            {
                await stream.WriteAsync(" "u8.ToArray(), ct);
                await Task.Delay(20, ct);
            }
        });
        foreach (var graph in new[] { silent, drip })
        {
            using var hurried = new GraphClient(new(graph.BaseUrl, TimeSpan.FromSeconds(1)));
            (await hurried.SendAsync(Number, "{}"u8.ToArray(), default)
                .WaitAsync(TimeSpan.FromSeconds(60))).Result.ShouldBe(SendResult.Unknown);
            (await Should.ThrowAsync<MetaRefused>(() =>
                hurried.GetNumberAsync(Number, default).WaitAsync(TimeSpan.FromSeconds(60)))).TimedOut.ShouldBeTrue();
        }
    }

    [Theory]
    [InlineData("EAA\n")]
    [InlineData("EAA\r\nX-Other: 1")]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("EAÄ")]
    [InlineData("EAA 1")]
    public async Task With_a_token_that_can_be_no_header_nothing_leaves_and_that_is_known(string token)
    {
        using var graph = new OddGraph(OddGraph.Http(200, """{"messages":[{"id":"wamid.1"}]}"""));
        using var client = Client(graph);
        (await client.SendAsync(Number with { AccessToken = token }, "{}"u8.ToArray(), default)).Result.ShouldBe(SendResult.Refused);
        await Should.ThrowAsync<MetaRefused>(() => client.GetNumberAsync(Number with { AccessToken = token }, default));
        graph.Requests.ShouldBe(0);
    }

    [Theory]
    [InlineData("..")]
    [InlineData("1/2")]
    [InlineData("1?x=1")]
    [InlineData("1#")]
    [InlineData("%2e%2e")]
    [InlineData("1\n")]
    [InlineData("")]
    [InlineData("http://127.0.0.1/")]
    public async Task What_is_no_id_of_Metas_never_becomes_a_path(string id)
    {
        using var graph = new OddGraph(OddGraph.Http(200, """{"messages":[{"id":"wamid.1"}],"data":[{"id":"1"}],"success":true}"""));
        using var client = Client(graph);
        var odd = new MetaNumber(id, id, "EAA");
        (await client.SendAsync(odd, "{}"u8.ToArray(), default)).Result.ShouldBe(SendResult.Refused);
        foreach (var call in new Func<Task>[]
        {
            () => client.GetNumberAsync(odd, default), () => client.ProveAsync(odd, default), () =>
                client.SubscribeAsync(odd, default), () => client.ListTemplatesAsync(odd, default),
            () => client.UnpauseTemplateAsync(Number, id, default), () => client.DeleteTemplateAsync(odd, "x", null, default),
            () => client.SubmitTemplateAsync(Number, id, "x", "en", "UTILITY", JsonSerializer.SerializeToElement(Array.Empty<int>()),
                default),
        })
        {
            await Should.ThrowAsync<MetaRefused>(call);
        }

        graph.Requests.ShouldBe(0);
    }

    [Fact]
    public async Task Without_a_connection_nothing_left_and_that_is_known()
    {
        var unused = new TcpListener(IPAddress.Loopback, 0);
        unused.Start();
        var port = ((IPEndPoint)unused.LocalEndpoint).Port;
        unused.Dispose();
        foreach (var url in new[] { $"http://127.0.0.1:{port}/v25.0", "http://no-such-host.invalid/v25.0" })
        {
            using var client = new GraphClient(new(new Uri(url), TimeSpan.FromSeconds(30)));
            (await client.SendAsync(Number, "{}"u8.ToArray(), default)).Result.ShouldBe(SendResult.Refused, url);
        }
    }
}
