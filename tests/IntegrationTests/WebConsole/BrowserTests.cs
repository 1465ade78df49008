using System.Text.Json;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Bsp.IntegrationTests.WebConsole;

/// <summary>The console as people use it, in Chromium.</summary>
public sealed partial class BrowserTests(BrowserApp app) : IClassFixture<BrowserApp>
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
            phone_number = "+919871400001", consent_status = "OPTED_IN", first_name = Payload, last_name = "\"><svg onload=window.pwned=1>",
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
        string[] markers = ["button-text", "reply-title", "place-name", "place-address", "file-name", "card-name", "parameter-text"];
        string Hostile(string marker) => $"<img src=x onerror=\"window.pwned=1\">{marker}";
        foreach (var (kind, content) in new (string, object)[]
        {
            ("button", new { text = Hostile("button-text"), payload = "p" }),
            ("interactive", new { type = "button_reply", button_reply = new { id = "1", title = Hostile("reply-title") } }),
            ("location", new { latitude = 12.9, longitude = 77.6, name = Hostile("place-name"), address = Hostile("place-address") }),
            ("document", new { id = "99999999998", mime_type = "application/pdf", filename = Hostile("file-name") }),
            ("contacts", new[] { new { name = new { formatted_name = Hostile("card-name") } } }),
        })
        {
            await WriteToUsAsync(tenant, "919871400001", $"xss-{kind}", kind, content);
        }

        await AppFixture.CreatedAsync(tenant.Api, "/v1/messages", new
        {
            account_id = tenant.AccountId, to = "+919871400001", type = "template",
            template = new { name = "order_on_its_way", language = new { code = "en" }, components = new[]
            {
                new { type = "body", parameters = new[] { new { type = "text", text = Hostile("parameter-text") } } },
            } },
        });
        var conversation = await ConversationAsync(tenant, "919871400001");
        await page.GotoAsync($"/console/inbox/{conversation}");
        await Expect(page.GetByText("window.pwned=1").First).ToBeVisibleAsync();
        foreach (var marker in markers)
        {
            await Expect(page.GetByRole(AriaRole.Log).GetByText(marker).First).ToBeVisibleAsync();
        }

        (await page.Locator("img[src=x]").CountAsync()).ShouldBe(0);
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
            await Expect(page.Locator("main .loading")).ToHaveCountAsync(0);
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
        var conversation = await ConversationAsync(tenant, "919871400002");
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
        await page.GetByRole(AriaRole.Tab, new() { Name = "Recipients", Exact = true }).ClickAsync();
        await Expect(page.Locator("main table").GetByText("Bilal")).ToBeVisibleAsync(); // by their names, not by their ids
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

        // and reads the statement of the month in which the money came, on the page and as a file
        var month = (await tenant.Api.SendAsync("GET", "/v1/transactions?order=newest"))["data"][0].GetProperty("created_at")
            .GetString()![..7];
        await admin.Page.GotoAsync($"/console/money/statements/{month}");
        await Expect(admin.Page.Locator("main table").GetByText("25.00").First).ToBeVisibleAsync();
        var file = await admin.Page.RunAndWaitForDownloadAsync(() => Named(admin.Page, "Export CSV").ClickAsync());
        file.SuggestedFilename.ShouldBe($"statement-{month}.csv");
        var csv = await File.ReadAllTextAsync((await file.PathAsync())!);
        csv.ShouldBe((await tenant.Api.SendAsync("GET", $"/v1/statements/{month}", null, ("Accept", "text/csv"))).Text);
        csv.ShouldContain("topup");
        admin.Faults.ShouldBeEmpty();
    }

    // As soon as it is shown.
    private static async Task<Guid> ConversationAsync(Tenant tenant, string from)
    {
        JsonElement Of(Answer all) => all["data"].EnumerateArray()
            .FirstOrDefault(c => c.GetProperty("contact").GetProperty("phone_number").GetString() == "+" + from);
        return Of(await EndToEnd.Patience.UntilAsync(() => tenant.Api.SendAsync("GET", "/v1/conversations?limit=200"), all =>
            Of(all).ValueKind == JsonValueKind.Object, "it is in the inbox")).GetProperty("id").GetGuid();
    }

    private static ILocator Named(IPage page, string name) => page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    private Task WriteToUsAsync(Tenant tenant, string from, string id, string text) =>
        WriteToUsAsync(tenant, from, id, "text", new { body = text });

    private async Task WriteToUsAsync(Tenant tenant, string from, string id, string kind, object content)
    {
        var message = JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["from"] = from, ["id"] = $"wamid.{id}{tenant.PhoneNumberId}",
            ["timestamp"] = $"{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}", ["type"] = kind, [kind] = content,
        });
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $"\"messages\":[{message}]"))).Status.ShouldBe(200);
        await app.Views.InboxEmptyAsync();
    }
}
