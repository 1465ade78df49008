using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Bsp.IntegrationTests.Common;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Bsp.IntegrationTests.Privacy;

/// <summary>Everything that the application says to its log, from Debug on, is kept.</summary>
public sealed class OverheardApp(StoresFixture stores) : AppFixture(stores)
{
    public ConcurrentQueue<string> Said { get; } = new();

    protected override void Configure(WebApplicationBuilder builder) =>
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Debug).AddProvider(new Ear(Said));

    private sealed class Ear(ConcurrentQueue<string> said) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) => said.Enqueue($"{formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}

public sealed partial class SecretsTests(OverheardApp app) : IClassFixture<OverheardApp>
{
    [Fact]
    public async Task A_planted_secret_is_in_no_answer_of_any_route_and_in_no_line_of_the_log()
    {
        var organization = await app.NewOrganizationAsync();
        var person = await app.NewPersonAsync(organization.Admin, "admin");
        (await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}",
            new { meta_access_token = "EAA-planted-1", webhook_verify_token = "planted-2",
                meta_app_secret = "planted-3" })).Status.ShouldBe(200);
        (await organization.Admin.SendAsync("PATCH", $"/v1/accounts/{organization.AccountId}",
            new { credentials = new { access_token = "EAA-planted-4" } })).Status.ShouldBe(200);
        var reset = (await organization.Admin.SendAsync("POST", "/v1/auth/reset/request", new { email = person.Email }))["token"]
            .GetString()!;
        string[] secrets =
            ["EAA-planted-1", "planted-2", "planted-3", "EAA-planted-4", person.Password, "a wrong planted-5", person.Token,
                organization.AdminKey, reset, AppFixture.PlatformKey];
        (await app.Anonymous.SendAsync("POST", "/v1/auth/login",
            new { email = person.Email, password = "a wrong planted-5" })).Status.ShouldBe(401);

        var ids = new Dictionary<string, Guid> { ["organizations"] = organization.Id, ["accounts"] = organization.AccountId,
            ["users"] = person.Id };
        var asked = 0;
        foreach (var endpoint in app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            foreach (var route in Api.Common.Access.RoutesOf(endpoint)
                .Where(r => r.Contains("/v1/") && !r.Contains("stream") && !r.Contains("logout") && !r.Contains("DELETE")))
            {
                var (method, pattern) = (route.Split(' ')[0], route.Split(' ')[1]);
                var id = ids.TryGetValue(pattern.Split('/')[2], out var known) ? known : Guid.NewGuid();
                foreach (var client in new[] { organization.Admin, person.Client, app.Client(AppFixture.PlatformKey, organization.Id) })
                {
                    var path = Placeholder().Replace(pattern, id.ToString());
                    var answer = await client.SendAsync(method, path, method == "GET" ? null : "{}");
                    foreach (var secret in secrets)
                    {
                        $"{answer.Text} {answer.Headers}".ShouldNotContain(secret, Case.Sensitive, $"{method} {path}");
                    }

                    asked++;
                }
            }
        }

        asked.ShouldBeGreaterThan(150);
        app.Said.Count.ShouldBeGreaterThan(100);
        var log = string.Join('\n', app.Said);
        secrets.Where(secret => log.Contains(secret, StringComparison.Ordinal)).ShouldBeEmpty();
    }

    [GeneratedRegex(@"\{[^}]+\}")]
    private static partial Regex Placeholder();
}
