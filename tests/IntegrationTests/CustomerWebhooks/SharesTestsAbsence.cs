using Bsp.Application.CustomerWebhooks;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.CustomerWebhooks;

// Receivers that are away, for an hour or for days; time passes by hand.
public sealed partial class SharesTests
{
    [Fact]
    public async Task A_receiver_that_was_away_for_an_hour_gets_all_of_it_in_order_and_nothing_of_it_is_kept_twice()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var hook = await organization.NewHookAsync(receiver.Url);
        await app.PausesAreDaysAsync(hook);
        Guid[] conversations = [.. Enumerable.Range(0, 5).Select(_ => Uuid.New())];
        receiver.Answer = (_, _) => Task.FromResult(503); // what stands before it says so; refused connections have the host's pauses, too
        var sent = await app.SendAsync(organization, conversations, 2);
        var (passed, rounds) = (TimeSpan.Zero, 0);
        while (passed < TimeSpan.FromHours(1))
        {
            rounds++;
            var failing = await organization.ShownAsync(hook, w => w["retry_count"].GetInt32() == rounds, $"round {rounds} failed");
            var pause = failing["metrics"].GetProperty("next_attempt_at").GetDateTimeOffset()
                - failing["metrics"].GetProperty("last_failure_at").GetDateTimeOffset() - TimeSpan.FromDays(1);
            pause.ShouldBeInRange(RetryTable.Pauses[rounds - 1] * (1 - RetryTable.Jitter) - TimeSpan.FromSeconds(1),
                RetryTable.Pauses[rounds - 1] * (1 + RetryTable.Jitter) + TimeSpan.FromSeconds(60));
            sent.AddRange(await app.SendAsync(organization, conversations, 1));
            passed += RetryTable.Pauses[rounds - 1]; // by the clock of the table
            if (passed < TimeSpan.FromHours(1))
            {
                await app.DueNowAsync(hook);
            }
        }

