using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Ai;

/// <summary>A day once more, without sending.</summary>
public sealed class ShadowTests(AiApp app) : IClassFixture<AiApp>
{
    [Fact]
    public async Task A_day_through_another_model_tells_what_would_have_differed_and_sends_nothing()
    {
        NotAtMidnight();
        using var tenant = await app.LettingAsync();
        await AppFixture.CreatedAsync(tenant.Api, "/v1/canned-replies", new { shortcut = "store_info", text = "From 9 to 18." });
        var day = DateOnly.FromDateTime(DateTime.UtcNow);
        var (asks, wants) = (AiApp.NewNumber(), AiApp.NewNumber());
        await app.WriteAsync(tenant, asks, "What time do you open on Saturday?");
        await app.WriteAsync(tenant, wants, "Can I talk to a real person please");
        await AiApp.ConversationAsync(tenant, asks, c =>
            c.GetProperty("message_count").GetProperty("outgoing").GetInt32() == 1, "answered");
        await AiApp.ConversationAsync(tenant, wants, c => c.GetProperty("ai_handover").ValueKind == System.Text.Json.JsonValueKind.Object,
            "left to people");
        var sent = await app.CountAsync(tenant, "message_queued");
        var made = await tenant.Api.SendAsync("POST", "/v1/ai/shadows", new
        {
            day = day.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture), provider = "openai", model = "shadow-good",
            endpoint = app.Endpoint("openai"), api_key = "sk-of-the-shadow", prompt = "Be brief.",
        });
        made.Status.ShouldBe(202, made.Text);
        made.Text.ShouldNotContain("sk-of-the-shadow");
        var path = $"/v1/ai/shadows/{made["id"].GetGuid()}";
        var report = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", path), r =>
            r["status"].GetString() is "completed" or "failed", "it is through");
        (report["status"].GetString(), report["bursts"].GetInt32(), report["done"].GetInt32()).ShouldBe(("completed", 2, 2), report.Text);
        (report["same"].GetInt32(), report["different"].GetInt32()).ShouldBe((2, 0), report.Text);
        report["text_distance"].GetDouble().ShouldBeGreaterThan(0.5);
        report["input_tokens"].GetInt64().ShouldBe(120);
        var items = await tenant.AllAsync(path + "/items");
        items.Select(i => (i.GetProperty("actual").GetString(), i.GetProperty("shadow").GetString())).Order()
            .ShouldBe([("handover", "handover"), ("reply", "reply")]);
        var replied = items.Single(i => i.GetProperty("actual").GetString() == "reply");
        (replied.GetProperty("actual_reply").GetString(), replied.GetProperty("shadow_reply").GetString())
            .ShouldBe(("From 9 to 18.", "Happy to help: a colleague knows more."));
        (await app.CountAsync(tenant, "message_queued")).ShouldBe(sent); // nothing left
        (await app.CountAsync(tenant, "conversation_auto_answered")).ShouldBe("1");
        (await app.Views.ScalarAsync("SELECT count(*) FROM bsp.ai_shadows WHERE organization_id = $1 AND api_key IS NOT NULL", tenant.Id))
            .ShouldBe("0");
        (await tenant.Api.SendAsync("GET", path + "/items?different=true"))["data"].GetArrayLength().ShouldBe(0);
        (await tenant.Api.SendAsync("POST", "/v1/ai/shadows", new { day = "2020-01-01" })).ShouldBeProblem(400, "request.invalid");
        (await tenant.Api.SendAsync("GET", $"/v1/ai/shadows/{Guid.NewGuid()}")).ShouldBeProblem(404, "ai_shadow.unknown");
    }

    // Its messages shall be of one day.
    private static void NotAtMidnight() =>
        Assert.SkipWhen(DateTime.UtcNow.TimeOfDay > TimeSpan.FromHours(23.9), "The day ends in a moment.");

    [Fact]
    public async Task A_replay_that_was_killed_goes_on_where_it_was()
    {
        NotAtMidnight();
        using var tenant = await app.LettingAsync(autoReply: false);
        foreach (var i in Enumerable.Range(0, 4))
        {
            await app.WriteAsync(tenant, AiApp.NewNumber(), $"What time do you open on day {i}?");
        }

        await app.IdleAsync(tenant);
        var day = DateTime.UtcNow.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
        var first = await tenant.Api.SendAsync("POST", "/v1/ai/shadows", new { day });
        first.Status.ShouldBe(202, first.Text);
        var path = $"/v1/ai/shadows/{first["id"].GetGuid()}";
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", path), r => r["status"].GetString() == "completed", "it is through");
        // as a process leaves it that was killed after the second item
        await app.AdminAsync("UPDATE bsp.ai_shadow_items SET done_at = NULL, action = NULL WHERE shadow_id = $1 AND ordinal > 2",
            first["id"].GetGuid());
        await app.AdminAsync("UPDATE bsp.ai_shadows SET status = 'running', completed_at = NULL, leased_until = NULL WHERE id = $1",
            first["id"].GetGuid());
        var report = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", path), r => r["status"].GetString() == "completed",
            "it went on");
        (report["bursts"].GetInt32(), report["done"].GetInt32()).ShouldBe((4, 4));
    }
}
