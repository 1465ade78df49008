using System.Text.Json;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Bsp.IntegrationTests.WebConsole;

/// <summary>The console as people use it, in Chromium.</summary>
public sealed class BrowserTests(BrowserApp app) : IClassFixture<BrowserApp>
{
    private const string Payload = "<img src=x onerror=\"window.pwned=1\"><script>window.pwned=1</script>";

    private static readonly string[] Areas =
        ["campaigns", "inbox", "contacts", "templates", "money", "analytics", "webhooks", "keys", "team", "settings"];

    [Fact]
    public async Task What_customers_and_colleagues_write_is_text_wherever_it_is_shown()
    {
        Assert.SkipWhen(BrowserApp.Missing is not null, BrowserApp.Missing ?? "");
        var tenant = app.Tenant;
        var made = await tenant.Api.SendAsync("POST", "/v1/contacts", new
        {
            phone_number = "+919871400001", first_name = Payload, last_name = "\"><svg onload=window.pwned=1>",
            tags = new[] { "<b>tag</b>" },
            custom_fields = new Dictionary<string, string> { ["note"] = Payload },
        });
        made.Status.ShouldBe(201, made.Text);
        await WriteToUsAsync(tenant, "919871400001", "xss1", Payload);
        var admin = await app.NewPersonAsync(tenant.Api, "admin");
        await using var visitor = await app.SignedInAsync(admin);
        var page = visitor.Page;
        await page.GotoAsync("/console/inbox");
        await Expect(page.GetByText("onerror=").First).ToBeVisibleAsync();
        var conversation = (await tenant.Api.SendAsync("GET", "/v1/conversations?limit=1"))["data"][0].GetProperty("id").GetGuid();
        await page.GotoAsync($"/console/inbox/{conversation}");
        await Expect(page.GetByText("window.pwned=1").First).ToBeVisibleAsync();
        await page.GotoAsync($"/console/contacts/{made["id"].GetGuid()}");
        await Expect(page.GetByText("svg onload").First).ToBeVisibleAsync();
        (await page.EvaluateAsync<bool>("() => window.pwned === undefined")).ShouldBeTrue();
        (await page.Locator("img[src=x], svg[onload]").CountAsync()).ShouldBe(0);
        visitor.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("en-US", ColorScheme.Light, "light")]
    [InlineData("en-US", ColorScheme.Dark, "dark")]
    [InlineData("ar", ColorScheme.Light, "arabic")]
    public async Task Each_page_opens_without_a_fault_and_without_a_serious_barrier(string language, ColorScheme scheme, string name)
    {
        Assert.SkipWhen(BrowserApp.Missing is not null, BrowserApp.Missing ?? "");
        var admin = await app.NewPersonAsync(app.Tenant.Api, "admin");
        await using var visitor = await app.SignedInAsync(admin, language, scheme);
        var page = visitor.Page;
        (await page.EvaluateAsync<string>("() => document.documentElement.dir")).ShouldBe(language == "ar" ? "rtl" : "ltr");
        var barriers = new List<string>();
        foreach (var area in Areas)
        {
            await page.GotoAsync($"/console/{area}");
            await Expect(page.Locator("main h1").First).ToBeVisibleAsync();
            await page.WaitForLoadStateAsync(LoadState.DOMContentLoaded);
            await page.ScreenshotAsync(new() { Path = BrowserApp.PictureOf($"{area}-{name}"), Animations = ScreenshotAnimations.Disabled });
            var found = await page.RunAxe();
            barriers.AddRange(found.Violations.Where(v => v.Impact is "serious" or "critical")
                .Select(v => $"{area}: {v.Id} {string.Join(" ", v.Nodes.Take(3).Select(n => n.Html))}"));
        }

        barriers.ShouldBeEmpty();
        visitor.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_customer_is_answered_and_the_answer_is_there()
    {
        Assert.SkipWhen(BrowserApp.Missing is not null, BrowserApp.Missing ?? "");
        var tenant = app.Tenant;
        await tenant.Api.SendAsync("POST", "/v1/contacts", new { phone_number = "+919871400002", first_name = "Asha" });
        await WriteToUsAsync(tenant, "919871400002", "ask1", "Where is my order?");
        var agent = await app.NewPersonAsync(tenant.Api, "agent");
        await using var visitor = await app.SignedInAsync(agent);
        var page = visitor.Page;
        var conversation = (await EndToEnd.Patience.UntilAsync(() => tenant.Api.SendAsync("GET", "/v1/conversations?limit=50"), all =>
            all.Text.Contains("Where is my order?", StringComparison.Ordinal), "it is in the inbox"))["data"].EnumerateArray()
            .First(c => c.ToString().Contains("Where is my order?", StringComparison.Ordinal)).GetProperty("id").GetGuid();
        await page.GotoAsync($"/console/inbox/{conversation}");
        await Expect(page.GetByText("Where is my order?").First).ToBeVisibleAsync();
        await page.Locator("main textarea").First.FillAsync("It arrives tomorrow.");
        await page.Keyboard.PressAsync("Enter");
        await EndToEnd.Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/conversations/{conversation}/messages"), all =>
            all.Text.Contains("It arrives tomorrow.", StringComparison.Ordinal), "the answer was sent");
        await Expect(page.GetByText("It arrives tomorrow.").First).ToBeVisibleAsync();
        // and what the customer writes next comes by itself
        await WriteToUsAsync(tenant, "919871400002", "ask2", "Thank you very much!");
        await Expect(page.GetByText("Thank you very much!").First).ToBeVisibleAsync();
        visitor.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_newcomer_imports_a_file_launches_a_campaign_and_sees_it_through()
    {
        Assert.SkipWhen(BrowserApp.Missing is not null, BrowserApp.Missing ?? "");
        using var tenant = await app.NewTenantAsync();
        await using var visitor = await app.SignedInAsync(await app.NewPersonAsync(tenant.Api, "admin"));
        var page = visitor.Page;
        await page.GotoAsync("/console/contacts/import");
        await page.Locator("input[type=file]").SetInputFilesAsync(new FilePayload
        {
            Name = "people.csv", MimeType = "text/csv", Buffer = System.Text.Encoding.UTF8.GetBytes(
                "phone_number,first_name,consent_status\n+919876501000,Asha,OPTED_IN\n+919876501001,Bilal,OPTED_IN\n"),
        });
        await Named(page, "Start the import").ClickAsync();
        await page.WaitForURLAsync("**/contacts/imports/*");
        await EndToEnd.Patience.UntilAsync(() => tenant.Api.SendAsync("GET", "/v1/contacts"), all =>
            all["data"].GetArrayLength() == 2, "both are there");

        await page.GotoAsync("/console/campaigns/new");
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync("Hello");
        await page.GetByLabel("WhatsApp number").SelectOptionAsync(new SelectOptionValue { Value = tenant.AccountId.ToString() });
        await page.GetByLabel("Template", new() { Exact = true }).SelectOptionAsync(
            new SelectOptionValue { Value = tenant.TemplateId.ToString() });
        await page.GetByLabel("Text", new() { Exact = true }).First.FillAsync("friend");
        await Named(page, "Next").ClickAsync();
        await page.Locator("input[type=radio][name=audience]").First.CheckAsync();
        await Named(page, "Next").ClickAsync();
        await Named(page, "Next").ClickAsync();
        await Named(page, "Launch now").ClickAsync();
        await page.WaitForURLAsync(url => System.Text.RegularExpressions.Regex.IsMatch(url, "/campaigns/[0-9a-f-]{36}$"));
        var campaign = Guid.Parse(page.Url.Split('/')[^1]);
        await EndToEnd.Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"), c =>
            c["status"].GetString() == "COMPLETED", "it completes");
        await Expect(page.GetByText("Completed", new() { Exact = false }).First).ToBeVisibleAsync();
        visitor.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Staff_choose_an_organization_and_top_up_and_its_admin_has_the_ledger_audited()
    {
        Assert.SkipWhen(BrowserApp.Missing is not null, BrowserApp.Missing ?? "");
        using var tenant = await app.NewTenantAsync();
        var staff = await app.NewPersonAsync(app.Client(AppFixture.PlatformKey, tenant.Id), "super_admin");
        await using (var visitor = await app.SignedInAsync(staff))
        {
            var page = visitor.Page;
            await page.Locator(".organization-picker select, select.organization-picker").First.SelectOptionAsync(
                new SelectOptionValue { Value = tenant.Id.ToString() });
            await page.Locator("aside nav a[href$='/money']").ClickAsync();
            await Named(page, "Top up").First.ClickAsync();
            await page.GetByLabel("Amount").FillAsync("25");
            await page.GetByLabel("Reference").FillAsync("pay_browser");
            await Named(page, "Top up").Last.ClickAsync();
            await EndToEnd.Patience.UntilAsync(() => tenant.Api.SendAsync("GET", "/v1/wallet"), w => w.Status == 200
                && w["balance"].GetString() == "25.000000", "the money is there");
            visitor.Faults.ShouldBeEmpty();
        }

        await using var admin = await app.SignedInAsync(await app.NewPersonAsync(tenant.Api, "admin"));
        await admin.Page.GotoAsync("/console/money/audits");
        await Named(admin.Page, "Run the audit").ClickAsync();
        await Expect(admin.Page.GetByText("Passed: everything adds up").First).ToBeVisibleAsync();
        admin.Faults.ShouldBeEmpty();
    }

    private static ILocator Named(IPage page, string name) => page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    private async Task WriteToUsAsync(Tenant tenant, string from, string id, string text)
    {
        var message = JsonSerializer.Serialize(new
        {
            from, id = $"wamid.{id}{tenant.PhoneNumberId}", timestamp = $"{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}", type = "text",
            text = new { body = text },
        });
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $"\"messages\":[{message}]"))).Status.ShouldBe(200);
        await app.Views.InboxEmptyAsync();
    }
}
