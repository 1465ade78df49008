using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// Promises 6 and 9: the process that rebuilds every view at once is killed with -9 in the middle, again and again, and the views come out
/// equal.
/// </summary>
public sealed class RebuildKillTests(ApiProcess api) : IClassFixture<ApiProcess>
{
    private const int People = 400;
    private const int Kills = 3;

    [Fact]
    public async Task Killed_again_and_again_in_the_middle_of_rebuilding_every_view_they_are_equal_and_nothing_is_left_over()
    {
        using var tenant = await Tenant.NewAsync(api.Address, api.Meta, messagesPerSecondMax: 1_000);
        await tenant.ImportAsync(Tenant.PlainNumbers(People));
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        await api.Meta.State.WhenWebhooksAccepted(TestContext.Current.CancellationToken);
        await api.Views.InboxEmptyAsync();
        await api.Views.AgreeAsync(tenant, campaign, $"{People} {People} {People} 0");
        await DailyAsync();
        var before = await api.Views.ContentsAsync();

        var inTheMiddle = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            await RebuildAllAsync();
            await Patience.UntilAsync(CopiesAsync, copies => copies > 0, "views are being rebuilt");
            for (var look = 0; look < 3 * kill; look++)
            {
                await CopiesAsync(); // each time a little later
            }

            await api.KillAsync();
            inTheMiddle += await CopiesAsync() > 0 ? 1 : 0;
            await api.StartAsync();
        }

        inTheMiddle.ShouldBeGreaterThan(0);
        await Patience.UntilAsync(async () =>
            await api.Views.ScalarAsync(
                "SELECT coalesce(string_agg(concat_ws(' ', name, state, request, sequence, error), '; '), '') FROM bsp.projections WHERE request IS NOT NULL OR name LIKE '%+next'"),
            left => left.Length == 0, "every rebuild is done");
        await DailyAsync();
        var after = await api.Views.ContentsAsync();
        foreach (var (view, content) in before)
        {
            after[view].ShouldBe(content, view);
        }

        (await api.Views.LitterAsync()).ShouldBeEmpty();
        await api.Views.AgreeAsync(tenant, campaign, $"{People} {People} {People} 0");
    }

    private async Task<int> CopiesAsync() =>
        int.Parse(await api.Views.ScalarAsync("SELECT count(*) FROM bsp.projections WHERE name LIKE '%+next'"),
            System.Globalization.CultureInfo.InvariantCulture);

    // Days and quarters of hours are counted a few seconds after the rows. Of a quarter: ids and words, then queued, sent, delivered, read.
    // Two days, where midnight was among it.
    private Task DailyAsync() =>
        Patience.UntilAsync(api.Views.ContentsAsync, all =>
            (all["daily_stats"].Split('\n', StringSplitOptions.RemoveEmptyEntries).Length > 1
                || all["daily_stats"].Contains($"\"sent_messages\":{People}", StringComparison.Ordinal)
                || all["daily_stats"].Contains($",{People},", StringComparison.Ordinal))
            && all["quarter_stats"].Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Sum(row => System.Text.Json.JsonDocument.Parse(row).RootElement[15].GetInt32()) == People, "the day is counted");

    // They act on what they read.
    private static readonly string[] AreNoViews =
    [
        "send_consequences", "webhook_wakes", "charging", "ai_work", "campaign_keywords", "campaign_templates",
    ];

    private async Task RebuildAllAsync()
    {
        using var platform = new HttpClient { BaseAddress = api.Address };
        platform.DefaultRequestHeaders.Authorization = new("Bearer", AppFixture.PlatformKey);
        var listed = await platform.SendAsync("GET", "/v1/projections");
        listed.Status.ShouldBe(200, listed.Text);
        foreach (var name in listed["data"].EnumerateArray().Select(p => p.GetProperty("name").GetString()!))
        {
            var answer = await platform.SendAsync("POST", $"/v1/projections/{name}/rebuild");
            answer.Status.ShouldBe(AreNoViews.Any(no => name.StartsWith(no, StringComparison.Ordinal)) ? 409 : 202, answer.Text);
        }
    }
}
