using System.Text.Json;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Queue;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// The specification's keys <c>template:{template_id}</c> and <c>campaign:{campaign_id}</c>: what is read from them, what never is.
/// </summary>
public sealed class CachedRowTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    [Fact]
    public async Task A_template_is_shown_from_Redis_until_it_changes_and_then_at_once_as_it_is()
    {
        using var tenant = await app.NewTenantAsync();
        var path = $"/v1/templates/{tenant.TemplateId}";
        using var redis = await ConnectionMultiplexer.ConnectAsync(app.Redis);
        await app.Views.InboxEmptyAsync(); // the news of its approval has put out of date what it had to
        var first = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", path),
            _ => $"{redis.GetDatabase().StringGet($"template:{tenant.TemplateId}")}".Contains("order_on_its_way", StringComparison.Ordinal),
            "Redis has it");
        await ExecuteAsync("UPDATE templates SET quality = 'RED' WHERE id = $1", tenant.TemplateId);
        var cached = await tenant.Api.SendAsync("GET", path);
        JsonElement.DeepEquals(cached.Body, first.Body).ShouldBeTrue("it comes from Redis: " + cached.Text);
        cached.Header("ETag").ShouldBe(first.Header("ETag"));

        (await redis.GetDatabase().KeyTypeAsync($"template:{tenant.TemplateId}")).ShouldBe(RedisType.String);
        using var neighbour = await app.NewTenantAsync();
        (await neighbour.Api.SendAsync("GET", path)).ShouldBeProblem(404, "template.unknown");

        (await tenant.Api.SendAsync("POST", path + "/pause")).Status.ShouldBe(200);
        var changed = await tenant.Api.SendAsync("GET", path);
        (changed["status"].GetString(), changed["quality"].GetString()).ShouldBe(("PAUSED", "RED"));
        changed.Header("ETag").ShouldNotBe(first.Header("ETag"));
    }

    [Fact]
    public async Task The_progress_of_a_campaign_that_Redis_knows_asks_PostgreSQL_nothing()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(20));
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        await tenant.ReadAsync(campaign);
        await app.Views.AgreeAsync(tenant, campaign, "20 20 20 0");
        var last = "";
        var before = await Patience.UntilAsync(() => tenant.ProgressAsync(campaign),
            p => p["read"].GetInt32() == 20 && p.Text == Interlocked.Exchange(ref last, p.Text), "all are read, and it rests");

        await ExecuteAsync("SET session_replication_role = replica; DELETE FROM campaigns WHERE id = '" + campaign + "'");
        (await tenant.ProgressAsync(campaign)).Text.ShouldBe(before.Text);
        using var neighbour = await app.NewTenantAsync();
        (await neighbour.ProgressAsync(campaign)).ShouldBeProblem(404, "campaign.unknown");
        await app.Views.WipeRedisAsync();
        (await tenant.ProgressAsync(campaign)).ShouldBeProblem(404, "campaign.unknown");
    }

    [Fact]
    public async Task Freezing_the_audience_puts_the_campaigns_key_out_of_date_as_every_change_does()
    {
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 1);
        await tenant.ImportAsync(Tenant.PlainNumbers(60));
        var campaign = await tenant.LaunchAsync();
        const string Frozen = "SELECT version FROM mt_events WHERE stream_id = $1 AND type = 'campaign_audience_frozen'";
        var version =
            await Patience.UntilAsync(() => app.Views.ScalarAsync($"SELECT coalesce(({Frozen}), 0)", campaign), v =>
                v != "0", "its audience is frozen");
        using var redis = await ConnectionMultiplexer.ConnectAsync(app.Redis);
        await Patience.UntilAsync(async () => $"{await redis.GetDatabase().StringGetAsync($"campaign:{campaign}")}", text =>
            text == $$"""{"version":{{version}}}""", "its key refuses what was read before");
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/cancel", new { reason = "seen enough" })).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_paused_campaign_sends_nothing_whatever_its_key_says()
    {
        const int people = 120;
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 10);
        await tenant.ImportAsync(Tenant.PlainNumbers(people));
        var campaign = await tenant.LaunchAsync();
        await tenant.SentAsync(campaign, 5);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/pause", new { reason = "wait" })).Status.ShouldBe(200);
        (await tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"))["status"].GetString().ShouldBe("PAUSED");
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync("SELECT count(*) FROM bsp.send_queue WHERE campaign_id = $1 AND state = 1", campaign), n =>
                n == "0", "the calls of that moment are over");
        // A batch that was looked up before the pause may still be on its way to its calls.
        var line = app.Services.GetRequiredService<SendQueues>().Of(tenant.AccountId);
        await Patience.UntilAsync(() => line.CountsAsync(), c => c.Active == 0, "no batch is under way");
        var sent = await CalledAsync(tenant, campaign);
        sent.ShouldBeLessThan(people);

        using var redis = await ConnectionMultiplexer.ConnectAsync(app.Redis);
        await redis.GetDatabase()
            .StringSetAsync($"campaign:{campaign}",
                $$$"""{"version":999,"row":{"organization_id":"{{{tenant.Id}}}","status":"RUNNING"}}""");
        var waiting = (await tenant.MembersAsync(campaign)).Where(m => m.Status == "queued")
            .Select(m => new SendJob(tenant.Id, m.MessageId, tenant.AccountId, campaign)).ToList();
        waiting.Count.ShouldBe(people - sent);
        (await tenant.Api.SendAsync("PATCH", $"/v1/accounts/{tenant.AccountId}",
            new { messages_per_second_max = 1_000 })).Status.ShouldBe(200);
        (await app.Services.GetRequiredService<Outbox>().PutAsync(waiting, TestContext.Current.CancellationToken)).ShouldBeTrue();
        await Patience.UntilAsync(() => app.Services.GetRequiredService<MessageQueue>().CountsAsync(), c =>
            c is { Waiting: 0, Active: 0, Prioritized: 0, Delayed: 0 }, "the sender has looked at all of them");
        await Patience.UntilAsync(() => line.CountsAsync(), c => c is { Waiting: 0, Active: 0, Prioritized: 0 },
            "and at what was handed on");
        (await CalledAsync(tenant, campaign)).ShouldBe(sent);

        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/resume")).Status.ShouldBe(200);
        await tenant.CompletedAsync(campaign);
        (await tenant.ReadAsync(campaign))
            .ShouldAllBe(m => app.Meta.State.CountOfCallback($"{m.MessageId}").Equals(ValueTuple.Create(1, 1)));
    }

    private async Task<int> CalledAsync(Tenant tenant, Guid campaign) =>
        (await tenant.MembersAsync(campaign)).Count(m => app.Meta.State.CountOfCallback(m.MessageId.ToString()).Item1 > 0);

    private async Task ExecuteAsync(string sql, params object[] arguments)
    {
        await using var command = app.Admin.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}
