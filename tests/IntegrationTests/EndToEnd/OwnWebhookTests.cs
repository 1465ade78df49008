using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using Bsp.Domain.Common;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Whatever is signed is answered 200 and kept, whatever it says (promise 1).</summary>
public sealed class OwnWebhookTests(TenantApp app) : IClassFixture<TenantApp>
{
    /// <summary>Files of <c>payloads/</c>, and what is too odd or too large to lie there.</summary>
    public static TheoryData<string> Payloads =>
        new((IEnumerable<string>)[.. Directory.GetFiles(Folder()).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal),
            .. Odd.Keys]);

    private static readonly Dictionary<string, Func<byte[]>> Odd = new()
    {
        ["nothing"] = () => [],
        ["not JSON"] = () => "hello"u8.ToArray(),
        ["half a JSON"] = () => """{"object":"whatsapp_business_account","entry":[{"""u8.ToArray(),
        ["not UTF-8"] = () => [0x7B, 0x22, 0xC3, 0x28, 0xFF, 0xFE, 0x00, 0x7D],
        ["text that is not UTF-8"] = () =>
            [.. """{"entry":[{"id":"WABA","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"PHONE"},"messages":[{"id":"wamid.own.latin","from":"919876599009","type":"text","text":{"body":"Gr"""u8, 0xFC, .. "\"}}]}}]}]}"u8],
        ["empty object"] = () => "{}"u8.ToArray(),
        ["array"] = () => "[{}]"u8.ToArray(),
        ["null"] = () => "null"u8.ToArray(),
        ["entry of the wrong kind"] = () => """{"entry":{"changes":[]}}"""u8.ToArray(),
        ["changes of the wrong kind"] = () => """{"entry":[{"id":7,"changes":[1,"x",null,{"field":7,"value":[]}]}]}"""u8.ToArray(),
        ["deep"] = () => Encoding.UTF8.GetBytes($"{string.Concat(Enumerable.Repeat("{\"a\":", 5_000))}1{new string('}', 5_000)}"),
        ["deep value"] = () =>
            Encoding.UTF8.GetBytes(
                $$$"""{"entry":[{"id":"1","changes":[{"field":"x","value":{"a":{{{new string('[', 55)}}}{{{new string(']', 55)}}}}}]}]}"""),
        ["5 MB"] = () =>
            Encoding.UTF8.GetBytes(
                $$$"""{"entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"5"},"text":"{{{new string('x', 5_000_000)}}}"}}]}]}"""),
    };

    [Theory]
    [MemberData(nameof(Payloads))]
    public async Task It_is_200_and_kept_and_never_fails(string name)
    {
        var tenant = app.Tenant;
        var text = Encoding.Latin1.GetString(Odd.TryGetValue(name, out var make) ? make()
            : await File.ReadAllBytesAsync(Path.Combine(Folder(), name)));
        var body = Encoding.Latin1.GetBytes(text.Replace("WABA", tenant.WabaId, StringComparison.Ordinal)
            .Replace("PHONE", tenant.PhoneNumberId, StringComparison.Ordinal));
        (await app.PostWebhookAsync(body)).Status.ShouldBe(200);
        (await app.KeptAsync(body)).ShouldBe(1);
        await app.Views.InboxEmptyAsync();
        await app.NoneFailedAsync();
        var wanted = name switch
        {
            "text.json" => "wamid.own.text", "unicode_escaped.json" => "wamid.own.unicode", "lone_surrogate.json" => "wamid.own.surrogate",
                "nul.json" => "wamid.own.nul", "unknown_types.json" => "wamid.own.hologram", "text that is not UTF-8" => "wamid.own.latin",
            _ => null,
        };
        if (wanted is not null)
        {
            (await app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = 'message_received' AND stream_id = $1",
                Uuid.InboundMessage(tenant.PhoneNumberId, wanted))).ShouldBe("1");
            await Patience.UntilAsync(() => app.Views.Documents.MessagesAsync(wanted), n =>
                n == "1", "the message shows in the conversation");
        }
    }

    [Fact]
    public async Task Large_bodies_that_are_announced_and_do_not_come_take_no_room_and_keep_nobody_out()
    {
        const int mb = 1024 * 1024;
        // six times the room there is: each was told to go on
        var stalled = await Task.WhenAll(Enumerable.Repeat(10, 20).Select(size => StalledAsync(size * mb)));
        (await app.PostWebhookAsync("{\"small\":1}"u8.ToArray())).Status.ShouldBe(200);
        (await app.PostWebhookAsync(Encoding.UTF8.GetBytes($"{{\"large\":\"{new string('x', 3_000_000)}\"}}"))).Status.ShouldBe(200);
        foreach (var connection in stalled)
        {
            using var reader = new StreamReader(connection.GetStream());
            (await reader.ReadLineAsync()).ShouldBe("HTTP/1.1 503 Service Unavailable");
            (await reader.ReadToEndAsync()).ShouldContain("Retry-After:");
            connection.Dispose();
        }
    }

    [Fact]
    public async Task Whatever_the_inbox_points_at_that_is_no_longer_there_is_noted_and_holds_nobody_up()
    {
        const int more = 450; // than two pages hold
        await app.Views.ScalarAsync(
            $"WITH put AS (INSERT INTO bsp.webhook_inbox (journal_id, received_at) SELECT -n, now() - interval '9 days' FROM generate_series(1, {more}) n RETURNING 1) SELECT count(*) FROM put");
        var body = "{\"after\":\"them\"}"u8.ToArray();
        (await app.PostWebhookAsync(body)).Status.ShouldBe(200);
        await app.Views.InboxEmptyAsync();
        (await app.Views.ScalarAsync("SELECT count(DISTINCT journal_id) FROM bsp.webhook_notes WHERE reason = 'gone' AND journal_id < 0"))
            .ShouldBe($"{more}");
    }

    // Headers only; returns when the API asks for the body.
    private async Task<TcpClient> StalledAsync(int length)
    {
        var connection = new TcpClient();
        await connection.ConnectAsync(app.Address.Host, app.Address.Port);
        await connection.GetStream()
            .WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /webhooks/meta HTTP/1.1\r\nHost: {app.Address.Authority}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nX-Hub-Signature-256: sha256={new string('0', 64)}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"));
        var told = new byte["HTTP/1.1 100 Continue\r\n\r\n".Length];
        await connection.GetStream().ReadExactlyAsync(told);
        Encoding.ASCII.GetString(told).ShouldStartWith("HTTP/1.1 100");
        return connection;
    }

    [Fact]
    public async Task With_a_wrong_or_missing_signature_it_is_401_and_nothing_is_stored()
    {
        var body = "{\"never\":\"stored\"}"u8.ToArray();
        (await app.PostWebhookAsync(body, "another secret")).ShouldBeProblem(401, "webhook.signature");
        foreach (var header in new[] { "", "sha256=", "sha256=00", "sha1=" + new string('0', 40), "sha256=" + new string('0', 64),
            new string('0', 64) })
        {
            (await app.Anonymous.SendAsync("POST", "/webhooks/meta", "{\"never\":\"stored\"}", ("X-Hub-Signature-256", header)))
                .ShouldBeProblem(401, "webhook.signature");
        }

        (await app.Anonymous.SendAsync("POST", "/webhooks/meta", "{\"never\":\"stored\"}")).ShouldBeProblem(401, "webhook.signature");
        (await app.KeptAsync(body)).ShouldBe(0);
    }

    [Fact]
    public async Task A_status_of_an_unknown_message_waits_until_the_message_is_known()
    {
        var tenant = app.Tenant;
        app.Meta.State.WebhooksPaused = true;
        try
        {
            var sent = await tenant.Api.SendAsync("POST", "/v1/messages", new
            {
                account_id = tenant.AccountId, to = "+919871250003", type = "template", // accepted, but the answer never comes
                template = new { name = "order_on_its_way", language = new { code = "en" },
                    components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } },
            });
            sent.Status.ShouldBe(201, sent.Text);
            var wamid = (await Patience.UntilAsync(() =>
                Task.FromResult(app.Meta.State.Messages().LastOrDefault(m => m.CallbackData == sent["id"].GetString())), m =>
                    m is not null, "Meta has the message"))!.Wamid!;
            (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $$"""
                "statuses":[{"id":"{{wamid}}","status":"beamed","timestamp":"1790000000","recipient_id":"919871250003"}]
                """))).Status.ShouldBe(200);
            await app.Views.InboxEmptyAsync();
            (await ParkedAsync(wamid)).ShouldBe("1");
            (await NotedAsync(tenant)).ShouldBe("0");
        }
        finally
        {
            app.Meta.State.WebhooksPaused = false;
        }

        await Patience.UntilAsync(() => NotedAsync(tenant), n => n == "1", "the status is recorded");
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync(
                "SELECT count(*) FROM bsp.parked_statuses WHERE organization_id = $1 AND item::text LIKE '%beamed%' AND wamid NOT LIKE 'wamid.own.%'", tenant.Id), n => n == "0", "nothing waits any more");
    }

    private Task<string> ParkedAsync(string wamid) =>
        app.Views.ScalarAsync("SELECT count(*) FROM bsp.parked_statuses WHERE wamid = $1", wamid);

    private Task<string> NotedAsync(Tenant tenant) =>
        app.Views.ScalarAsync(
            "SELECT count(*) FROM mt_events WHERE type = 'message_status_noted' AND data ->> 'status' = 'beamed' AND tenant_id = $1",
            $"{tenant.Id}");

    private static string Folder([CallerFilePath] string path = "") => Path.Combine(Path.GetDirectoryName(path)!, "payloads");
}
