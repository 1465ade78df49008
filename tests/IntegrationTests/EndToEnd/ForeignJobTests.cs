using System.Text.Json;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Queue;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>What others put into the queue: it ends, with a reason, and touches no message of ours.</summary>
public sealed class ForeignJobTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private MessageQueue Queue => app.Services.GetRequiredService<MessageQueue>();

    [Fact]
    public async Task A_job_that_cannot_be_carried_out_ends_with_a_reason_whatever_is_wrong_with_it()
    {
        using var tenant = await app.NewTenantAsync();
        var message = Uuid.New();
        Job[] jobs =
        [
            new("foreign-name", "mail", """{"to":"somebody"}"""),
            new("foreign-null", "send", "null"),
            new("foreign-list", "send", "[1,2]"),
            new("foreign-text", "send", "\"hello\""),
            new("foreign-empty", "send", "{}"),
            new("foreign-id", "send", """{"organization_id":"x","message_id":"y","account_id":"z"}"""),
            new("foreign-organization", "send", Send(Uuid.New(), message, tenant.AccountId, null)),
            new("foreign-account", "send", Send(tenant.Id, message, Uuid.New(), null)),
            new("foreign-message", "send", Send(tenant.Id, message, tenant.AccountId, null)),
            new($"foreign {new string('x', 100)}", "send", Send(tenant.Id, message, tenant.AccountId, null)),
        ];
        (await Queue.EnqueueAsync(jobs, Ct)).ShouldBeEmpty();
        // well-formed, and no such message
        (await Queue.EnqueueAsync([new($"{message}", "send", Send(tenant.Id, message, tenant.AccountId, null))], Ct)).ShouldBeEmpty();

        await AtRestAsync();
        var database = await Queue.Redis.DatabaseAsync(Ct);
        foreach (var job in jobs)
        {
            ((string?)await database.HashGetAsync($"bull:{Queue.Name}:{job.Id}", "failedReason")).ShouldNotBeNullOrEmpty(job.Id);
        }

        (await database.KeyExistsAsync($"bull:{Queue.Name}:{message}")).ShouldBeFalse(); // its id is free for a message of ours
        await tenant.ImportAsync(Tenant.PlainNumbers(1));
        (await tenant.ReadAsync(await CompletedAsync(tenant))).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_job_under_the_id_of_our_message_that_says_something_else_neither_sends_nor_hinders_it()
    {
        using var tenant = await app.NewTenantAsync();
        using var other = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(3));
        var contacts = (await tenant.NumbersAsync()).Keys.ToList();
        var campaign =
            (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns",
                new { name = "News", template_id = tenant.TemplateId, account_id = tenant.AccountId, audience_segment = new { all = true },
                    metadata = new { template_parameters = new { body = new[] { "Asha" } } } })).GetProperty("id").GetGuid();
        var messages = contacts.ConvertAll(c => Uuid.CampaignMessage(campaign, c));
        await Queue.EnqueueAsync(
        [
            new($"{messages[0]}", "send", Send(tenant.Id, messages[0], other.AccountId, campaign)), // another organization's number
            new($"{messages[1]}", "send", Send(other.Id, messages[1], other.AccountId, campaign)),
            new($"{messages[2]}", "send", "{}"),
        ], Ct);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);

        await tenant.CompletedAsync(campaign);
        (await tenant.ReadAsync(campaign)).ShouldAllBe(m => m.Attempts == 1);
        app.Meta.State.Messages().Count(m => m.CallbackData is { } callback && messages.Exists(id => callback == $"{id}")).ShouldBe(3);
    }

    [Fact]
    public async Task Fields_that_no_client_should_write_keep_nobody_waiting()
    {
        var database = await Queue.Redis.DatabaseAsync(Ct);
        foreach (var (id, opts, timestamp) in new[] { ("odd-time", "{}", "1e300"), ("odd-word", "{}", "now"),
            ("odd-backoff", """{"attempts":3,"backoff":1e300}""", "1"), ("odd-opts", "[]", "-5") })
        {
            await database.HashSetAsync($"bull:{Queue.Name}:{id}",
                [new("name", "mail"), new("data", "{}"), new("opts", opts), new("timestamp", timestamp), new("priority", "0")]);
            await database.ListLeftPushAsync($"bull:{Queue.Name}:wait", id);
        }

        await database.ListLeftPushAsync($"bull:{Queue.Name}:wait", "meta"); // no job, but a key of the queue
        (await Queue.EnqueueAsync([new("after-the-odd", "mail", "{}")], Ct)).ShouldBeEmpty(); // wakes the worker
        await AtRestAsync();
        foreach (var id in new[] { "odd-time", "odd-word", "odd-backoff", "odd-opts", "after-the-odd" })
        {
            ((string?)await database.HashGetAsync($"bull:{Queue.Name}:{id}", "failedReason")).ShouldNotBeNullOrEmpty(id);
        }
    }

    private static string Send(Guid organization, Guid message, Guid account, Guid? campaign) =>
        JsonSerializer.Serialize(new { organization_id = organization, message_id = message, account_id = account,
            campaign_id = campaign });

    private static async Task<Guid> CompletedAsync(Tenant tenant)
    {
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        return campaign;
    }

    private Task AtRestAsync() =>
        Patience.UntilAsync(() => Queue.CountsAsync(Ct), c =>
            c is { Waiting: 0, Active: 0, Delayed: 0, Prioritized: 0 }, "the queue is at rest");
}
