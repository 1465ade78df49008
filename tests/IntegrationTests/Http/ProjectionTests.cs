using Bsp.Api.Operations;
using Bsp.Application.Common;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Http;

public sealed class ProjectionTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const string View = "campaign_counters.v1";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);

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
    public async Task What_makes_no_view_cannot_be_rebuilt_and_parked_events_can_be_asked_for()
    {
        (await app.Platform.SendAsync("POST", "/v1/projections/send_consequences.v1/rebuild"))
            .ShouldBeProblem(409, "projection.no_rebuild");
        (await app.Platform.SendAsync("POST", $"/v1/projections/{View}/retry")).Status.ShouldBe(202);
        await UntilAsync(state: "running", pending: false);
        (await app.Platform.SendAsync("POST", $"/v1/projections/{View}/cancel")).Status.ShouldBe(202);
        await UntilAsync(state: "running", pending: false);
    }

    [Theory]
    [InlineData(0, "list")]
    [InlineData(0, "rebuild", "campaign_counters")]
    [InlineData(0, "rebuild", "conversations.v1")]
    [InlineData(0, "retry", "contact_counters.v1")]
    [InlineData(2, "rebuild", "nonsense")]
    [InlineData(2, "rebuild", "send_consequences")]
    [InlineData(2, "7", "campaign_counters")]
    public async Task The_verb_orders_follows_to_the_end_and_says_how_it_went(int exitCode, params string[] arguments) =>
        (await new ProjectionsCommand(app.Services.GetRequiredService<IProjections>(), () => Task.CompletedTask)
            .RunAsync(arguments, TestContext.Current.CancellationToken)).ShouldBe(exitCode);

    [Fact]
    public async Task Metrics_name_each_projection_and_shard()
    {
        var metrics = (await app.Platform.SendAsync("GET", "/metrics")).Text;
        metrics.ShouldContain("bsp_projection_lag{projection=\"conversations.v1\",shard=");
        metrics.ShouldContain("bsp_projection_here{projection=\"send_consequences.v1\",shard=");
    }

    [Fact]
    public async Task A_name_that_is_none_is_404() =>
        (await app.Platform.SendAsync("POST", "/v1/projections/nonsense.v1/rebuild")).ShouldBeProblem(404, "projection.unknown");

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
            if (answer["data"].EnumerateArray()
                .Any(p => p.GetProperty("name").GetString() == View && p.GetProperty("state").GetString() == state
                    && p.GetProperty("pending").ValueKind == System.Text.Json.JsonValueKind.Null != pending))
            {
                return;
            }

            await Task.Delay(50);
        }

        Assert.Fail($"{View} did not become {state} within {Patience.TotalSeconds} s: {seen}");
    }
}
