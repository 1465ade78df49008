using System.Text.Json;
using Bsp.MetaSimulator;

namespace Bsp.UnitTests.MetaSimulator;

public sealed class WebhookTests
{
    [Fact]
    public async Task Every_post_is_signed_over_its_exact_bytes()
    {
        await using var stage = await Stage.Set(new() { AppSecret = "s3cret" });
        await stage.SendText("+491511234567", callback: "ünï/cödé");
        await stage.Settled();
        stage.Receiver.All.ShouldNotBeEmpty();
        stage.Receiver.All.ShouldAllBe(r => r.IsSignedWith("s3cret"));
        stage.Receiver.All.ShouldAllBe(r => !r.IsSignedWith("other"));
    }

    [Fact]
    public async Task Bodies_are_ascii_with_lower_case_escapes_and_escaped_slashes()
    {
        await using var stage = await Stage.Set();
        await stage.Post("_control/inbound",
            new { phone_number_id = Stage.Phone, from = "491511234567", type = "text", text = "äöå 👍 a/b \"q\" \u0001\n" });
        await stage.Settled();
        var post = stage.Receiver.All.Single();
        post.Body.ShouldAllBe(b => b >= 0x20 && b < 0x7f);
        post.Text.ShouldContain("""\u00e4\u00f6\u00e5 \ud83d\udc4d a\/b \"q\" \u0001\n""");
        post.Messages.Single().GetProperty("text").GetProperty("body").GetString().ShouldBe("äöå 👍 a/b \"q\" \u0001\n");
    }

    [Fact]
    public async Task A_status_carries_what_meta_tells_about_it()
    {
        await using var stage = await Stage.Set();
        var answer = await stage.SendText("+491511234567", callback: "msg-1");
        await stage.Settled();
        var statuses = stage.Receiver.All.SelectMany(r => r.Statuses).ToDictionary(s => s.GetProperty("status").GetString()!);
        statuses.Keys.Order().ShouldBe(["delivered", "read", "sent"]);
        foreach (var status in statuses.Values)
        {
            status.GetProperty("id").GetString().ShouldBe(answer.Wamid);
            status.GetProperty("recipient_id").GetString().ShouldBe("491511234567");
            status.GetProperty("recipient_user_id").GetString()!.ShouldStartWith("DE.");
            status.GetProperty("biz_opaque_callback_data").GetString().ShouldBe("msg-1");
            status.GetProperty("timestamp").ValueKind.ShouldBe(JsonValueKind.String);
            status.TryGetProperty("conversation", out _).ShouldBeFalse();
        }

        statuses["sent"].GetProperty("pricing").GetProperty("pricing_model").GetString().ShouldBe("PMP");
        statuses["delivered"].GetProperty("pricing").GetProperty("category").GetString().ShouldBe("service");
        statuses["read"].TryGetProperty("pricing", out _).ShouldBeFalse();
        var value = stage.Receiver.All[0].Changes.Single().GetProperty("value");
        value.GetProperty("metadata").GetProperty("phone_number_id").GetString().ShouldBe(Stage.Phone);
        value.GetProperty("metadata").GetProperty("display_phone_number").GetString().ShouldBe("15550001234");
        stage.Receiver.All[0].Json.GetProperty("entry")[0].GetProperty("id").GetString().ShouldBe(Stage.Waba);
    }

    [Fact]
    public async Task A_refused_post_is_repeated_byte_for_byte_until_it_is_accepted()
    {
        await using var stage = await Stage.Set(new() { WebhookConcurrency = 1 });
        stage.Receiver.Answer = n => n switch { 1 => 500, 2 => 302, 3 => 204, _ => 200 };
        await stage.SendText("+491511230001");
        await stage.Settled();
        var attempts = stage.Receiver.All;
        attempts.Select(a => a.Answered).ShouldBe([500, 302, 204, 200]);
        attempts.ShouldAllBe(a => a.Body.SequenceEqual(attempts[0].Body) && a.Signature == attempts[0].Signature);
        stage.Simulator.State.ReadCounters().UpdatesPending.ShouldBe(0);
    }

    [Fact]
    public async Task A_receiver_that_is_away_gets_everything_once_it_is_back()
    {
        await using var stage = await Stage.Set();
        stage.Receiver.Answer = n => n <= 30 ? 503 : 200;
        for (var i = 0; i < 20; i++)
        {
            await stage.SendText($"+4915112300{i + 50}");
        }

        await stage.Settled();
        stage.Receiver.Accepted.SelectMany(r => r.Statuses).Count().ShouldBe(60);
    }

