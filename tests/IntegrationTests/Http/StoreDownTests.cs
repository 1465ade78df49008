using Bsp.Api;
using Bsp.IntegrationTests.Common;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Bsp.IntegrationTests.Http;

public sealed class StoreDownTests
{
    [Fact]
    public async Task Without_PostgreSQL_it_is_503_with_Retry_After_and_alive_but_not_ready()
    {
        var builder =
            WebApplication.CreateBuilder(new WebApplicationOptions { ApplicationName = typeof(Program).Assembly.GetName().Name,
                EnvironmentName = "Production" });
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["urls"] = "http://127.0.0.1:0",
            ["ConnectionStrings:DirectoryApp"] = "Host=127.0.0.1;Port=1;Username=bsp_app;Password=x;Timeout=2", // nobody listens on port 1
            ["ConnectionStrings:Redis"] = "127.0.0.1:1,abortConnect=false,connectTimeout=500",
            ["ConnectionStrings:ClickHouse"] = "http://bsp:x@127.0.0.1:1/?database=bsp",
            ["Bsp:PlatformKey"] = AppFixture.PlatformKey,
            ["Bsp:MasterKey"] = Convert.ToBase64String(new byte[32]),
        });
        builder.Logging.ClearProviders();
        var app = await Program.PrepareAsync(builder);
        await using (app)
        {
            await app.StartAsync();
            using var client = new HttpClient { BaseAddress = new(app.Urls.First()) };
            client.DefaultRequestHeaders.Authorization = new("Bearer", "bsp_12345678_any");
            (await client.SendAsync("GET", "/v1/me")).ShouldBeProblem(503, "store.unavailable").Header("Retry-After").ShouldNotBeNull();
            (await client.SendAsync("GET", "/health/live")).Status.ShouldBe(200);
            var ready = await client.SendAsync("GET", "/health/ready");
            ready.Status.ShouldBe(503);
            ready["status"].GetString().ShouldBe("down");
            ready["stores"].GetProperty("postgres").GetString()!.ShouldNotContain("127.0.0.1");
        }
    }
}
