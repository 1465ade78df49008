using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.Views;

namespace Bsp.IntegrationTests.Analytics;

/// <summary>The application reaches its ClickHouse through something that a test can take away.</summary>
public sealed class AwayApp(StoresFixture stores) : EndToEndApp(stores)
{
    internal StoppableProxy Between { get; } = new(new Uri(stores.Stores.ClickHouse));

    protected override IEnumerable<(string Name, string? Value)> Settings =>
    [
        .. base.Settings,
        ("ConnectionStrings:ClickHouse", new UriBuilder(ClickHouse) { Host = "127.0.0.1", Port = Between.Port }.Uri.AbsoluteUri),
    ];

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Between.Dispose();
    }
}

/// <summary>ClickHouse away while the application works: nothing but the reports notices, and nothing is missing afterwards.</summary>
public sealed class ClickHouseAwayTests(AwayApp app) : IClassFixture<AwayApp>
{
    private const int People = 40;
    private const string View = "message_analytics.v1";

    [Fact]
    public async Task While_it_is_away_campaigns_run_and_customers_are_heard_and_afterwards_every_figure_is_right()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(People));
        app.Between.Stop();
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        await Patience.UntilAsync(() => app.Views.LogAsync(campaign), said => said == $"{People} {People} {People} 0", "all have read it");
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $"\"messages\":[{Ai.AiApp.Item("919833000099", "Hello?")}]"))).Status
            .ShouldBe(200);
        await Patience.UntilAsync(() => tenant.AllAsync("/v1/conversations"), all =>
            all.Any(c => c.GetProperty("unread_count").GetInt32() == 1), "the customer is heard");
        await StandsAsync("waiting", isTrouble: true);
        var today = DateOnly.FromDateTime(DateTime.UtcNow);
        var report = $"/v1/analytics/messages?from={today.AddDays(-2):yyyy-MM-dd}&to={today.AddDays(1):yyyy-MM-dd}";
        (await tenant.Api.SendAsync("GET", report)).ShouldBeProblem(503, "store.unavailable");

        app.Between.Start();
        (await app.Views.AgreeAsync(tenant, campaign)).ShouldBe($"{People} {People} {People} 0");
        await StandsAsync("running", isTrouble: false);
        await Patience.SoonAsync(async () =>
            (await tenant.Api.SendAsync("GET", report))["data"].EnumerateArray().Sum(r => r.GetProperty("read").GetInt32())
                .ShouldBe(People));
    }

    private Task StandsAsync(string state, bool isTrouble) => Patience.SoonAsync(async () =>
    {
        var view = (await app.Platform.SendAsync("GET", "/v1/projections"))["data"].EnumerateArray()
            .Single(p => p.GetProperty("name").GetString() == View);
        (view.GetProperty("state").GetString(), view.GetProperty("error").ValueKind == System.Text.Json.JsonValueKind.String,
            view.GetProperty("parked").GetInt64()).ShouldBe((state, isTrouble, 0L));
    });
}
