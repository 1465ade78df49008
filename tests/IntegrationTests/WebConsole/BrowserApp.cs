using System.Collections.Concurrent;
using System.Reflection;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Playwright;

namespace Bsp.IntegrationTests.WebConsole;

/// <summary>
/// A real application with the console as it was built, and a real Chromium. Where one of them is missing, <see cref="Missing"/> says so
/// and the tests are skipped.
/// </summary>
public sealed class BrowserApp(StoresFixture stores) : EndToEndApp(stores)
{
    private const string Chromium = "/usr/bin/chromium";
    private const float PatienceMs = 180_000;
    private IPlaywright? playwright;
    private IBrowser? browser;

    /// <summary>What is needed and not there; null: all is.</summary>
    public static string? Missing { get; } = FindMissing();

    internal Tenant Tenant { get; private set; } = null!;

    private static string Root => FindRoot();

    private static string ConsoleDirectory => Path.Combine(Root, "src", "Api", "wwwroot", "console");

    protected override IEnumerable<(string Name, string? Value)> Settings =>
        [.. base.Settings, ("Bsp:Console:Directory", ConsoleDirectory)];

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        if (Missing is not null)
        {
            return;
        }

        Tenant = await NewTenantAsync();
        // Node of this machine with the driver as NuGet unpacked it: nothing of it is copied into the output.
        Environment.SetEnvironmentVariable("PLAYWRIGHT_NODEJS_PATH", NodePath());
        Environment.SetEnvironmentVariable("PLAYWRIGHT_DRIVER_SEARCH_PATH", DriverPath());
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Chromium, Args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"], Timeout = PatienceMs,
        });
        Assertions.SetDefaultExpectTimeout(PatienceMs);
    }

    public override async ValueTask DisposeAsync()
    {
        if (browser is not null)
        {
            await browser.DisposeAsync();
        }

        playwright?.Dispose();
        Tenant?.Dispose();
        await base.DisposeAsync();
    }

    /// <summary>A browser of somebody's own, with nothing in it.</summary>
    /// <param name="address">Null: the application's own; else that of something that stands before it.</param>
    internal async Task<Visitor> VisitAsync(string language = "en-US", ColorScheme scheme = ColorScheme.Light, Uri? address = null)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        var context = await browser!.NewContextAsync(new()
        {
            BaseURL = (address ?? Address).ToString(), Locale = language, ColorScheme = scheme, TimezoneId = "Asia/Kolkata",
            ViewportSize = new() { Width = 1280, Height = 860 }, ReducedMotion = ReducedMotion.Reduce,
        });
        context.SetDefaultTimeout(PatienceMs);
        return new(await context.NewPageAsync(), address ?? Address);
    }

    /// <summary>Somebody of the tenant, signed in over the page.</summary>
    internal async Task<Visitor> SignedInAsync(Person person, string language = "en-US", ColorScheme scheme = ColorScheme.Light,
        Uri? address = null)
    {
        var visitor = await VisitAsync(language, scheme, address);
        await visitor.Page.GotoAsync("/console");
        await visitor.SignInAsync(person);
        return visitor;
    }

    /// <summary>Where pictures of pages are put, for people to look at.</summary>
    internal static string PictureOf(string name) =>
        Path.Combine(Directory.CreateDirectory(Path.Combine(Root, ".local", "screenshots")).FullName, name + ".png");

    private static string? FindMissing() =>
        !File.Exists(Chromium) ? "There is no Chromium: scripts/prepare chromium installs Debian's."
        : NodePath() is null ? "There is no Node.js, which drives the browser."
        : !File.Exists(Path.Combine(ConsoleDirectory, "index.html")) ? "The console is not built: scripts/console builds it."
        : !Directory.Exists(Path.Combine(DriverPath(), ".playwright", "package")) ? "Playwright's driver is not where NuGet puts it."
        : null;

    private static string? NodePath() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Select(folder => Path.Combine(folder, "node")).FirstOrDefault(File.Exists);

    private static string DriverPath() => typeof(BrowserApp).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(data => data.Key == "Playwright").Value!;

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Bsp.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Bsp.sln is in no folder above the tests.");
        }

        return folder;
    }
}

/// <summary>A page, and whatever went wrong in it.</summary>
internal sealed class Visitor : IAsyncDisposable
{
    private readonly ConcurrentQueue<string> faults = new();

    public Visitor(IPage page, Uri address)
    {
        Page = page;
        page.PageError += (_, error) => faults.Enqueue($"error: {error}");
        page.Console += (_, said) =>
        {
            // what the server refuses the page shows itself; everything else is a fault, a violated policy above all
            if (said.Type == "error" && !said.Text.StartsWith("Failed to load resource", StringComparison.Ordinal))
            {
                faults.Enqueue($"console: {said.Text}");
            }
        };
        page.Request += (_, request) =>
        {
            if (new Uri(request.Url) is { Scheme: "http" or "https" } to && to.Authority != address.Authority)
            {
                faults.Enqueue($"asked {request.Url}");
            }
        };
    }

    public IPage Page { get; }

    /// <summary>On the page where one signs in.</summary>
    public async Task SignInAsync(Person person)
    {
        await Page.Locator("input[name=email]").FillAsync(person.Email);
        await Page.Locator("input[name=password]").FillAsync(person.Password);
        await Page.Locator("button[type=submit]").ClickAsync();
        await Page.Locator("aside nav a").First.WaitForAsync();
    }

    /// <summary>Errors, violations of the policy, requests to other hosts.</summary>
    public IReadOnlyList<string> Faults => [.. faults];

    public async ValueTask DisposeAsync() => await Page.Context.DisposeAsync();
}