    [Fact]
    public async Task What_is_due_together_goes_in_one_post_and_never_more_than_the_limit()
    {
        await using var stage = await Stage.Set(new() { BatchSizeMax = 30 });
        stage.Simulator.State.AddAccount(new("1002", "2002"));
        stage.Simulator.State.WebhooksPaused = true;
        for (var i = 0; i < 40; i++)
        {
            await stage.Post($"v25.0/{(i % 2 == 0 ? Stage.Phone : "2002")}/messages",
                new { messaging_product = "whatsapp", to = $"+4915112300{i + 50}", text = new { body = "x" } });
        }

        stage.Simulator.State.WebhooksPaused = false;
        await stage.Settled();
        stage.Receiver.All.ShouldAllBe(r => r.Statuses.Count() <= 30);
        var largest = stage.Receiver.All.MaxBy(r => r.Statuses.Count())!;
        largest.Statuses.Count().ShouldBe(30);
        largest.Json.GetProperty("entry").GetArrayLength().ShouldBe(2);
        largest.Changes.Count().ShouldBeGreaterThan(2);
        largest.Changes.ShouldContain(c => c.GetProperty("value").GetProperty("statuses").GetArrayLength() > 1);
    }

    [Fact]
    public async Task Duplicates_are_sent_at_their_rate_and_nothing_is_missing()
    {
        await using var stage = await Stage.Set(new() { DuplicateRate = 0.5, Seed = 7 });
        for (var i = 0; i < 40; i++)
        {
            await stage.SendText($"+4915112300{i + 50}", callback: $"m{i}");
        }

        await stage.Settled();
        var statuses = stage.Receiver.All.SelectMany(r => r.Statuses)
            .GroupBy(s => (s.GetProperty("id").GetString(), s.GetProperty("status").GetString())).ToArray();
        statuses.Length.ShouldBe(120);
        statuses.Count(g => g.Count() == 2).ShouldBeInRange(40, 80);
        stage.Simulator.State.ReadCounters().Duplicates.ShouldBe(statuses.Count(g => g.Count() == 2));
    }

    [Fact]
    public async Task Statuses_are_reordered_at_their_rate()
    {
        await using var stage = await Stage.Set(new() { ReorderRate = 1, WebhookConcurrency = 1 });
        var wamids = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            wamids.Add((await stage.SendText($"+4915112300{i + 50}", callback: $"m{i}")).Wamid);
        }

        await stage.Settled();
        wamids.ShouldAllBe(w => !stage.Receiver.StatusesOf(w).SequenceEqual(new[] { "sent", "delivered", "read" }));
        wamids.ShouldAllBe(w => stage.Receiver.StatusesOf(w).Order().SequenceEqual(new[] { "delivered", "read", "sent" }));
    }

    [Fact]
    public async Task Early_statuses_come_at_their_rate_before_the_answer()
    {
        await using var stage = await Stage.Set(new() { EarlyRate = 1 });
        stage.Simulator.State.Options = stage.Simulator.State.Options with { DeliveredDelayMs = 60_000 };
        for (var i = 0; i < 5; i++)
        {
            stage.Receiver.StatusesOf((await stage.SendText($"+4915112300{i + 50}")).Wamid).ShouldBe(["sent"]);
        }
    }

    [Fact]
    public async Task Which_ones_fail_depends_on_seed_and_message_alone()
    {
        var first = await FailedCallbacks(seed: 3);
        (await FailedCallbacks(seed: 3)).ShouldBe(first);
        (await FailedCallbacks(seed: 4)).ShouldNotBe(first);
        first.Length.ShouldBeInRange(5, 35);
    }

    [Fact]
    public async Task Without_an_address_updates_are_counted_as_discarded()
    {
        await using var stage = await Stage.Set();
        await stage.Put("_control/webhook-url", new { url = (string?)null });
        await stage.SendText("+491511234567");
        await stage.Settled();
        stage.Simulator.State.ReadCounters().UpdatesDiscarded.ShouldBe(3);
        stage.Receiver.All.ShouldBeEmpty();
    }

    [Fact]
    public async Task When_too_much_waits_sends_are_refused_and_nothing_is_lost()
    {
        await using var stage = await Stage.Set(new() { PendingUpdatesMax = 5 });
        stage.Simulator.State.WebhooksPaused = true;
        var answers = new List<Answered>();
        for (var i = 0; i < 8; i++)
        {
            answers.Add(await stage.SendText($"+4915112300{i + 50}"));
        }

        answers.Count(a => a.Status == 200).ShouldBe(5);
        answers.Where(a => a.Status != 200).ShouldAllBe(a => a.Code == 130429);
        stage.Simulator.State.WebhooksPaused = false;
        await stage.Settled();
        stage.Receiver.All.SelectMany(r => r.Statuses).Count().ShouldBe(15);
    }

    private static async Task<string[]> FailedCallbacks(int seed)
    {
        await using var stage = await Stage.Set(new() { FailRate = 0.2, Seed = seed });
        for (var i = 0; i < 100; i++)
        {
            await stage.SendText($"+491511230{i + 100}", callback: $"m{i}");
        }

        await stage.Settled();
        return [.. stage.Receiver.All.SelectMany(r => r.Statuses).Where(s => s.GetProperty("status").GetString() == "failed")
            .Select(s => s.GetProperty("biz_opaque_callback_data").GetString()!).Order()];
    }
}
