using System.Text.Json;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Ai;

/// <summary>What organizations may set, and who may.</summary>
public sealed class AiSettingsTests(AiApp app) : IClassFixture<AiApp>
{
    [Fact]
    public async Task Nothing_is_read_until_it_is_switched_on_and_the_key_is_never_shown()
    {
        using var tenant = await app.NewTenantAsync();
        var first = await tenant.Api.SendAsync("GET", "/v1/ai/settings");
        (first["analysis"].GetBoolean(), first["auto_reply"].GetBoolean(), first["provider"].GetString(), first["quiet_seconds"].GetInt32())
            .ShouldBe((false, false, "embedded", 6));
        (await tenant.Api.SendAsync("PATCH", "/v1/ai/settings", new { auto_reply = true })).ShouldBeProblem(409, "ai.analysis_needed");
        (await tenant.Api.SendAsync("PATCH", "/v1/ai/settings", new { analysis = true, provider = "openai" }))
            .ShouldBeProblem(409, "ai.model_missing");
        var set = await AiApp.SetAsync(tenant, new { analysis = true, provider = "openai", model = "m", api_key = "sk-secret-of-theirs",
            endpoint = app.Endpoint("openai") });
        set.Text.ShouldNotContain("sk-secret-of-theirs");
        set["api_key_set"].GetBoolean().ShouldBeTrue();
        (await app.Views.ScalarAsync("SELECT api_key FROM bsp.ai_settings WHERE organization_id = $1", tenant.Id))
            .ShouldNotContain("sk-secret-of-theirs");
        (await AiApp.SetAsync(tenant, new { model = "other" }))["api_key_set"].GetBoolean().ShouldBeTrue();
        // whoever may set the address cannot have the key sent to themselves
        (await AiApp.SetAsync(tenant, new { endpoint = "http://127.0.0.2:9/v1" }))["api_key_set"].GetBoolean().ShouldBeFalse();
        (await tenant.Api.SendAsync("PATCH", "/v1/ai/settings", new { budget_per_month = "5" })).ShouldBeProblem(409, "ai.price_missing");
        (await tenant.Api.SendAsync("PATCH", "/v1/ai/settings", new { model = "x" }, ("If-Match", "\"1\"")))
            .ShouldBeProblem(412, "version.mismatch");
        var trail = await tenant.Api.SendAsync("GET", "/v1/audit-trail?limit=200");
        trail.Text.ShouldContain("ai.settings_changed");
        trail.Text.ShouldNotContain("sk-secret-of-theirs");
    }

    [Theory]
    [InlineData("""{"endpoint":"http://10.0.0.1/v1"}""")]
    [InlineData("""{"endpoint":"https://169.254.169.254/latest"}""")]
    [InlineData("""{"endpoint":"https://[::1]/v1"}""")]
    [InlineData("""{"endpoint":"https://user:pw@example.com/v1"}""")]
    [InlineData("""{"endpoint":"https://example.com/v1?key=1"}""")]
    [InlineData("""{"endpoint":"ftp://example.com"}""")]
    [InlineData("""{"provider":"skynet"}""")]
    [InlineData("""{"quiet_seconds":31}""")]
    [InlineData("""{"quiet_seconds":0}""")]
    [InlineData("""{"model":"has blank"}""")]
    [InlineData("""{"api_key":"short"}""")]
    [InlineData("""{"prompt":""}""")]
    [InlineData("""{"allowed_links":["not a host"]}""")]
    [InlineData("""{"facts":[""]}""")]
    [InlineData("""{"handover":{"turns_max":21}}""")]
    [InlineData("""{"handover":{"confidence_min":"1.5"}}""")]
    [InlineData("""{"share":{"history":31}}""")]
    [InlineData("""{"currency":"BTC"}""")]
    [InlineData("""{"budget_per_month":"-1"}""")]
    [InlineData("""{"handover":null}""")]
    [InlineData("""{"share":null}""")]
    public async Task What_makes_no_sense_is_refused(string body)
    {
        using var tenant = await app.NewTenantAsync();
        (await tenant.Api.SendAsync("PATCH", "/v1/ai/settings", body)).Status.ShouldBe(400, body);
        (await tenant.Api.SendAsync("GET", "/v1/ai/settings"))["provider"].GetString().ShouldBe("embedded");
    }

    [Fact]
    public async Task A_plan_without_it_has_none()
    {
        using var tenant = await app.NewTenantAsync();
        var plan = (await AppFixture.CreatedAsync(app.Platform, "/v1/plans", new { name = "Small", code = $"small-{Guid.NewGuid():N}",
            monthly_price = "0", per_message_price = "0", features = new { ai = false } })).GetProperty("id").GetGuid();
        await AppFixture.CreatedAsync(tenant.Api, "/v1/subscriptions", new { plan_id = plan });
        (await tenant.Api.SendAsync("PATCH", "/v1/ai/settings", new { analysis = true })).ShouldBeProblem(403, "plan.feature_missing");
        // one that had it before
        await app.AdminAsync("""
            UPDATE bsp.ai_settings SET analysis = true WHERE organization_id = $1
            """, tenant.Id);
        await app.AdminAsync("""
            INSERT INTO bsp.ai_settings (organization_id, analysis) VALUES ($1, true)
            ON CONFLICT (organization_id) DO UPDATE SET analysis = true
            """, tenant.Id);
        await app.WriteAsync(tenant, AiApp.NewNumber(), "Hello there");
        await app.IdleAsync(tenant);
        (await app.CountAsync(tenant, "message_analysed")).ShouldBe("0");
    }
}
