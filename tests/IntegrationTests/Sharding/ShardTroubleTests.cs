using System.Text.Json;
using Bsp.Infrastructure.Configuration;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace Bsp.IntegrationTests.Sharding;

/// <summary>One of several databases is away, at the start or later; and a start that sends nothing.</summary>
public sealed class ShardTroubleTests(ThreeShardsApp app) : IClassFixture<ThreeShardsApp>
{
    [Fact]
    public async Task A_process_started_while_one_shard_is_down_sends_on_the_others_and_says_which_one_is_away()
    {
        await app.StopAsync();
        app.Nz.Stop();
        try
        {
            await app.StartAsync();
            using var tenant = await Tenant.NewAsync(app.Address, app.Meta, 1_000);
            await SentAsync(tenant);
            // each is looked at in its own turn
            var ready = await app.ReadyAsync(r => new[] { "postgres", "appends", "schema" }.All(s =>
                r["stores"].GetProperty(s).GetString()!.Contains("N-Z")), "N-Z is named");
            (ready.Status, ready["status"].GetString()).ShouldBe((200, "degraded"));
            ready["stores"].GetProperty("postgres").GetString()!.ShouldNotContain("A-M");
        }
        finally
        {
            app.Nz.Start();
        }

        await app.ReadyAsync(r => new[] { "postgres", "appends", "schema" }.All(s => r["stores"].GetProperty(s).GetString() == "ok"),
            "N-Z is back");
        (await app.CountAsync("N-Z", "SELECT count(*) FROM organizations")).ShouldBe(0);
    }

    [Fact]
    public async Task While_the_directory_is_away_those_whose_home_is_known_are_served()
    {
        using var tenant = await Tenant.NewAsync(app.Address, app.Meta, 1_000);
        (await tenant.Api.SendAsync("GET", "/v1/contacts")).Status.ShouldBe(200);
        app.Directory.Stop();
        try
        {
            (await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", "/v1/contacts"), a => a.Status == 200, "it is served"))
                .Status.ShouldBe(200);
            (await Patience.UntilAsync(() => tenant.Api.SendAsync("POST", "/v1/lists", new { name = "Regulars" }), a => a.Status == 201,
                "it may write, too")).Status.ShouldBe(201);
            var ready = await app.ReadyAsync(r => r["stores"].GetProperty("postgres").GetString()!.Contains("the directory"),
                "it is named");
            (ready.Status, ready["status"].GetString()).ShouldBe((200, "degraded"));
            using var stranger = app.Client("bsp_12345678_nobody-ever-had-this-one");
            (await stranger.SendAsync("GET", "/v1/contacts")).ShouldBeProblem(503, "store.unavailable");
        }
        finally
        {
            app.Directory.Start();
        }

        await app.ReadyAsync(r => r["stores"].GetProperty("postgres").GetString() == "ok", "the directory is back");
    }

    [Fact]
    public async Task Started_without_sending_nothing_leaves_until_somebody_resumes_it()
    {
        using var tenant = await Tenant.NewAsync(app.Address, app.Meta, 1_000);
        await app.StopAsync();
        app.More["Bsp:Sending:Enabled"] = "false";
        try
        {
            await app.StartAsync();
        }
        finally
        {
            app.More.Clear();
        }

        using var again = Tenant.Client(app.Address, tenant.Api.DefaultRequestHeaders.Authorization!.Parameter!, null);
        using var platform = Tenant.Client(app.Address, AppFixture.PlatformKey, null);
        var held = await Patience.UntilAsync(() => platform.SendAsync("GET", "/v1/sending"), s => s["held"].GetBoolean(), "it is held");
        held["reason"].GetString()!.ShouldContain("Bsp:Sending:Enabled");
        var id = await QueueAsync(again, tenant.AccountId, "+919876501777");
        await LookedAsync(platform, again, id);
        (await platform.SendAsync("POST", "/v1/sending/resume"))["held"].GetBoolean().ShouldBeFalse();
        await AcceptedAsync(again, id);

        (await platform.SendAsync("POST", "/v1/sending/pause", new { reason = "a drill" }))["reason"].GetString().ShouldBe("a drill");
        var next = await QueueAsync(again, tenant.AccountId, "+919876501778");
        await LookedAsync(platform, again, next);
        (await again.SendAsync("POST", "/v1/sending/resume")).Status.ShouldBe(403);
        (await platform.SendAsync("POST", "/v1/sending/resume")).Status.ShouldBe(200);
        await AcceptedAsync(again, next);
    }

    [Fact]
    public async Task Shards_that_the_configuration_forgot_are_a_sentence_at_the_start()
    {
        var old = await app.Stores.NewDatabaseAsync($"old_{Guid.NewGuid():N}");
        await using (var connection = new NpgsqlConnection(old + ";Pooling=false"))
        {
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand("""
                INSERT INTO bsp.directory_organizations (organization_id, slug, shard)
                VALUES (gen_random_uuid(), 'zeta', 'default'), (gen_random_uuid(), 'acme', 'default')
                """, connection);
            await command.ExecuteNonQueryAsync();
        }

        var settings = new Dictionary<string, string?>
        {
            ["ConnectionStrings:Directory"] = old, ["ConnectionStrings:DirectoryApp"] = old, ["Bsp:PlatformKey"] = AppFixture.PlatformKey,
            ["Bsp:MasterKey"] = Convert.ToBase64String(new byte[32]), ["Bsp:Shards:A-M"] = old,
        };
        var fault = await Should.ThrowAsync<ConfigurationFault>(() => ShardNames.CheckAsync(Options(settings), default));
        fault.Faults.ShouldHaveSingleItem().ShouldContain("2 organizations (the first is acme) live on shard 'default'");
        settings["Bsp:Shards:default"] = old;
        await ShardNames.CheckAsync(Options(settings), default);
    }

    private static Application.Common.BspOptions Options(Dictionary<string, string?> settings) =>
        BspConfiguration.Read(new ConfigurationBuilder().AddInMemoryCollection(settings).Build(), development: false);

    private static async Task SentAsync(Tenant tenant)
    {
        await tenant.ImportAsync(Tenant.PlainNumbers(3));
        var campaign = await tenant.LaunchAsync();
        await tenant.SentAsync(campaign, 3);
    }

    private static async Task<Guid> QueueAsync(HttpClient api, Guid account, string to)
    {
        var template = JsonSerializer.SerializeToElement(new { name = "order_on_its_way", language = new { code = "en" },
            components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } });
        var queued = await api.SendAsync("POST", "/v1/messages", new { account_id = account, to, type = "template", template });
        queued.Status.ShouldBe(201, queued.Text);
        return queued["id"].GetGuid();
    }

    // The queue was looked at meanwhile: a round takes 200 ms, and the switch is read every second.
    private static async Task LookedAsync(HttpClient platform, HttpClient api, Guid message)
    {
        for (var i = 0; i < 5; i++)
        {
            (await platform.SendAsync("GET", "/v1/sending"))["held"].GetBoolean().ShouldBeTrue();
            await Task.Delay(200);
            (await api.SendAsync("GET", $"/v1/messages/{message}/history")).Text.ShouldNotContain("message_sending");
        }
    }

    private static Task AcceptedAsync(HttpClient api, Guid message) =>
        Patience.UntilAsync(() => api.SendAsync("GET", $"/v1/messages/{message}/history"), h => h.Text.Contains("message_accepted"),
            "it was sent");
}
