using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Queue;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// Somebody else writes into Redis: whatever they write, nobody's number sends for another, nobody's STOP is passed over, nothing foreign
/// is shown, and what waits goes on.
/// </summary>
public sealed class ForgedRedisTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    private async Task<IDatabase> RedisAsync() => (await ConnectionMultiplexer.ConnectAsync(app.Redis)).GetDatabase();

    private static object Text(Tenant tenant, string to) => new
    {
        account_id = tenant.AccountId, to, type = "template",
        template = new { name = "order_on_its_way", language = new { code = "en" },
            components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } },
    };

    private Task ForgeAsync(string id, SendJob job) =>
        app.Services.GetRequiredService<MessageQueue>()
        .EnqueueAsync([new Job(id, Outbox.JobName, JsonSerializer.Serialize(job, EventTypes.Json)) { Attempts = 3 }]);

    // A message that waits: its account was stopped for the moment.
    private async Task<Guid> WaitingAsync(Tenant tenant, string to)
    {
        await app.Views.ScalarAsync("UPDATE whatsapp_accounts SET status = 'CONNECTED' WHERE id = $1 RETURNING 1", tenant.AccountId);
        var sent = await tenant.Api.SendAsync("POST", "/v1/messages", Text(tenant, to));
        sent.Status.ShouldBe(201, sent.Text);
        return sent["id"].GetGuid();
    }

    private Task ReachedAsync(Guid message) =>
        Patience.UntilAsync(() => Task.FromResult(app.Meta.State.CountOfCallback($"{message}").Accepted), n =>
            n == 1, "Meta has the message");

    [Fact]
    public async Task A_job_that_names_anothers_account_or_organization_sends_nothing_of_theirs()
    {
        using var own = await app.NewTenantAsync();
        using var victim = await app.NewTenantAsync();
        await app.Services.GetRequiredService<MessageQueue>().PauseAsync(TestContext.Current.CancellationToken);
        Guid message;
        try
        {
            message = await WaitingAsync(own, "+919871260001");
            await ForgeAsync("forged-1", new(own.Id, message, victim.AccountId, null));
            await ForgeAsync("forged-2", new(victim.Id, message, victim.AccountId, null));
            await ForgeAsync("forged-3", new(Guid.NewGuid(), message, victim.AccountId, null));
            await ForgeAsync("forged-4", new(own.Id, message, own.AccountId, null));
            await ForgeAsync("forged-5", new(own.Id, Guid.NewGuid(), own.AccountId, null));
        }
        finally
        {
            await app.Services.GetRequiredService<MessageQueue>().ResumeAsync(TestContext.Current.CancellationToken);
        }

        await ReachedAsync(message);
        await Patience.UntilAsync(() => app.Services.GetRequiredService<MessageQueue>().CountsAsync(), c =>
            c is { Waiting: 0, Active: 0, Delayed: 0 }, "every job has been looked at");
        var calls = app.Meta.State.Messages().Where(m => m.CallbackData == $"{message}").ToList();
        calls.ShouldHaveSingleItem().PhoneNumberId.ShouldBe(own.PhoneNumberId);
        app.Meta.State.Messages().ShouldNotContain(m => m.PhoneNumberId == victim.PhoneNumberId);
    }

    [Fact]
    public async Task A_job_that_denies_its_campaign_does_not_send_for_a_paused_one()
    {
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 5);
        await tenant.ImportAsync(Tenant.PlainNumbers(100));
        var campaign = await tenant.LaunchAsync();
        await tenant.SentAsync(campaign, 2);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/pause", new { reason = "wait" })).Status.ShouldBe(200);
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync("SELECT count(*) FROM bsp.send_queue WHERE campaign_id = $1 AND state = 1", campaign), n =>
                n == "0", "the calls of that moment are over");
        // A batch that was looked up before the pause may still be on its way to its calls.
        var line = app.Services.GetRequiredService<SendQueues>().Of(tenant.AccountId);
        await Patience.UntilAsync(() => line.CountsAsync(), c => c.Active == 0, "no batch is under way");
        var waiting = (await tenant.MembersAsync(campaign)).Where(m => m.Status == "queued").ToList();
        waiting.ShouldNotBeEmpty();
        (await tenant.Api.SendAsync("PATCH", $"/v1/accounts/{tenant.AccountId}", new { messages_per_second_max = 1_000 }))
            .Status.ShouldBe(200); // each forged job is looked at in the number's turn
        foreach (var member in waiting)
        {
            await ForgeAsync($"forged-{member.MessageId}", new(tenant.Id, member.MessageId, tenant.AccountId, null));
        }

        await Patience.UntilAsync(() => app.Services.GetRequiredService<MessageQueue>().CountsAsync(), c =>
            c is { Waiting: 0, Active: 0, Delayed: 0, Prioritized: 0 }, "every job has been looked at");
        await Patience.UntilAsync(() => line.CountsAsync(), c => c is { Waiting: 0, Active: 0, Prioritized: 0 },
            "and what was handed on as well");
        waiting.ShouldAllBe(m => app.Meta.State.CountOfCallback($"{m.MessageId}").Tried == 0);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/cancel", new { reason = "seen" })).Status.ShouldBe(200);
    }

    [Fact]
    public async Task What_is_planted_under_a_waiting_messages_id_gives_way()
    {
        using var tenant = await app.NewTenantAsync();
        var queue = app.Services.GetRequiredService<MessageQueue>();
        var redis = await RedisAsync();
        var line = $"bull:{SendQueues.NameOf(tenant.AccountId)}";
        Func<string, Task>[] plants =
        [
            id => redis.StringSetAsync($"{line}:{id}", "x"),
            id => redis.HashSetAsync($"{line}:{id}",
                [new("name", "send"), new("data", "{}"), new("timestamp", "x"), new("priority", "y")]),
            async id => { await redis.HashSetAsync($"{line}:{id}", "name",
                "send"); await redis.SortedSetAddAsync($"{line}:completed", id, 1); },
            async id => { await redis.HashSetAsync($"{line}:{id}", "name",
                "send"); await redis.SortedSetAddAsync($"{line}:delayed", id, 9e15); },
            async id => { await redis.HashSetAsync($"{line}:{id}",
                [new("name", "other"), new("data", "[]"), new("ats", "z")]); await redis.ListLeftPushAsync($"{line}:wait", id); },
        ];
        var messages = new List<Guid>();
        foreach (var (plant, i) in plants.Select((p, i) => (p, i)))
        {
            await queue.PauseAsync(TestContext.Current.CancellationToken);
            var message = await WaitingAsync(tenant, $"+91987126010{i}");
            await redis.ListRemoveAsync($"{line}:wait", $"{message}");
            await redis.KeyDeleteAsync($"{line}:{message}");
            await plant($"{message}");
            await queue.ResumeAsync(TestContext.Current.CancellationToken);
            messages.Add(message);
        }

        foreach (var message in messages)
        {
            await ReachedAsync(message);
        }

        messages.ShouldAllBe(m => app.Meta.State.CountOfCallback($"{m}").Tried == 1);
    }

    [Fact]
    public async Task A_mark_does_not_swallow_a_STOP_or_a_status()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(["+919871260201"]);
        var redis = await RedisAsync();
        await redis.StringSetAsync("webhook:processing:wamid.stop.1", tenant.Id.ToString());
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, """
            "contacts":[{"wa_id":"919871260201"}],"messages":[{"from":"919871260201","id":"wamid.stop.1","timestamp":"1790000000","type":"text","text":{"body":"STOP"}}]
            """))).Status.ShouldBe(200);
        await Patience.UntilAsync(async () => (await tenant.AllAsync("/v1/contacts")).Single().GetProperty("consent_status").GetString(),
            s => s == "OPTED_OUT", "the STOP counts");
    }

    [Fact]
    public async Task Copies_that_we_did_not_write_are_none()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(["+919871260301"]);
        var redis = await RedisAsync();
        var path = $"/v1/templates/{tenant.TemplateId}";
        await app.Views.InboxEmptyAsync(); // the news of its approval has put out of date what it had to
        var template = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", path),
            _ => Copy().Contains("order_on_its_way"), "Redis has it");
        var copy = Copy();
        string Copy() => redis.StringGet($"template:{tenant.TemplateId}").ToString();
        await redis.StringSetAsync($"template:{tenant.TemplateId}", copy.Replace("order_on_its_way", "forged", StringComparison.Ordinal));
        (await tenant.Api.SendAsync("GET", path)).Text.ShouldBe(template.Text);
        await redis.KeyDeleteAsync($"template:{tenant.TemplateId}");
        await redis.HashSetAsync($"template:{tenant.TemplateId}", "a", "b");
        (await tenant.Api.SendAsync("GET", path)).Text.ShouldBe(template.Text);

        // Another's genuine copy under this key, and this one's under another's.
        using var neighbour = await app.NewTenantAsync();
        await neighbour.Api.SendAsync("GET", $"/v1/templates/{neighbour.TemplateId}");
        await redis.StringSetAsync($"template:{neighbour.TemplateId}", copy);
        (await neighbour.Api.SendAsync("GET", $"/v1/templates/{neighbour.TemplateId}"))["id"].GetGuid().ShouldBe(neighbour.TemplateId);

        const string contact = "/v1/contacts?phone_number=%2B919871260301";
        var known = await tenant.Api.SendAsync("GET", contact);
        var kept = (await redis.HashGetAsync("contact:+919871260301", tenant.Id.ToString())).ToString();
        foreach (var forged in new[] { kept.Replace("Asha", "Eve", StringComparison.Ordinal),
            kept[(kept.IndexOf('{', StringComparison.Ordinal))..].Replace("Asha", "Eve", StringComparison.Ordinal), "x", "..", "a.b.c" })
        {
            await redis.HashSetAsync("contact:+919871260301", tenant.Id.ToString(), forged);
            (await tenant.Api.SendAsync("GET", contact)).Text.ShouldBe(known.Text, forged);
        }

        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        await tenant.ReadAsync(campaign);
        await app.Views.AgreeAsync(tenant, campaign, "1 1 1 0");
        await redis.StringSetAsync($"campaign:{campaign}",
            $$$"""{"version":999,"row":{"organization_id":"{{{neighbour.Id}}}","status":"RUNNING"},"until":9999999999999,"mac":"00"}""");
        (await neighbour.ProgressAsync(campaign)).ShouldBeProblem(404, "campaign.unknown");
        foreach (var field in new[] { "sent", "total", "read" })
        {
            await redis.HashSetAsync($"campaign:{campaign}:progress", field, "many");
        }

        var progress = await tenant.ProgressAsync(campaign);
        (progress.Status, progress["total"].GetInt32()).ShouldBe((200, 1), progress.Text);
        foreach (var field in new[] { "sent", "total", "read" })
        {
            await redis.HashSetAsync($"campaign:{campaign}:progress", field, 4711); // of the right epoch, and a number
            progress = await tenant.ProgressAsync(campaign);
            (progress.Status, progress["total"].GetInt32(), progress["sent"].GetInt32()).ShouldBe((200, 1, 1), progress.Text);
        }

        await redis.KeyDeleteAsync($"campaign:{campaign}:progress");
        await redis.StringSetAsync($"campaign:{campaign}:progress", "x");
        (await tenant.ProgressAsync(campaign))["total"].GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task Limits_locks_and_presence_that_we_did_not_write_hold_nobody_up()
    {
        using var tenant = await app.NewTenantAsync();
        var redis = await RedisAsync();
        var limit = $"ratelimit:{tenant.Id}:{tenant.PhoneNumberId}";
        Func<Task>[] forgeries =
        [
            () => redis.HashSetAsync(limit, [new("count", "999999"), new("reset_at", "99999999999999")]),
            () => redis.HashSetAsync(limit, [new("lowered_to", "0"), new("lowered_until", "99999999999999")]),
            () => redis.HashSetAsync(limit,
                [new("count", "x"), new("reset_at", "y"), new("lowered_to", "z"), new("lowered_until", "99999999999999")]),
            async () => { await redis.KeyDeleteAsync(limit); await redis.StringSetAsync(limit, "x"); },
        ];
        foreach (var (forge, i) in forgeries.Select((f, i) => (f, i)))
        {
            await forge();
            await ReachedAsync(await WaitingAsync(tenant, $"+91987126040{i}"));
        }

        await tenant.ImportAsync(["+919871260411"]);
        var created =
            await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns",
                new { name = "x", template_id = tenant.TemplateId, account_id = tenant.AccountId, audience_segment = new { all = true },
                    metadata = new { template_parameters = new { body = new[] { "a" } } } });
        var campaign = created.GetProperty("id").GetGuid();
        await redis.StringSetAsync($"lock:campaign:{campaign}", "a stranger's");
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);
        await tenant.CompletedAsync(campaign);

        await redis.HashSetAsync($"presence:{tenant.Id}", [new("nobody", "online"), new(Guid.NewGuid().ToString(), "<script>")]);
        await redis.SortedSetAddAsync($"presence_seen:{tenant.Id}", [new("nobody", 9e15)]);
        var seen = await tenant.Api.SendAsync("GET", "/v1/presence");
        (seen.Status, seen["data"].GetArrayLength()).ShouldBe((200, 0), seen.Text);
    }
}
