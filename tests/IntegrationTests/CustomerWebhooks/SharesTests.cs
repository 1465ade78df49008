using System.Collections.Concurrent;
using Bsp.Domain.Common;
using Bsp.Infrastructure.CustomerWebhooks;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.CustomerWebhooks;

/// <summary>What one endpoint, key, host or process may hold up, and what it may not.</summary>
public sealed partial class SharesTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task A_conversation_whose_answer_takes_its_time_holds_up_nothing_that_comes_meanwhile()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var (slow, gate) = (Uuid.New(), new TaskCompletionSource());
        receiver.Answer = async (hook, _) =>
        {
            if (hook.Conversation() == slow)
            {
                await gate.Task;
            }

            return 200;
        };
        var hook = await organization.NewHookAsync(receiver.Url);
        var sent = await app.SendAsync(organization, [slow], 2);
        await Patience.UntilAsync(() => Task.FromResult(receiver.All.Count), n => n == 1, "the slow one is under way");
        Guid[] others = [.. Enumerable.Range(0, 3).Select(_ => Uuid.New())];
        for (var round = 0; round < 3; round++)
        {
            sent.AddRange(await app.SendAsync(organization, others, 2)); // long after the page with the slow one was read
            await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == (round + 1) * 6, "the others are told while it waits");
        }

        // its second waits for its first, however often that is tried
        receiver.All.Where(h => h.Conversation() == slow).Select(h => h.Message()).Distinct().ShouldBe([sent[0].Message]);
        gate.SetResult();
        await app.HurriedAsync(hook, receiver, all => all.DistinctBy(h => h.Id).Count() == sent.Count, "all are told");
        DeliveryTests.ShouldBeInOrder(receiver, [slow, .. others], sent);
        await organization.ShownAsync(hook, w => w["metrics"].GetProperty("up_to_date").GetBoolean(), "it is up to date");
    }

    [Fact]
    public async Task One_that_hangs_holds_up_neither_another_of_its_host_nor_one_of_another()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        await using var elsewhere = await HookReceiver.StartAsync();
        var hang = new TaskCompletionSource();
        receiver.Answer = async (hook, _) =>
        {
            if (hook.Path == "/hang")
            {
                await hang.Task;
            }

            return 200;
        };
        for (var i = 0; i < 5; i++)
        {
            await organization.NewHookAsync($"http://127.0.0.1:{receiver.Port}/hang");
        }

        await organization.NewHookAsync(receiver.Url);
        await organization.NewHookAsync(elsewhere.Url);
        Guid[] conversations = [.. Enumerable.Range(0, 4).Select(_ => Uuid.New())];
        var sent = await app.SendAsync(organization, conversations, 10);
        await elsewhere.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == 40, "another host's is told");
        await receiver.AcceptedAsync(all => all.Where(h => h.Path == "/hook").DistinctBy(h => h.Id).Count() == 40,
            "the same host's is told");
        DeliveryTests.ShouldBeInOrder(elsewhere, conversations, sent);
        receiver.All.Count(h => h.Path == "/hang").ShouldBeGreaterThanOrEqualTo(5);
        hang.SetResult();
    }

    [Fact]
    public async Task No_more_are_under_way_and_no_more_a_second_than_the_endpoint_wants()
    {
        const int PerSecond = 10;
        var organization = await app.NewOrganizationAsync();
        await using var narrow = await HookReceiver.StartAsync();
        await using var calm = await HookReceiver.StartAsync();
        var (now, most) = (0, 0);
        var full = new TaskCompletionSource();
        narrow.Answer = async (_, _) =>
        {
            var here = Interlocked.Increment(ref now);
            if (here == 3)
            {
                full.TrySetResult(); // the first wait for each other, however slowly they are begun
            }

            int seen;
            while (here > (seen = Volatile.Read(ref most)) && Interlocked.CompareExchange(ref most, here, seen) != seen)
            {
                // Somebody raised it meanwhile.
            }

            await full.Task;
            await Task.Delay(30);
            Interlocked.Decrement(ref now);
            return 200;
        };
        await organization.NewHookAsync(narrow.Url, new { concurrency = 3 });
        await organization.NewHookAsync(calm.Url, new { rate_per_second = PerSecond });
        Guid[] conversations = [.. Enumerable.Range(0, 12).Select(_ => Uuid.New())];
        await app.SendAsync(organization, conversations, 4);
        await narrow.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == 48, "all are told");
        most.ShouldBe(3);
        var told = await calm.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == 48, "all are told, in time");
        var seconds = told.Select(h => long.Parse(h.Headers["webhook-timestamp"], System.Globalization.CultureInfo.InvariantCulture))
            .ToList();

        // What was saved up while nothing was sent, at most a second's worth, and a second's worth.
        seconds.GroupBy(s => s).ShouldAllBe(g => g.Count() <= (2 * PerSecond) + 1);
        (seconds.Max() - seconds.Min()).ShouldBeGreaterThanOrEqualTo(2);
    }

    [Fact]
    public async Task Five_failures_in_a_row_are_the_endpoints_it_is_left_alone_and_then_tried_with_one()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var works = false;
        receiver.Answer = (_, _) => Task.FromResult(Volatile.Read(ref works) ? 200 : 500);
        var hook = await organization.NewHookAsync(receiver.Url, new { concurrency = 1 });
        await app.PausesAreDaysAsync(hook);
        Guid[] conversations = [.. Enumerable.Range(0, 20).Select(_ => Uuid.New())];
        var sent = await app.SendAsync(organization, conversations, 1);
        var paused = await organization.ShownAsync(hook, w => w["retry_count"].GetInt32() == 1, "it is left alone");
        receiver.All.Count.ShouldBe(5);
        paused["metrics"].GetProperty("held_keys").GetInt32().ShouldBe(5);
        paused["metrics"].GetProperty("failing_since").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.String);
        paused["metrics"].GetProperty("waiting").GetInt32().ShouldBe(15);
        paused["metrics"].GetProperty("held_events").GetInt32().ShouldBe(5);

        await app.DueNowAsync(hook);
        await organization.ShownAsync(hook, w => w["retry_count"].GetInt32() == 2, "it was tried again");
        receiver.All.Count.ShouldBe(6, "with a single event");
        Volatile.Write(ref works, true);
        await app.HurriedAsync(hook, receiver, all => all.DistinctBy(h => h.Id).Count() == 20, "all are told");
        DeliveryTests.ShouldBeInOrder(receiver, conversations, sent);
        await organization.ShownAsync(hook, w => w["retry_count"].GetInt32() == 0 && w["metrics"].GetProperty("waiting").GetInt32() == 0
            && w["metrics"].GetProperty("failing_since").ValueKind == System.Text.Json.JsonValueKind.Null, "it works");
    }

    [Fact]
    public async Task A_cursor_that_another_process_took_is_told_nothing_more_by_the_first_and_what_it_did_is_not_written()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var (gate, other) = (new TaskCompletionSource(), Uuid.New());
        receiver.Answer = async (_, _) =>
        {
            await gate.Task;
            return 200;
        };
        var hook = await organization.NewHookAsync(receiver.Url);
        var sent = await app.SendAsync(organization, [Uuid.New()], 1);
        await Patience.UntilAsync(() => Task.FromResult(receiver.All.Count), n => n == 1, "it is under way");

        // Another process has the cursor: this one was stopped for longer than its lease.
        (await app.RunAsync("UPDATE bsp.webhook_cursors SET owner = $2, term = term + 1, due_at = now() + interval '1 hour' "
            + "WHERE webhook_id = $1 AND owner IS NOT NULL", hook.Id, other)).ShouldBe(1);
        sent.AddRange(await app.SendAsync(organization, [Uuid.New(), Uuid.New()], 2));
        gate.SetResult();
        var running = app.Services.GetRequiredService<RunningSessions>();
        await Patience.UntilAsync(() => Task.FromResult(running.Of("default").Count(s => s.Claim.Id == hook.Id)), n => n == 0,
            "the first has noticed and ended");
        receiver.All.Count.ShouldBe(1, "nothing was begun after it was lost");
        (await TextAsync($"SELECT count(*) FROM bsp.webhook_cursors WHERE webhook_id = '{hook.Id}' AND owner = '{other}' "
            + "AND delivered = 0 AND sequence < woken")).ShouldBe("1", "and what was under way moved nothing");

        // The other dies; its lease ends, and everything is told, the first once more.
        await app.RunAsync("UPDATE bsp.webhook_cursors SET due_at = now() WHERE webhook_id = $1 AND owner = $2", hook.Id, other);
        var told = await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == sent.Count, "all are told");
        told.Count.ShouldBe(sent.Count + 1);
        DeliveryTests.ShouldBeInOrder(receiver, sent.Select(s => s.Conversation).Distinct(), sent);
    }

    [Fact]
    public async Task What_is_new_for_a_cursor_of_another_process_is_told_to_that_process_and_one_that_is_told_reads_on()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var hook = await organization.NewHookAsync(receiver.Url);
        await using var connection = new Npgsql.NpgsqlConnection(app.AdminConnectionString);
        await connection.OpenAsync();
        var heard = new ConcurrentQueue<string>();
        connection.Notification += (_, notice) => heard.Enqueue(notice.Payload);
        await using (var listen = new Npgsql.NpgsqlCommand("LISTEN bsp_news", connection))
        {
            await listen.ExecuteNonQueryAsync();
        }

        // It is another process's, which tells it something at this moment.
        await Patience.UntilAsync(() => app.RunAsync("UPDATE bsp.webhook_cursors SET owner = $2, term = term + 1, "
            + "due_at = now() + interval '1 hour' WHERE webhook_id = $1 AND owner IS NULL", hook.Id, Guid.NewGuid()), n => n == 1, "taken");
        await app.SendAsync(organization, [Uuid.New()], 1);
        await Patience.UntilAsync(async () =>
        {
            await new Npgsql.NpgsqlCommand("SELECT 1", connection).ExecuteScalarAsync();
            return heard.Any(text => text.StartsWith("webhooks ", StringComparison.Ordinal) && text.Contains($"{hook.Id:N}"));
        }, told => told, "the other process is told");
        receiver.All.ShouldBeEmpty();

        // And the other way round: this process has it, and whoever wakes cursors is another.
        var gate = new TaskCompletionSource();
        receiver.Answer = async (one, _) =>
        {
            if (one.Message() == receiver.All[0].Message())
            {
                await gate.Task;
            }

            return 200;
        };
        await app.RunAsync("UPDATE bsp.webhook_cursors SET due_at = now() WHERE webhook_id = $1", hook.Id);
        await Patience.UntilAsync(() => Task.FromResult(receiver.All.Count), n => n >= 1, "its first is under way");
        (await app.Platform.SendAsync("POST", "/v1/projections/webhook_wakes.v1/pause")).Status.ShouldBeLessThan(300);
        await Patience.UntilAsync(() => TextAsync("SELECT state FROM bsp.projections WHERE name = 'webhook_wakes.v1'"), s => s == "paused",
            "nobody wakes cursors here");
        await app.SendAsync(organization, [Uuid.New()], 1);
        await app.RunAsync("SELECT pg_notify('bsp_news', $1)", "nonsense");
        await app.RunAsync("SELECT pg_notify('bsp_news', $1)", $"webhooks ,,x,{Guid.NewGuid():N},{hook.Id:N}");
        await receiver.AcceptedAsync(all => all.Count == 1, "it reads on while its first is under way");
        gate.SetResult();
        (await app.Platform.SendAsync("POST", "/v1/projections/webhook_wakes.v1/resume")).Status.ShouldBeLessThan(300);
        await app.HurriedAsync(hook, receiver, all => all.DistinctBy(h => h.Id).Count() == 2, "all are told");
    }

    [Fact]
    public async Task Days_of_the_log_of_deliveries_come_and_go_beside_what_is_delivered()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var hook = await organization.NewHookAsync(receiver.Url);
        var shard = app.Services.GetRequiredService<Shards>().All[0];
        using var sweep = ActivatorUtilities.CreateInstance<WebhookSweep>(app.Services);
        var old = DateTimeOffset.UtcNow.AddDays(-40);
        await app.RunAsync("SELECT bsp.webhook_deliveries_make_partitions((now() - interval '40 days')::date, 1)");
        await app.RunAsync("INSERT INTO bsp.webhook_deliveries (webhook_id, id, organization_id, event_id, event_type, epoch, sequence, "
            + "attempt, cause, outcome, latency_ms, at) VALUES ($1, $2, $3, $2, 'message.sent', 1, 1, 1, 'live', 'delivered', 1, $4)",
            hook.Id, Uuid.New(old), organization.Id, old);
        (await organization.Reader.SendAsync("GET", $"{hook.Path}/deliveries"))["data"].GetArrayLength().ShouldBe(1);

        // Two processes sweep at once, while deliveries are written.
        var sent = await app.SendAsync(organization, [Uuid.New()], 1);
        var dropped = await Task.WhenAll(sweep.SweepAsync(shard, CancellationToken.None), sweep.SweepAsync(shard, CancellationToken.None));
        dropped.Sum().ShouldBeInRange(0, 2); // 0: the application's own sweep was faster
        await receiver.AcceptedAsync(all => all.Count == 1, "it is told");
        await Patience.UntilAsync(() => organization.Reader.SendAsync("GET", $"{hook.Path}/deliveries"),
            a => a["data"].GetArrayLength() == 1 && a["data"][0].GetProperty("created_at").GetDateTimeOffset() > old.AddDays(39),
            "the old one is gone, the new one is there");

        // The sweep was away for days: whoever writes makes the day.
        await app.RunAsync("DROP TABLE " + await TextAsync(
            "SELECT string_agg('bsp.' || c.relname, ', ') FROM pg_class c JOIN pg_inherits i "
            + "ON i.inhrelid = c.oid WHERE i.inhparent = 'bsp.webhook_deliveries'::regclass"));
        sent.AddRange(await app.SendAsync(organization, [Uuid.New()], 1));
        await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == 2, "it is told");
        await Patience.UntilAsync(() => organization.Reader.SendAsync("GET", $"{hook.Path}/deliveries"),
            a => a["data"].GetArrayLength() == 1, "and logged");
        await organization.ShownAsync(hook, w => w["metrics"].GetProperty("up_to_date").GetBoolean(), "the cursor moved");
        receiver.All.Count.ShouldBe(2, "nothing was told twice");
    }

    [Fact]
    public async Task Idle_endpoints_are_asked_nothing()
    {
        var organization = await app.NewOrganizationAsync();
        var hooks = new ConcurrentBag<TestHook>();
        for (var i = 0; i < 20; i++)
        {
            hooks.Add(await organization.NewHookAsync("http://127.0.0.1:1/", null, "campaign.*"));
        }

        Guid[] ids = [.. hooks.Select(h => h.Id)];
        var own = $"FROM bsp.webhook_cursors c WHERE c.webhook_id IN ('{string.Join("','", ids)}')";
        Task<string> StateAsync() => TextAsync($"SELECT string_agg(c::text || c.xmin, E'\\n' ORDER BY c.webhook_id) {own}");
        await Patience.UntilAsync(() => TextAsync($"SELECT count(*) {own} AND (c.owner IS NOT NULL OR c.due_at IS NOT NULL)"),
            n => n == "0", "they are idle");
        var before = await StateAsync();

        // Much happens that is none of theirs, and an endpoint beside them is told of it.
        await using var receiver = await HookReceiver.StartAsync();
        await organization.NewHookAsync(receiver.Url);
        await app.SendAsync(organization, [Uuid.New()], 30);
        await receiver.AcceptedAsync(all => all.Count == 30, "the one is told");
        (await StateAsync()).ShouldBe(before, "no row of theirs was written");
    }

    private async Task<string> TextAsync(string sql)
    {
        await using var command = app.Admin.CreateCommand(sql);
        return Convert.ToString(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture)!;
    }
}
