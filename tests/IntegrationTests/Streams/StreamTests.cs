using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Streams;

/// <summary>GET /v1/stream as a browser and a program follow it.</summary>
public sealed class StreamTests(TenantApp app) : IClassFixture<TenantApp>
{
    private static readonly string[] News = ["note", "mention", "presence", "typing"];
    private static int numbers;

    private Tenant Own => app.Tenant;

    [Fact]
    public async Task What_happens_is_told_in_order_as_documents_and_after_a_break_it_goes_on_where_it_was()
    {
        await using var first = await OpenAsync(Own.Api);
        await first.UntilAsync("hello");
        var from = NewNumber();
        await WriteAsync(Own, from, "one ❤");
        var message = await first.UntilAsync("message", f => Text(f) == "one ❤");
        message.Id.ShouldNotBeNull();
        message.Data.GetProperty("direction").GetString().ShouldBe("inbound");
        var conversation = await first.UntilAsync("conversation", f => f.GetProperty("unread_count").GetInt32() == 1
            && f.GetProperty("contact").GetProperty("phone_number").GetString() == "+" + from); // not the late one of another test
        var last = first.All.Last(f => f.Id is not null).Id!;
        await first.DisposeAsync();

        await WriteAsync(Own, from, "two");
        await WriteAsync(Own, from, "three");
        await Patience.UntilAsync(() => Own.Api.SendAsync("GET", $"/v1/conversations/{conversation.Data.GetProperty("id").GetGuid()}"),
            c => c["unread_count"].GetInt32() == 3, "all are shown");
        await using var second = await OpenAsync(Own.Api, last);
        await second.UntilAsync("message", f => Text(f) == "three");
        second.All.Where(f => f.Name == "message" && f.Data.GetProperty("direction").GetString() == "inbound").Select(f => Text(f.Data))
            .ShouldBe(["two", "three"]);
        (await second.UntilAsync("conversation", f =>
            f.GetProperty("unread_count").GetInt32() == 3)).Data.GetProperty("last_message_preview").GetString().ShouldBe("three");
        await WriteAsync(Own, from, "four");
        await second.UntilAsync("message", f => Text(f) == "four");
    }

    [Fact]
    public async Task What_one_customer_writes_in_one_moment_is_in_the_log_in_the_order_of_its_coming()
    {
        const int Each = 40;
        string[] from = [.. Enumerable.Range(0, 3).Select(_ => NewNumber())];
        for (var i = 0; i < Each; i++)
        {
            foreach (var number in from) // one webhook after another, as fast as they are taken; both readers work them off
            {
                await WriteAsync(Own, number, [$"{i}"]);
            }
        }

        await WriteAsync(Own, from[0], [.. Enumerable.Range(Each, Each).Select(i => $"{i}")]); // and many in one
        var conversations = await Patience.UntilAsync(async () =>
        {
            var shown = await Own.Api.SendAsync("GET", "/v1/conversations?limit=200");
            return shown["data"].EnumerateArray().Where(c => from.Any(f => c.GetRawText().Contains(f, StringComparison.Ordinal))).ToList();
        }, all => all.Count == 3 && all.Sum(c => c.GetProperty("unread_count").GetInt32()) == 4 * Each, "all are shown");
        var log = new List<JsonElement>();
        for (string? after = null; ;)
        {
            var page = await Own.Api.SendAsync("GET",
                $"/v1/events?form=public&types=message.received&limit=200{(after is null ? "" : $"&after={after}")}");
            log.AddRange(page["data"].EnumerateArray());
            after = page["next_after"].GetString();
            if (!page["more"].GetBoolean())
            {
                break;
            }
        }

        foreach (var conversation in conversations)
        {
            var id = conversation.GetProperty("id").GetGuid();
            var texts = log.Where(e => e.GetProperty("data").GetProperty("conversation_id").GetGuid() == id)
                .Select(e => e.GetProperty("data").GetProperty("content").GetProperty("message").GetProperty("text").GetProperty("body")
                    .GetString()).ToList();
            texts.Count.ShouldBeOneOf(Each, 2 * Each);
            texts.ShouldBe(Enumerable.Range(0, texts.Count).Select(i => $"{i}"));
        }
    }

