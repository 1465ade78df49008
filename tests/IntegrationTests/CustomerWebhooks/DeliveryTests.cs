using Bsp.Domain.Common;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.AspNetCore.Http;

namespace Bsp.IntegrationTests.CustomerWebhooks;

/// <summary>At least once, in order for each key, and a key that fails holds up itself alone; whatever the receiver does.</summary>
public sealed class DeliveryTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Every_event_is_told_in_the_logs_order_for_each_conversation_and_a_failing_one_holds_up_itself_alone()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        Guid[] conversations = [.. Enumerable.Range(0, 6).Select(_ => Uuid.New())];
        var (bad, mended) = (conversations[2], false);
        receiver.Answer = (hook, _) => Task.FromResult(hook.Conversation() == bad && !Volatile.Read(ref mended) ? 422 : 204);
        var hook = await organization.NewHookAsync(receiver.Url, null, "message.skipped");
        var sent = await app.SendAsync(organization, conversations, 15);

        await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == 5 * 15, "the others are told");
        var held = await organization.ShownAsync(hook, w => w["metrics"].GetProperty("held_keys").GetInt32() == 1, "one key is held");
        held["status"].GetString().ShouldBe("active");
        // nothing behind the first
        receiver.All.Where(h => h.Conversation() == bad).Select(h => h.Message()).Distinct()
            .ShouldBe([sent.First(s => s.Conversation == bad).Message]);
        sent.AddRange(await app.SendAsync(organization, conversations, 3)); // the cursor has passed what is held
        await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == 5 * 18, "the others go on");

        Volatile.Write(ref mended, true);
        await app.HurriedAsync(hook, receiver, all => all.DistinctBy(h => h.Id).Count() == 6 * 18, "all are told");
        ShouldBeInOrder(receiver, conversations, sent);
        await organization.ShownAsync(hook, w => w["metrics"].GetProperty("held_keys").GetInt32() == 0
            && w["metrics"].GetProperty("up_to_date").GetBoolean(), "nothing is held");
        var log = await organization.Reader.SendAsync("GET", $"{hook.Path}/deliveries?succeeded=false");
        log["data"].EnumerateArray().Select(d => d.GetProperty("outcome").GetString()).Distinct().ShouldBe(["rejected"]);
    }

    [Fact]
    public async Task A_receiver_that_was_away_gets_everything_when_it_is_back()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync(ApiProcess.FreePort()); // nobody is given it while this one is away
        var hook = await organization.NewHookAsync(receiver.Url, null, "message.*");
        Guid[] conversations = [.. Enumerable.Range(0, 4).Select(_ => Uuid.New())];
        await receiver.GoAwayAsync();
        var sent = await app.SendAsync(organization, conversations, 10);
        var failing = await organization.ShownAsync(hook, w => w["retry_count"].GetInt32() > 0, "it is tried and fails");
        failing["metrics"].GetProperty("last_error").GetString().ShouldBe("connect");
        failing["metrics"].GetProperty("held_keys").GetInt32().ShouldBe(0); // the cursor stands: nothing needs a row of its own
        failing["metrics"].GetProperty("next_attempt_at").GetDateTimeOffset().ShouldBeGreaterThan(DateTimeOffset.UtcNow.AddSeconds(-10));
        await receiver.ComeBackAsync();
        await app.HurriedAsync(hook, receiver, all => all.DistinctBy(h => h.Id).Count() == 40, "all are told");
        ShouldBeInOrder(receiver, conversations, sent);
        (await organization.ShownAsync(hook, w => w["retry_count"].GetInt32() == 0, "it works again"))["metrics"]
            .TryGetProperty("last_error", out var error).ShouldBeTrue();
        error.ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
    }

    [Fact]
    public async Task What_goes_wrong_has_a_word_of_its_own_and_nothing_of_it_hurts_a_neighbour()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        await using var other = await HookReceiver.StartAsync();
        var good = await organization.NewHookAsync(other.Url, null, "message.*");
        receiver.Answer = async (hook, context) =>
        {
            switch (hook.Path)
            {
                case "/redirect":
                    context.Response.Headers.Location = other.Url + "/led-there";
                    return 307;
                case "/hang":
                    await Task.Delay(TimeSpan.FromSeconds(40), context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                    return 200;
                case "/large":
                    for (var i = 0; i < 2_000 && !context.RequestAborted.IsCancellationRequested; i++)
                    {
                        await context.Response.WriteAsync(new string('x', 10_000));
                    }

                    return 200;
                case "/dribble":
                    await context.Response.WriteAsync("taken");
                    await context.Response.Body.FlushAsync();
                    await Task.Delay(TimeSpan.FromSeconds(40), context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                    return 200;
                case "/close":
                    context.Abort();
                    return 0;
                default:
                    return int.Parse(hook.Path[1..], System.Globalization.CultureInfo.InvariantCulture);
            }
        };
        var root = $"http://127.0.0.1:{receiver.Port}";
        (string Url, string Outcome)[] cases =
        [
            ($"{root}/204", "delivered"), ($"{root}/large", "delivered"), ($"{root}/dribble", "delivered"),
                ($"{root}/redirect", "redirect"), ($"{root}/400", "rejected"), ($"{root}/410", "gone"), ($"{root}/429", "too_many"),
            ($"{root}/500", "server_error"), ($"{root}/503", "unavailable"), ($"{root}/hang", "timeout"), ($"{root}/close", "closed"),
            ("http://127.0.0.1:1/", "connect"), ($"https://127.0.0.1:{receiver.Port}/", "tls"),
            ("http://no-such-host.invalid/", "dns"), ("http://[::ffff:10.0.0.1]/", ""), ("http://192.168.0.1/", ""),
        ];
        var hooks = new List<(TestHook Hook, string Outcome)>();
        foreach (var (url, outcome) in cases)
        {
            if (outcome.Length == 0)
            {
                (await organization.Admin.SendAsync("POST", "/v1/webhooks", new { name = "x", url, events = new[] { "*" } }))
                    .ShouldBeProblem(400, "request.invalid");
                continue;
            }

            hooks.Add((await organization.NewHookAsync(url, null, "message.*"), outcome));
        }

        // One event for all of them: each is told, and fails, by itself.
        var (_, message) = (await app.SendAsync(organization, [Uuid.New()], 1))[0];
        await other.AcceptedAsync(all => all.Any(h => h.Message() == message), "the neighbour is told, whoever hangs");
        foreach (var (hook, outcome) in hooks)
        {
            var log = await Patience.UntilAsync(() => organization.Reader.SendAsync("GET", $"{hook.Path}/deliveries"), a =>
                a["data"].GetArrayLength() > 0, $"{outcome} is logged");
            log["data"].EnumerateArray().Last().GetProperty("outcome").GetString().ShouldBe(outcome, log.Text);
            (log["data"].EnumerateArray().Last().GetProperty("answer").GetString()?.Length ?? 0).ShouldBeLessThanOrEqualTo(256);
        }

        other.All.ShouldNotContain(h => h.Path.EndsWith("/led-there", StringComparison.Ordinal), "nobody followed the redirect");
        var gone = hooks.Single(h => h.Outcome == "gone").Hook;
        var shown = await organization.ShownAsync(gone, w => w["status_exact"].GetString() == "disabled", "410 switches it off");
        (shown["status"].GetString(), shown["disabled_reason"].GetString()).ShouldBe(("inactive", "gone"));
        var slow = (await organization.ShownAsync(hooks.Single(h => h.Outcome == "too_many").Hook, w =>
            w["retry_count"].GetInt32() > 0, "429 is noted"))["metrics"].GetProperty("next_attempt_at").GetDateTimeOffset();
        slow.ShouldBeGreaterThan(DateTimeOffset.UtcNow.AddSeconds(20)); // at least a minute after the attempt
        (await organization.Reader.SendAsync("GET", good.Path))["status"].GetString().ShouldBe("active");
        foreach (var (hook, _) in hooks)
        {
            (await organization.Admin.SendAsync("DELETE", hook.Path)).Status.ShouldBe(204);
        }
    }

    [Fact]
    public async Task After_three_days_it_is_disabled_the_others_are_told_and_enabling_goes_on_from_the_cursor()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        await using var other = await HookReceiver.StartAsync();
        var works = false;
        receiver.Answer = (_, _) => Task.FromResult(Volatile.Read(ref works) ? 200 : 503);
        var hook = await organization.NewHookAsync(receiver.Url, null, "message.*");
        await organization.NewHookAsync(other.Url, null, "webhook.disabled");
        var sent = await app.SendAsync(organization, [Uuid.New()], 5);
        await organization.ShownAsync(hook, w => w["retry_count"].GetInt32() > 0, "it fails");
        var shown = await Patience.UntilAsync(async () =>
        {
            // three days of failures, as soon as nobody owns it: whoever does writes a number of their own
            await app.RunAsync("UPDATE bsp.webhook_cursors SET failures = 17, due_at = now() WHERE webhook_id = $1 AND owner IS NULL",
                hook.Id);
            return await organization.Admin.SendAsync("GET", hook.Path);
        }, w => w["status_exact"].GetString() == "disabled", "it is disabled");
        shown["disabled_reason"].GetString().ShouldBe("unavailable");
        (await other.AcceptedAsync(all => all.Count >= 1, "the other endpoint is told"))[0].Data.GetProperty("webhook_id").GetGuid()
            .ShouldBe(hook.Id);
        (await organization.Admin.SendAsync("GET", "/v1/audit-trail")).Text.ShouldContain("webhook.disabled");
        sent.AddRange(await app.SendAsync(organization, [Uuid.New()], 3)); // while it is off

        Volatile.Write(ref works, true);
        var before = receiver.Accepted.Count;
        before.ShouldBe(0);
        (await organization.Admin.SendAsync("POST", $"{hook.Path}/enable"))["status"].GetString().ShouldBe("active");
        var told = await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == 8, "all are told");
        told.Select(h => h.Message()).ToHashSet().SetEquals(sent.Select(s => s.Message)).ShouldBeTrue();

        // Rewinding tells them again, under the same ids.
        (await organization.Admin.SendAsync("POST", $"{hook.Path}/recover", new { since = DateTimeOffset.UtcNow.AddDays(-31) }))
            .ShouldBeProblem(400, "request.invalid");
        (await organization.Admin.SendAsync("POST", $"{hook.Path}/recover", new { since = DateTimeOffset.UtcNow.AddDays(1) }))
            .ShouldBeProblem(400, "request.invalid");
        var ids = told.Select(h => h.Id).ToHashSet();
        (await organization.Admin.SendAsync("POST", $"{hook.Path}/recover",
            new { since = DateTimeOffset.UtcNow.AddHours(-1) })).Status.ShouldBe(200);
        var again = await receiver.AcceptedAsync(all => all.Count >= 16, "all are told again");
        again.Select(h => h.Id).ToHashSet().SetEquals(ids).ShouldBeTrue();
    }

    [Fact]
    public async Task Filters_thin_payloads_and_the_stream_bring_what_was_asked_for()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var second = await AppFixture.NewAccountAsync(organization.Admin);
        await organization.NewHookAsync(receiver.Url, new { payload = "thin", account_ids = new[] { second } }, "message.*");
        (await organization.Admin.SendAsync("POST", "/v1/webhooks",
            new { name = "x", url = receiver.Url, events = new[] { "*" }, account_ids = new[] { Guid.NewGuid() } }))
            .ShouldBeProblem(404, "account.unknown");
        using var stream =
            await organization.Reader.GetAsync("/v1/events/stream?types=message.*", HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await stream.Content.ReadAsStreamAsync());
        (await lines.ReadLineAsync())!.ShouldStartWith(":");
        await app.SendAsync(organization, [Uuid.New()], 3);
        var sent = await app.SendAsync(organization, [Uuid.New()], 2, second);

        var told = (await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == 2, "those of the second number are told"))
            .DistinctBy(h => h.Id).ToList();
        told.Select(h => h.Message()).ShouldBe(sent.Select(s => s.Message));
        told[0].Data.EnumerateObject().ShouldAllBe(p => p.Name.EndsWith("_id"));
        var streamed = await ReadAsync(lines, 5);
        streamed.Select(e => e.Type).Distinct().ShouldBe(["message.skipped"]);
        using var resumed =
            new HttpRequestMessage(HttpMethod.Get,
                "/v1/events/stream?types=message.*") { Headers = { { "Last-Event-ID", streamed[2].Place } } };
        using var answer = await organization.Reader.SendAsync(resumed, HttpCompletionOption.ResponseHeadersRead);
        using var rest = new StreamReader(await answer.Content.ReadAsStreamAsync());
        (await ReadAsync(rest, 2)).Select(e => e.Body).ShouldBe(streamed.Skip(3).Select(e => e.Body));
        var pulled = await organization.Reader.SendAsync("GET", "/v1/events?form=public&types=message.*");
        pulled["data"].EnumerateArray().Select(e => e.GetRawText()).ShouldBe(streamed.Select(e => e.Body));
        (await organization.Reader.SendAsync("GET", "/v1/events?form=public&types=nonsense")).ShouldBeProblem(400, "request.invalid");
        (await organization.Reader.SendAsync("GET", "/v1/events/stream?after=nonsense")).ShouldBeProblem(400, "request.after");
    }

    internal static async Task<List<(string Place, string Type, string Body)>> ReadAsync(StreamReader lines, int count)
    {
        var events = new List<(string, string, string)>();
        var (place, type) = ("", "");
        using var deadline = new CancellationTokenSource(Patience.Deadline);
        while (events.Count < count && await lines.ReadLineAsync(deadline.Token) is { } line)
        {
            (place, type) =
                (line.StartsWith("id: ", StringComparison.Ordinal) ? line[4..]
                    : place, line.StartsWith("event: ", StringComparison.Ordinal) ? line[7..] : type);
            if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                events.Add((place, type, line[6..]));
            }
        }

        return events;
    }

    // Against the log: for each key, first tellings come in the order of the log, none missing.
    internal static void ShouldBeInOrder(HookReceiver receiver, IEnumerable<Guid> conversations,
        IReadOnlyList<(Guid Conversation, Guid Message)> sent)
    {
        var told = receiver.Accepted.DistinctBy(h => h.Id).ToLookup(h => h.Conversation(), h => h.Message());
        foreach (var conversation in conversations)
        {
            told[conversation].ShouldBe(sent.Where(s => s.Conversation == conversation).Select(s => s.Message));
        }
    }
}
