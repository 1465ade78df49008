using System.Reflection;
using Bsp.LocalStores.Common;
using Microsoft.Playwright;

namespace Bsp.Benchmarks;

/// <summary>Debian's Chromium, driven as the browser tests drive it.</summary>
internal sealed class Chromium : IAsyncDisposable
{
    private const string Program = "/usr/bin/chromium";
    private const float PatienceMs = 120_000;
    private readonly IPlaywright playwright;
    private readonly IBrowser browser;

    private Chromium(IPlaywright playwright, IBrowser browser) => (this.playwright, this.browser) = (playwright, browser);

    /// <exception cref="Obstacle">Chromium or Node.js is not installed.</exception>
    public static async Task<Chromium> StartAsync()
    {
        var node = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "node"))
            .FirstOrDefault(File.Exists) ?? throw new Obstacle("There is no Node.js, which drives the browser.");
        if (!File.Exists(Program))
        {
            throw new Obstacle("There is no Chromium: scripts/prepare chromium installs Debian's.");
        }

        Environment.SetEnvironmentVariable("PLAYWRIGHT_NODEJS_PATH", node);
        Environment.SetEnvironmentVariable("PLAYWRIGHT_DRIVER_SEARCH_PATH", typeof(Chromium).Assembly
            .GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "Playwright").Value);
        var playwright = await Playwright.CreateAsync();
        return new(playwright, await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Program, Args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"], Timeout = PatienceMs,
        }));
    }

    /// <summary>A browser of somebody's own, with an empty cache.</summary>
    /// <param name="state">Cookies of a context, from <see cref="IBrowserContext.StorageStateAsync"/>; null: none.</param>
    public async Task<IBrowserContext> NewAsync(string address, string? state)
    {
        var context = await browser.NewContextAsync(new()
        {
            BaseURL = address, Locale = "en-US", StorageState = state, ViewportSize = new() { Width = 1280, Height = 860 },
            ReducedMotion = ReducedMotion.Reduce,
        });
        context.SetDefaultTimeout(PatienceMs);
        return context;
    }

    public async ValueTask DisposeAsync()
    {
        await browser.DisposeAsync();
        playwright.Dispose();
    }
}