    [Fact]
    public async Task Who_was_away_for_too_long_begins_anew_and_a_made_up_id_is_refused()
    {
        await using var stream = await OpenAsync(Own.Api, new Bsp.Application.Common.Position(7, 3).ToToken()); // a place of another epoch
        (await stream.UntilAsync("reset")).Data.GetProperty("position").GetString().ShouldNotBeNullOrEmpty();
        using var refused = await SendAsync(Own.Api, "nonsense!", null);
        ((int)refused.StatusCode).ShouldBe(400);
    }

    [Fact]
    public async Task A_ticket_opens_one_stream_once_and_the_stream_ends_with_the_session()
    {
        var ann = await app.NewPersonAsync(Own.Api, "agent");
        var ticket = await ann.Client.SendAsync("POST", "/v1/stream/ticket");
        ticket.Status.ShouldBe(201, ticket.Text);
        await using (var stream = await OpenAsync(app.Anonymous, null, ticket["ticket"].GetString()))
        {
            await stream.UntilAsync("hello");
            using var again = await SendAsync(app.Anonymous, null, ticket["ticket"].GetString());
            ((int)again.StatusCode).ShouldBe(401);
            (await ann.Client.SendAsync("POST", "/v1/auth/logout")).Status.ShouldBe(204);
            await stream.EndedAsync();
        }

        using var madeUp = await SendAsync(app.Anonymous, null, "tkt_" + new string('a', 43));
        ((int)madeUp.StatusCode).ShouldBe(401);
        using var elsewhere =
            await app.Anonymous.GetAsync($"/v1/me?ticket={(await Own.Api.SendAsync("POST", "/v1/stream/ticket"))["ticket"].GetString()}");
        ((int)elsewhere.StatusCode).ShouldBe(401); // it stands for nobody but on the stream
    }

