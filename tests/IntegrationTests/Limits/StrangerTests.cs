using Bsp.Application.Webhooks;
using System.Collections.Concurrent;
using Bsp.Infrastructure.Webhooks;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Bsp.IntegrationTests.Limits;

/// <summary>Remembers every line that is logged.</summary>
public sealed class StrangersApp(StoresFixture stores) : EndToEndApp(stores), ILoggerProvider
{
    public ConcurrentQueue<string> Lines { get; } = new();

    public ILogger CreateLogger(string categoryName) => new Kept(this, categoryName);

    public void Dispose() => GC.SuppressFinalize(this);

    protected override void Configure(WebApplicationBuilder builder) => builder.Logging.ClearProviders().AddProvider(this)
        .SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft.AspNetCore", LogLevel.Warning).AddFilter("Npgsql", LogLevel.Warning);

    private sealed class Kept(StrangersApp app, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            app.Lines.Enqueue($"{category} {formatter(state, exception)} {exception}");
    }
}

/// <summary>A caller who has not shown who they are keeps nobody out and fills neither memory nor log.</summary>
public sealed class StrangerTests(StrangersApp app) : IClassFixture<StrangersApp>
{
    private static readonly string Forged = $"X-Hub-Signature-256: sha256={new string('0', 64)}";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sixteen_hundred_idle_sockets_that_announce_a_webhook_hold_nothing_and_every_genuine_one_is_200()
    {
        var idle = await OpenAsync(1_600, []);
        var room = app.Services.GetRequiredService<BodyRoom>();
        room.BytesNow.ShouldBe(0);
        await GenuineAsync();
        idle.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task Those_that_send_nearly_all_of_it_give_their_room_to_the_next()
    {
        var idle = await OpenAsync(700, new byte[60_000]); // 700 × 64 KB: more than there is
        await GenuineAsync();
        app.Services.GetRequiredService<BodyRoom>().BytesNow.ShouldBeLessThanOrEqualTo(BodyRoom.BytesAtOnce);
        idle.ForEach(client => client.Dispose());
        await Patience.UntilAsync(() => Task.FromResult(app.Services.GetRequiredService<BodyRoom>().BytesNow), bytes =>
            bytes == 0, "all of the room is given back");
    }

    [Theory]
    [InlineData("X-Hub-Signature-256: sha256=00", "application/json", 5_000, 401)]
    [InlineData("X-Hub-Signature-256: sha256=zz00000000000000000000000000000000000000000000000000000000000000", "application/json", 5_000,
        401)]
    [InlineData("X-Hub-Signature-256: sha1=0000000000000000000000000000000000000000000000000000000000000000", "application/json", 5_000,
        401)]
    [InlineData("X-Other: 1", "application/json", 5_000, 401)]
    [InlineData("X-Hub-Signature-256: sha256=0000000000000000000000000000000000000000000000000000000000000000", "text/html", 5_000, 415)]
    [InlineData("X-Hub-Signature-256: sha256=0000000000000000000000000000000000000000000000000000000000000000", "application/json",
        20_000_000, 413)]
    public async Task What_the_head_tells_is_answered_before_the_body_comes(string header, string type, int announced, int status)
    {
        foreach (var path in new[] { "/webhooks/meta", $"/webhooks/meta/{Guid.NewGuid()}" })
        {
            using var client = await SlowClient.BeginAsync(app.Address, "POST", path, null, type, announced, [], header);
            (await client.AnswerAsync(Ct)).ShouldStartWith($"HTTP/1.1 {status}");
        }
    }

    [Fact]
    public async Task Unknown_organizations_unknown_keys_and_unknown_routes_are_told_so_by_the_hundred_and_the_log_stays_small()
    {
        var before = app.Lines.Count;
        var asking = System.Diagnostics.Stopwatch.StartNew();
        string[] paths =
            ["/v1/nothing", "/" + new string('x', 3_000), "/v1/me", "/webhooks/meta?hub.mode=subscribe&hub.verify_token=wrong",
                $"/webhooks/meta/{Guid.NewGuid()}", "/openapi/v2.json"];
        await Parallel.ForAsync(0, 1_200, new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Ct }, async (i, ct) =>
        {
            var answer = i % 3 == 0
                ? await app.Anonymous.SendAsync("POST", $"/webhooks/meta/{Guid.NewGuid()}", "{}",
                    ("X-Hub-Signature-256", $"sha256={new string('0', 64)}"))
                : await app.Anonymous.SendAsync("GET", paths[i % paths.Length], null,
                    ("Authorization", $"Bearer bsp_{i:D8}_{Guid.NewGuid():N}"));
            answer.Status.ShouldBeOneOf(401, 403, 404, 503);
        });
        var lines = app.Lines.Skip(before).ToList();
        lines.Count.ShouldBeLessThan(200 * WindowsOf(asking), string.Join('\n', lines.Take(20)));
        lines.ShouldAllBe(line => line.Length < 10_000);
    }

    [Fact]
    public async Task One_kind_of_line_is_written_fifty_times_in_a_while_and_a_long_one_is_cut()
    {
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Bsp.Tests.Flood");
        var writing = System.Diagnostics.Stopwatch.StartNew();
        for (var i = 0; i < 1_000; i++)
        {
            log.Log(LogLevel.Warning, new EventId(7, "flood"), $"flood {i} {new string('x', 50_000)}", null, (s, _) => s);
            log.Log(LogLevel.Warning, new EventId(i + 100, $"drawn {i}"), $"drawn {i}", null, (s, _) => s);
        }

        var lines = app.Lines.Where(l => l.StartsWith("Bsp.Tests.Flood", StringComparison.Ordinal)).ToList();
        lines.Count(l => l.Contains("flood ", StringComparison.Ordinal)).ShouldBeInRange(50, 50 * WindowsOf(writing));
        lines.Count(l => l.Contains("drawn", StringComparison.Ordinal)).ShouldBeLessThan(300 * WindowsOf(writing));
        lines.ShouldAllBe(l => l.Length < 3_000);
        await Task.CompletedTask;
    }

    // In how many of the log's windows something happened: one, unless this machine was slow.
    private static int WindowsOf(System.Diagnostics.Stopwatch since) => 1 + (int)(since.Elapsed / TimeSpan.FromSeconds(10));

    private async Task GenuineAsync()
    {
        for (var i = 0; i < 12; i++)
        {
            (await app.PostWebhookAsync($"{{\"genuine\":\"{Guid.NewGuid()}{new string('x', i * 10_000)}\"}}")).Status.ShouldBe(200);
        }
    }

    private async Task<List<SlowClient>> OpenAsync(int count, byte[] sent)
    {
        var clients = new List<SlowClient>();
        while (clients.Count < count)
        {
            clients.AddRange(await Task.WhenAll(Enumerable.Range(0, 100)
                .Select(_ =>
                    SlowClient.BeginAsync(app.Address, "POST", "/webhooks/meta", null, "application/json", 64 * 1024, sent, Forged))));
        }

        return clients;
    }
}
