using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Http;

public sealed class ProjectionTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const string View = "campaign_counters.v1";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_view_is_listed_paused_resumed_and_rebuilt()
    {
        await UntilAsync(state: "running", pending: false);
        var paused = await app.Platform.SendAsync("POST", $"/v1/projections/{View}/pause");
        paused.Status.ShouldBe(202, paused.Text);
        paused["data"].EnumerateArray().Single().GetProperty("name").GetString().ShouldBe(View);
        await UntilAsync(state: "paused", pending: false);
        (await app.Platform.SendAsync("POST", $"/v1/projections/{View}/resume")).Status.ShouldBe(202);
        await UntilAsync(state: "running", pending: false);
        (await app.Platform.SendAsync("POST", $"/v1/projections/{View}/rebuild")).Status.ShouldBe(202);
        await UntilAsync(state: "running", pending: false);
    }

    [Fact]
    public async Task A_name_that_is_none_is_404() => (await app.Platform.SendAsync("POST", "/v1/projections/nonsense.v1/rebuild")).ShouldBeProblem(404, "projection.unknown");

    [Fact]
    public async Task Views_are_the_platforms_business()
    {
        var organization = await app.NewOrganizationAsync();
        (await organization.Admin.SendAsync("GET", "/v1/projections")).Status.ShouldBe(403);
        (await organization.Admin.SendAsync("POST", $"/v1/projections/{View}/pause")).Status.ShouldBe(403);
    }

    private async Task UntilAsync(string state, bool pending)
    {
        using var deadline = new CancellationTokenSource(Patience);
        var seen = "";
        while (!deadline.IsCancellationRequested)
        {
            var answer = await app.Platform.SendAsync("GET", "/v1/projections");
            answer.Status.ShouldBe(200, answer.Text);
            seen = answer.Text;
            if (answer["data"].EnumerateArray().Any(p => p.GetProperty("name").GetString() == View && p.GetProperty("state").GetString() == state && p.GetProperty("pending").ValueKind == System.Text.Json.JsonValueKind.Null != pending))
            {
                return;
            }

            await Task.Delay(50);
        }

        Assert.Fail($"{View} did not become {state} within {Patience.TotalSeconds} s: {seen}");
    }
}