    [Fact]
    public async Task Neighbours_hear_nothing_and_mentions_only_the_mentioned_and_colleagues_see_presence_and_typing()
    {
        using var neighbour = await app.NewTenantAsync();
        var (ann, bert) = (await app.NewPersonAsync(Own.Api, "agent"), await app.NewPersonAsync(Own.Api, "agent"));
        await using var theirs = await OpenAsync(neighbour.Api);
        await using var anns = await OpenAsync(ann.Client);
        await using var berts = await OpenAsync(bert.Client);
        foreach (var stream in new[] { theirs, anns, berts })
        {
            await stream.UntilAsync("hello");
        }

        var from = NewNumber();
        await WriteAsync(Own, from, "secret");
        var id = (await berts.UntilAsync("message", f => Text(f) == "secret")).Data.GetProperty("conversation_id").GetGuid();
        (await ann.Client.SendAsync("POST", $"/v1/conversations/{id}/notes",
            new { text = "look", mentions = new[] { bert.Id } })).Status.ShouldBe(201);
        await berts.UntilAsync("mention", f => f.GetProperty("conversation_id").GetGuid() == id);
        (await anns.UntilAsync("note", f => f.GetProperty("conversation_id").GetGuid() == id)).Data.TryGetProperty("text", out _)
            .ShouldBeFalse();
        (await bert.Client.SendAsync("PUT", "/v1/presence", new { status = "away" })).Status.ShouldBe(204);
        (await anns.UntilAsync("presence", f => f.GetProperty("user_id").GetGuid() == bert.Id)).Data.GetProperty("status").GetString()
            .ShouldBe("away");
        (await bert.Client.SendAsync("POST", $"/v1/conversations/{id}/typing")).Status.ShouldBe(204);
        (await anns.UntilAsync("typing", f => f.GetProperty("conversation_id").GetGuid() == id)).Data.GetProperty("user_id").GetGuid()
            .ShouldBe(bert.Id);
        await WriteAsync(neighbour, NewNumber(), "their own");
        await theirs.UntilAsync("message", f => Text(f) == "their own");
        theirs.All.ShouldNotContain(f => f.Raw.Contains("secret", StringComparison.Ordinal) || News.Contains(f.Name));
        anns.All.ShouldNotContain(f => f.Name == "mention" || f.Raw.Contains("their own", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_campaign_shows_its_progress_and_floods_nobody_with_its_messages()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(60));
        await using var stream = await OpenAsync(tenant.Api);
        await stream.UntilAsync("hello");
        var campaign = await tenant.LaunchAsync();
        await stream.UntilAsync("campaign", f => f.GetProperty("id").GetGuid() == campaign);
        await stream.UntilAsync("campaign_progress", f =>
            f.GetProperty("id").GetGuid() == campaign && f.GetProperty("progress").GetProperty("sent").GetInt32() == 60);
        stream.All.ShouldNotContain(f => f.Name == "message" || f.Name == "conversation");
    }

    private static string? Text(JsonElement message) =>
        message.GetProperty("content") is { ValueKind: JsonValueKind.Object } content ? content.GetProperty("text").GetString() : null;

    private static string NewNumber() => $"9198555{Interlocked.Increment(ref numbers):00000}";

    private Task WriteAsync(Tenant tenant, string from, string text) => WriteAsync(tenant, from, [text]);

    private async Task WriteAsync(Tenant tenant, string from, string[] texts)
    {
        var items = texts.Select(text => JsonSerializer.Serialize(new
        {
            from, id = $"wamid.{Guid.NewGuid():N}", timestamp = DateTimeOffset.UtcNow.ToUnixTimeSeconds()
                .ToString(System.Globalization.CultureInfo.InvariantCulture), type = "text", text = new { body = text },
        }));
        var webhook = SignedWebhooks.Envelope(tenant, $"\"messages\":[{string.Join(',', items)}]");
        (await app.PostWebhookAsync(webhook)).Status.ShouldBe(200);
    }

    private static Task<HttpResponseMessage> SendAsync(HttpClient client, string? lastId, string? ticket)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, ticket is null ? "/v1/stream" : $"/v1/stream?ticket={ticket}");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        if (lastId is not null)
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastId);
        }

        return client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    private static async Task<Followed> OpenAsync(HttpClient client, string? lastId = null, string? ticket = null)
    {
        var response = await SendAsync(client, lastId, ticket);
        ((int)response.StatusCode).ShouldBe(200);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        return new(response);
    }

    private sealed record Heard(string Name, string? Id, JsonElement Data, string Raw);

    private sealed class Followed : IAsyncDisposable
    {
        private readonly HttpResponseMessage response;
        private readonly Task reading;
        private readonly ConcurrentQueue<Heard> heard = new();

        public Followed(HttpResponseMessage response)
        {
            this.response = response;
            reading = ReadAsync();
        }

        public IReadOnlyList<Heard> All => [.. heard];

        public async Task<Heard> UntilAsync(string name, Func<JsonElement, bool>? wanted = null) =>
            (await Patience.UntilAsync(() =>
                Task.FromResult(heard.FirstOrDefault(f => f.Name == name && (wanted is null || wanted(f.Data)))), f =>
                    f is not null, $"a frame {name}; heard: {string.Join(", ", heard.Select(f => f.Name))}"))!;

        public Task EndedAsync() => reading.WaitAsync(Patience.Deadline);

        public async ValueTask DisposeAsync()
        {
            response.Dispose();
            await reading.WaitAsync(Patience.Deadline);
        }

        private async Task ReadAsync()
        {
            try
            {
                await foreach (var item in SseParser.Create(await response.Content.ReadAsStreamAsync()).EnumerateAsync())
                {
                    heard.Enqueue(new(item.EventType, item.EventId, JsonSerializer.Deserialize<JsonElement>(item.Data), item.Data));
                }
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or HttpRequestException or OperationCanceledException)
            {
                // closed by one side or the other
            }
        }
    }
}
