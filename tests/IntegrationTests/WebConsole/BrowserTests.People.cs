using System.Text.RegularExpressions;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.CustomerWebhooks;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Bsp.IntegrationTests.WebConsole;

// Roles, colleagues, and sessions that end.
public sealed partial class BrowserTests
{
    // With the page's own cookie and word, as a page that somebody changed would ask.
    private const string Asking = """
        async () => {
          const session = await (await fetch('/v1/auth/session')).json();
          const ask = async (method, path, body) => {
            const headers = { 'Content-Type': 'application/json', 'Bsp-Csrf': session.csrf, 'Idempotency-Key': crypto.randomUUID() };
            const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
            return `${method} ${path} ${answer.status} ${(await answer.json()).code}`;
          };
          return [
            await ask('POST', '/v1/api-keys', { name: 'mine', permissions: 'admin' }),
            await ask('GET', '/v1/users'),
            await ask('POST', '/v1/lists', { name: 'mine' }),
            await ask('POST', '/v1/auth/invitations', { email: 'me@example.com', role: 'admin' }),
            await ask('GET', '/v1/projections'),
          ];
        }
        """;

    [Fact]
    public async Task An_agent_is_shown_what_agents_do_and_refused_the_rest_by_the_server_itself()
    {
        Assert.SkipWhen(BrowserApp.Missing is not null, BrowserApp.Missing ?? "");
        await using var visitor = await app.SignedInAsync(await app.NewPersonAsync(app.Tenant.Api, "agent"));
        var page = visitor.Page;
        var places = await page.Locator("aside nav a").AllInnerTextsAsync();
        places.ShouldContain("Inbox");
        places.Intersect(["API keys", "People", "Operations"]).ShouldBeEmpty();
        foreach (var area in new[] { "keys", "team", "operations", "campaigns/new" })
        {
            await page.GotoAsync($"/console/{area}");
            await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Not with your role" })).ToBeVisibleAsync();
        }

        await page.GotoAsync("/console/campaigns");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Campaigns", Exact = true })).ToBeVisibleAsync();
        (await page.GetByRole(AriaRole.Link, new() { Name = "New campaign" }).CountAsync()).ShouldBe(0);
        (await page.EvaluateAsync<string[]>(Asking)).ShouldAllBe(said => said.EndsWith(" 403 access.denied", StringComparison.Ordinal));
        visitor.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_viewer_reads_a_conversation_and_is_offered_nothing_to_answer_with()
    {
        Assert.SkipWhen(BrowserApp.Missing is not null, BrowserApp.Missing ?? "");
        var tenant = app.Tenant;
        await WriteToUsAsync(tenant, "919871400006", "view1", "Who reads this?");
        await using var visitor = await app.SignedInAsync(await app.NewPersonAsync(tenant.Api, "viewer"));
        await visitor.Page.GotoAsync($"/console/inbox/{await ConversationAsync(tenant, "919871400006")}");
        await Expect(visitor.Page.GetByRole(AriaRole.Log).GetByText("Who reads this?")).ToBeVisibleAsync();
        (await visitor.Page.Locator("main textarea").CountAsync()).ShouldBe(0);
        (await Named(visitor.Page, "Take it").CountAsync()).ShouldBe(0);
        visitor.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Two_agents_in_one_conversation_see_whose_it_is_and_each_others_answers_and_are_told_when_somebody_was_faster()
    {
        Assert.SkipWhen(BrowserApp.Missing is not null, BrowserApp.Missing ?? "");
        var tenant = app.Tenant;
        const string from = "919871400003";
        await WriteToUsAsync(tenant, from, "two1", "Can somebody help me?");
        var (ann, ben) = (await app.NewPersonAsync(tenant.Api, "agent"), await app.NewPersonAsync(tenant.Api, "agent"));
        await using var one = await app.SignedInAsync(ann);
        await using var two = await app.SignedInAsync(ben);
        var (first, second) = (one.Page, two.Page);
        var conversation = await ConversationAsync(tenant, from);
        foreach (var page in new[] { first, second })
        {
            await page.GotoAsync($"/console/inbox/{conversation}");
            await ShownAsync(page, "Can somebody help me?");
        }

        await Named(first, "Take it").ClickAsync();
        await Expect(second.Locator(".inbox-side").GetByLabel("Assigned to")).ToHaveValueAsync($"{ann.Id}");
        await AnsweredAsync(first, "It is on its way.");
        await ShownAsync(second, "It is on its way.");
        await WriteToUsAsync(tenant, from, "two2", "Thank you both!");
        await ShownAsync(first, "Thank you both!");
        await ShownAsync(second, "Thank you both!");

        // Ben begins, Ann is faster, and Ben is asked whether that answer still helps.
        await second.Locator("main textarea").FillAsync("I can help, too.");
        await AnsweredAsync(first, "It arrives today.");
        await ShownAsync(second, "It arrives today.");
        await second.Locator("main textarea").PressAsync("Enter");
        await Expect(second.GetByText("A colleague has answered")).ToBeVisibleAsync();
        await Named(second, "Send all the same").ClickAsync();
        await ShownAsync(first, "I can help, too.");
        one.Faults.ShouldBeEmpty();
        two.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_session_that_ended_leads_to_signing_in_and_back_to_where_one_was_with_what_one_had_begun_to_write()
    {
        Assert.SkipWhen(BrowserApp.Missing is not null, BrowserApp.Missing ?? "");
        var tenant = app.Tenant;
        await WriteToUsAsync(tenant, "919871400004", "end1", "Is anybody there?");
        var agent = await app.NewPersonAsync(tenant.Api, "agent");
        await using var visitor = await app.SignedInAsync(agent);
        var page = visitor.Page;
        var place = $"/console/inbox/{await ConversationAsync(tenant, "919871400004")}";
        await page.GotoAsync(place);
        await page.Locator("main textarea").FillAsync("Yes, we are");
        (await agent.Client.SendAsync("POST", "/v1/auth/logout-all")).Status.ShouldBe(204);
        await page.WaitForURLAsync(new Regex("/console/sign-in$"));
        await visitor.SignInAsync(agent);
        await page.WaitForURLAsync(new Regex(place + "$"));
        await Expect(page.Locator("main textarea")).ToHaveValueAsync("Yes, we are");
        await ShownAsync(page, "Is anybody there?");
        visitor.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_address_of_theirs_is_told_what_happens_and_its_deliveries_are_shown_and_told_again()
    {
        Assert.SkipWhen(BrowserApp.Missing is not null, BrowserApp.Missing ?? "");
        using var tenant = await app.NewTenantAsync();
        await using var receiver = await HookReceiver.StartAsync();
        await using var visitor = await app.SignedInAsync(await app.NewPersonAsync(tenant.Api, "admin"));
        var page = visitor.Page;
        await page.GotoAsync("/console/webhooks");
        await Named(page, "New webhook").First.ClickAsync();
        var form = page.GetByRole(AriaRole.Dialog);
        await form.GetByLabel("Name", new() { Exact = true }).FillAsync("Our shop");
        await form.GetByLabel("Address (https)").FillAsync(receiver.Url);
        await Named(page, "Save").ClickAsync();
        await Expect(page.Locator(".secret input")).ToHaveValueAsync(new Regex("^whsec_"));
        await Named(page, "Done").ClickAsync();
        await page.WaitForURLAsync(new Regex("/console/webhooks/[0-9a-f-]{36}$"));
        await Named(page, "Send a test").ClickAsync();
        await Expect(page.Locator("tr", new() { HasText = "webhook.test" }).GetByText("delivered 200")).ToBeVisibleAsync();

        await WriteToUsAsync(tenant, "919871400007", "hook1", "Hello");
        var row = page.Locator("tr", new() { HasText = "message.received" }).First;
        await Expect(row.GetByText("delivered 200")).ToBeVisibleAsync();
        await row.GetByRole(AriaRole.Button, new() { Name = "Tell again" }).ClickAsync();
        var told = await receiver.AcceptedAsync(all => all.Count(h => h.Type == "message.received") >= 2, "it is told once more");
        told.Where(h => h.Type == "message.received").Select(h => h.Text).Distinct().Count().ShouldBe(1);
        visitor.Faults.ShouldBeEmpty();
    }

    private static async Task AnsweredAsync(IPage page, string text)
    {
        await page.Locator("main textarea").FillAsync(text);
        await page.Locator("main textarea").PressAsync("Enter");
        await ShownAsync(page, text);
    }

    // In the thread itself, as the list beside it shows the last message, too; and not where an answer quotes it.
    private static Task ShownAsync(IPage page, string text) =>
        Expect(page.GetByRole(AriaRole.Log).Locator(".bubble-text").And(page.GetByText(text, new() { Exact = true }))).ToBeVisibleAsync();
}
