using System.Globalization;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Ai;

/// <summary>The process manager for AI, killed with -9 while models are being asked.</summary>
public sealed class AiKillTests(ApiProcess api) : IClassFixture<ApiProcess>
{
    private const int Customers = 12;
    private const decimal EachCosts = 0.162m; // 120 tokens of 1,000 a million in, 21 of 2,000 out

    // Questions after which it is killed: while it reads, and while it answers.
    private static readonly int[] KilledAfter = [1, 12];

    [Fact]
    public async Task Killed_while_it_asks_every_message_is_read_once_and_answered_once_and_no_call_is_paid_for_twice()
    {
        using var tenant = await Tenant.NewAsync(api.Address, api.Meta, messagesPerSecondMax: 100);
        (await tenant.Api.SendAsync("PATCH", "/v1/ai/settings", new
        {
            analysis = true, auto_reply = true, quiet_seconds = 1, provider = "openai", model = "played-good",
            endpoint = new Uri(api.Meta.BaseUrl, "/ai/openai").ToString(), api_key = "sk-only-for-tests",
            input_price_per_million = "1000", output_price_per_million = "2000",
        })).Status.ShouldBe(200);
        var models = api.Meta.State.Models;
        models.Thinks = TimeSpan.FromMilliseconds(700); // so that questions are on their way when it dies
        string[] numbers = [.. Enumerable.Range(0, Customers).Select(_ => AiApp.NewNumber())]; // who do not answer the answer
        var before = models.Asked;
        foreach (var number in numbers)
        {
            (await api.PostWebhookAsync(SignedWebhooks.Envelope(tenant,
                $"\"messages\":[{AiApp.Item(number, "What time do you open?")}]"))).Status.ShouldBe(200);
        }

        foreach (var questions in KilledAfter)
        {
            await Patience.UntilAsync(async () => models.Asked >= before + questions || await LeftAsync() == "0", ready => ready,
                $"{questions} questions are asked");
            await api.KillAsync();
            // as though the two minutes were over for which nobody takes what a process had
            await api.Views.ScalarAsync("""
                WITH freed AS (UPDATE bsp.ai_turns SET leased_until = NULL, due_at = now() RETURNING 1) SELECT count(*) FROM freed
                """);
            before = models.Asked;
            await api.StartAsync();
        }

        await Patience.UntilAsync(LeftAsync, n => n == "0", "all is read and decided");
        (await CountAsync("message_received")).ShouldBe(Customers);
        (await CountAsync("message_analysed")).ShouldBe(Customers);
        (await api.Views.ScalarAsync("""
            SELECT concat_ws(' ', count(*), count(DISTINCT data ->> 'conversation_id')) FROM mt_events
             WHERE type IN ('conversation_auto_answered', 'conversation_handed_over', 'conversation_left_silent')
            """)).ShouldBe($"{Customers} {Customers}");
        await Patience.SoonAsync(async () =>
            (await CountAsync("message_queued")).ShouldBe(await CountAsync("conversation_auto_answered")));
        await Patience.UntilAsync(() => api.Views.ScalarAsync("SELECT count(*) FROM bsp.send_queue WHERE state IN (0, 1)"),
            n => n == "0", "whatever was answered has left");
        numbers.ShouldAllBe(n => api.Meta.State.CountOfRecipient(n).Accepted + api.Meta.State.CountOfRecipient("+" + n).Accepted <= 1);

        // Whatever was asked was paid for at most once, what the log tells of at least once, and a killed question stays set aside.
        var (cost, reserved, calls) = await UsageAsync();
        var told = decimal.Parse(await api.Views.ScalarAsync("""
            SELECT coalesce(sum((data -> 'use' ->> 'cost')::numeric), 0) FROM mt_events WHERE data -> 'use' ->> 'provider' = 'openai'
            """), CultureInfo.InvariantCulture);
        told.ShouldBeGreaterThan(0);
        cost.ShouldBeInRange(told, models.Asked * EachCosts);
        calls.ShouldBeGreaterThanOrEqualTo(models.Asked);
        (reserved > 0 || cost == models.Asked * EachCosts).ShouldBeTrue($"{models.Asked} asked, {cost} paid, {reserved} set aside");
    }

    // What came in and is not read and decided on.
    private Task<string> LeftAsync() => api.Views.ScalarAsync("""
        SELECT (SELECT count(*) FROM bsp.webhook_inbox) + (SELECT count(*) FROM bsp.webhook_set_aside WHERE next_at IS NOT NULL)
          + (SELECT count(*) FROM bsp.ai_work) + (SELECT count(*) FROM bsp.ai_bursts)
          + (SELECT count(*) FROM mt_events e WHERE e.type = 'message_received'
              AND e.seq_id > coalesce((SELECT sequence FROM bsp.projections WHERE name = 'ai_work.v1'), 0))
        """);

    private async Task<int> CountAsync(string type) =>
        int.Parse(await api.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = $1", type), CultureInfo.InvariantCulture);

    private async Task<(decimal Cost, decimal Reserved, int Calls)> UsageAsync()
    {
        var usage = (await api.Views.ScalarAsync(
            "SELECT concat_ws(' ', sum(cost), sum(reserved), sum(calls)) FROM bsp.ai_usage")).Split(' ');
        return (decimal.Parse(usage[0], CultureInfo.InvariantCulture), decimal.Parse(usage[1], CultureInfo.InvariantCulture),
            int.Parse(usage[2], CultureInfo.InvariantCulture));
    }
}
