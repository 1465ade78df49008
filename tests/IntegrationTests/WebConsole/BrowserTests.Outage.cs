using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.Views;
using static Microsoft.Playwright.Assertions;

namespace Bsp.IntegrationTests.WebConsole;

// A server that is away for a while: a proxy before it is stopped, so that it is there again at the same address.
public sealed partial class BrowserTests
{
    private const string Away = ".connection-away";

    [Fact]
    public async Task A_server_that_goes_away_is_said_to_be_away_nothing_typed_is_lost_and_all_is_shown_when_it_is_back()
    {
        Assert.SkipWhen(BrowserApp.Missing is not null, BrowserApp.Missing ?? "");
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(3));
        await WriteToUsAsync(tenant, "919871400005", "away1", "Are you there?");
        var campaign = (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns", new
        {
            name = "News", template_id = tenant.TemplateId, account_id = tenant.AccountId, audience_segment = new { all = true },
            metadata = new { template_parameters = new { body = new[] { "friend" } } },
        })).GetProperty("id").GetGuid();
        var conversation = await ConversationAsync(tenant, "919871400005");
        using var proxy = new StoppableProxy(app.Address);
        await using var visitor = await app.SignedInAsync(await app.NewPersonAsync(tenant.Api, "admin"),
            address: new($"http://127.0.0.1:{proxy.Port}/"));
        var page = visitor.Page;
        await page.GotoAsync($"/console/inbox/{conversation}");
        await ShownAsync(page, "Are you there?");
        var box = page.Locator("main textarea");
        await box.FillAsync("We are here.");

        proxy.Stop();
        await Expect(page.Locator(Away)).ToBeVisibleAsync();
        await box.PressAsync("Enter");
        await Expect(page.Locator(".composer .fault")).ToBeVisibleAsync();
        await Expect(box).ToHaveValueAsync("We are here.");
        await ShownAsync(page, "Are you there?");
        await WriteToUsAsync(tenant, "919871400005", "away2", "Hello?");
        proxy.Start();
        await Expect(page.Locator(Away)).ToHaveCountAsync(0);
        await ShownAsync(page, "Hello?");
        await box.PressAsync("Enter");
        await ShownAsync(page, "We are here.");
        await Expect(box).ToHaveValueAsync("");
        await Patience.SoonAsync(async () =>
        {
            var messages = await tenant.Api.SendAsync("GET", $"/v1/conversations/{conversation}/messages");
            messages["data"].EnumerateArray().Count(m => m.ToString().Contains("We are here.", StringComparison.Ordinal)).ShouldBe(1);
        });

        // A campaign is looked at, the server goes, the campaign ends meanwhile.
        await page.GotoAsync($"/console/campaigns/{campaign}");
        await Expect(page.Locator("main h1").GetByText("Draft")).ToBeVisibleAsync();
        proxy.Stop();
        await Expect(page.Locator(Away)).ToBeVisibleAsync();
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);
        await tenant.CompletedAsync(campaign);
        await Expect(page.Locator("main h1").GetByText("Draft")).ToBeVisibleAsync(); // as it was last seen
        proxy.Start();
        await Expect(page.Locator("main h1").GetByText("Completed")).ToBeVisibleAsync();
        await Expect(page.Locator(Away)).ToHaveCountAsync(0);
        visitor.Faults.ShouldBeEmpty();
    }
}