        (await TextAsync($"SELECT count(*) FROM bsp.webhook_held_events WHERE webhook_id = '{hook.Id}'")).ShouldBe("0");
        var log = await organization.Reader.SendAsync("GET", $"{hook.Path}/deliveries");
        log["data"].GetArrayLength().ShouldBe(rounds, "one try a pause");
        receiver.Answer = (_, _) => Task.FromResult(200);
        await app.HurriedAsync(hook, receiver, all => all.DistinctBy(h => h.Id).Count() == sent.Count, "all are told");
        DeliveryTests.ShouldBeInOrder(receiver, conversations, sent);
        receiver.Accepted.Count.ShouldBe(sent.Count);
    }

    [Fact]
    public async Task One_that_is_disabled_shows_why_since_when_where_it_stands_and_what_waits_and_goes_on_from_there_after_days()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var hook = await organization.NewHookAsync(receiver.Url);
        Guid[] conversations = [.. Enumerable.Range(0, 3).Select(_ => Uuid.New())];
        var sent = await app.SendAsync(organization, conversations, 1);
        await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == 3, "it works");
        receiver.Answer = (_, _) => Task.FromResult(410);
        sent.AddRange(await app.SendAsync(organization, conversations, 4));
        var off = await organization.ShownAsync(hook, w => w["status_exact"].GetString() == "disabled", "it is disabled");
        (off["status"].GetString(), off["disabled_reason"].GetString()).ShouldBe(("inactive", "gone"));
        off["disabled_at"].GetDateTimeOffset().ShouldBeGreaterThan(DateTimeOffset.UtcNow.AddMinutes(-5));
        off["metrics"].GetProperty("waiting").GetInt32().ShouldBe(12);
        off["metrics"].GetProperty("waiting_more").GetBoolean().ShouldBeFalse();
        off["metrics"].GetProperty("up_to_date").GetBoolean().ShouldBeFalse();
        var listed = (await organization.Reader.SendAsync("GET", "/v1/webhooks"))["data"][0].GetProperty("metrics");
        listed.GetProperty("up_to_date").GetBoolean().ShouldBeFalse();
        listed.GetProperty("waiting").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);

        // Four days go by, things happen, and its place is where it was.
        await app.RunAsync("UPDATE webhooks SET disabled_at = disabled_at - interval '4 days' WHERE id = $1", hook.Id);
        await app.RunAsync(
            "UPDATE bsp.webhook_cursors SET first_failed_at = now() - interval '7 days', failures = 17 WHERE webhook_id = $1", hook.Id);
        sent.AddRange(await app.SendAsync(organization, conversations, 1));
        var later = await organization.Reader.SendAsync("GET", hook.Path);
        later["metrics"].GetProperty("position").GetString().ShouldBe(off["metrics"].GetProperty("position").GetString());
        later["metrics"].GetProperty("waiting").GetInt32().ShouldBe(15);

        // The place is good for pulling, and rewinding alone switches nothing on.
        var missed = await organization.Reader.SendAsync("GET",
            $"/v1/events?form=public&types=message.*&after={later["metrics"].GetProperty("position").GetString()}");
        missed["data"].GetArrayLength().ShouldBe(15);
        receiver.Answer = (_, _) => Task.FromResult(200);
        var told = receiver.All.Count;
        var since = new { since = DateTimeOffset.UtcNow.AddHours(-1) };
        (await organization.Admin.SendAsync("POST", $"{hook.Path}/recover", since))["status"].GetString().ShouldBe("inactive");
        (await organization.Reader.SendAsync("GET", hook.Path))["metrics"].GetProperty("waiting").GetInt32().ShouldBe(18);
        (await organization.Admin.SendAsync("POST", $"{hook.Path}/enable"))["status_exact"].GetString().ShouldBe("active");
        await receiver.AcceptedAsync(_ => receiver.All.Skip(told).Where(h => h.Answered == 200).DistinctBy(h => h.Id).Count() == 18,
            "all are told, those before once more");
        DeliveryTests.ShouldBeInOrder(receiver, conversations, sent);
        await organization.ShownAsync(hook, w => w["retry_count"].GetInt32() == 0 && w["metrics"].GetProperty("up_to_date").GetBoolean()
            && w["metrics"].GetProperty("waiting").GetInt32() == 0, "it works as if nothing had been");
    }

    [Fact]
    public async Task Large_events_are_read_a_few_at_a_time_and_none_is_left_out()
    {
        const int Messages = 90;
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        Guid[] contacts = [.. Enumerable.Range(0, 3).Select(_ => Uuid.New())];
        var text = new string('x', 60_000);
        var contents = await app.Services.GetRequiredService<IPersonalData>().SealAsync(organization.Id,
            [.. Enumerable.Range(0, Messages).Select(i => (contacts[i % 3], $$"""{"n":{{i}},"text":"{{text}}"}"""))],
            CancellationToken.None);
        var store = app.Services.GetRequiredService<IEventStore>();
        var sent = new List<(Guid Conversation, Guid Message)>();
        for (var i = 0; i < Messages; i++)
        {
            var contact = contacts[i % 3];
            var reference = new MessageRef(Uuid.New(), organization.AccountId, contact,
                Uuid.Conversation(organization.AccountId, contact), null, "text", "inbound");
            await store.AppendAsync(organization.Id, [new StreamAppend(reference.MessageId, "message", null,
                [new MessageReceived(reference, $"wamid.{i}", contents[i], false, null, DateTimeOffset.UtcNow)])], CancellationToken.None);
            sent.Add((reference.ConversationId, reference.MessageId));
        }

        // All of it lies before the endpoint, and is more than a session may keep.
        var hook = await organization.NewHookAsync(receiver.Url, new { concurrency = 4 }, "message.received");
        await organization.Admin.SendAsync("POST", $"{hook.Path}/recover", new { since = DateTimeOffset.UtcNow.AddHours(-1) });
        var told = await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == Messages, "all are told");
        told.ShouldAllBe(h => h.Data.GetProperty("content").GetProperty("text").GetString()!.Length == text.Length);
        DeliveryTests.ShouldBeInOrder(receiver, sent.Select(s => s.Conversation).Distinct(), sent);
    }

    [Fact]
    public async Task A_key_that_fails_for_three_days_disables_the_endpoint_and_enabling_tells_its_events_first_to_last()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var (bad, works) = (Uuid.New(), false);
        receiver.Answer = (hook, _) => Task.FromResult(hook.Conversation() == bad && !Volatile.Read(ref works) ? 400 : 200);
        var hook = await organization.NewHookAsync(receiver.Url);
        var sent = await app.SendAsync(organization, [bad, Uuid.New()], 3);
        await organization.ShownAsync(hook, w => w["metrics"].GetProperty("held_keys").GetInt32() == 1, "it is held");
        var off = await Patience.UntilAsync(async () =>
        {
            // three days of it, as soon as nobody owns the cursor: whoever does writes a number of their own
            await app.RunAsync("""
                WITH c AS (UPDATE bsp.webhook_cursors SET due_at = now() WHERE webhook_id = $1 AND owner IS NULL RETURNING webhook_id)
                UPDATE bsp.webhook_held_keys k SET next_at = now(), attempts = 17 FROM c WHERE k.webhook_id = c.webhook_id
                """, hook.Id);
            return await organization.Admin.SendAsync("GET", hook.Path);
        }, w => w["status_exact"].GetString() == "disabled", "it is disabled");
        off["disabled_reason"].GetString().ShouldBe("rejected");
        off["metrics"].GetProperty("held_events").GetInt32().ShouldBe(3);
        off["metrics"].GetProperty("waiting").GetInt32().ShouldBe(0);
        Volatile.Write(ref works, true);
        (await organization.Admin.SendAsync("POST", $"{hook.Path}/enable")).Status.ShouldBe(200);
        await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == 6, "all are told");
        DeliveryTests.ShouldBeInOrder(receiver, sent.Select(s => s.Conversation).Distinct(), sent);
    }
}
