using System.Text.Json;
using Bsp.Infrastructure.Moves;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Bsp.IntegrationTests.Sharding;

/// <summary>Organizations that move from one shard to another: what they have, what they see, what goes on, what can be asked.</summary>
public sealed partial class MoveTests(ThreeShardsApp app) : IClassFixture<ThreeShardsApp>
{
    private static readonly string[] Shown =
    [
        "/v1/accounts", "/v1/templates", "/v1/contacts?limit=200", "/v1/lists", "/v1/campaigns", "/v1/conversations?limit=200", "/v1/users",
        "/v1/api-keys", "/v1/webhooks", "/v1/audit-trail?limit=200", "/v1/wallet", "/v1/transactions?limit=200",
        "/v1/subscriptions", "/v1/teams",
        "/v1/canned-replies", "/v1/charges?limit=200", "/v1/media",
    ];

    [Fact]
    public async Task Every_table_of_a_shard_goes_along_or_stands_on_the_list_with_its_reason()
    {
        await using var connection = new NpgsqlConnection(app.ConnectionOf("A-M"));
        await connection.OpenAsync();
        var all = await MoveInventory.AllAsync(connection, default);
        all.Count.ShouldBeGreaterThan(100);
        all.Where(t => t.Owner is null && !MoveInventory.IsCopy(t.Name)).Select(t => t.Name).Except(MoveInventory.Nobodys.Keys)
            .ShouldBeEmpty("a table without an organization: say in MoveInventory why no move takes it along");
        MoveInventory.Nobodys.Keys.Except(all.Where(t => t.Owner is null).Select(t => t.Name)).ShouldBeEmpty();
        MoveInventory.Otherwise.Keys.Concat(MoveInventory.Late).Except(all.Where(t => t.Owner is not null).Select(t => t.Name))
            .ShouldBeEmpty();
    }

    [Fact]
    public async Task An_organization_that_moved_has_and_sees_what_it_had_and_goes_on_there()
    {
        using var tenant = await Tenant.NewAsync(app.Address, app.Meta, 1_000);
        using var neighbour = await Tenant.NewAsync(app.Address, app.Meta, 1_000);
        await tenant.ImportAsync(Tenant.PlainNumbers(20));
        var first = await tenant.LaunchAsync();
        await tenant.CompletedAsync(first);
        await tenant.EndedAsync(first);
        await AppFixture.CreatedAsync(tenant.Api, "/v1/lists", new { name = "Regulars" });
        await WalletAsync(tenant.Id);
        var hooks = await AppFixture.CreatedAsync(tenant.Api, "/v1/webhooks",
            new { name = "CRM", url = "http://127.0.0.1:9/", events = new[] { "message.*" } });
        await SettledAsync(tenant);
        var before = await SeenAsync(tenant);
        var half = (await tenant.Api.SendAsync("GET", "/v1/events?limit=50"))["next_after"].GetString()!;
        var rest = await EventsAsync(tenant, half);

        var moved = await MovedAsync(tenant.Id, "N-Z");
        moved["log_hash"].GetString()!.Length.ShouldBe(64);
        moved["tables"].GetProperty("public.contacts").GetInt64().ShouldBe(20);
        (await app.CountAsync("N-Z", $"SELECT count(*) FROM contacts WHERE organization_id = '{tenant.Id}'")).ShouldBe(20);
        (await app.CountAsync("A-M", $"SELECT count(*) FROM contacts WHERE organization_id = '{neighbour.Id}'")).ShouldBe(0);

        (await SeenAsync(tenant)).ShouldBe(before);
        // what the application itself noted since (of an endpoint that nobody answers, say) comes behind
        (await EventsAsync(tenant, half)).Take(rest.Count).ShouldBe(rest, "an old cursor goes on where it was");
        await Patience.SoonAsync(async () => (await tenant.ProgressAsync(first))["total"].GetInt32().ShouldBe(20));
        var second = await tenant.LaunchAsync();
        await tenant.CompletedAsync(second);
        var members = await tenant.EndedAsync(second);
        members.Count.ShouldBe(20);
        await Patience.SoonAsync(async () => (await tenant.ProgressAsync(second))["sent"].GetInt32().ShouldBe(20));
        members.Concat(await tenant.MembersAsync(first)).Select(m => app.Meta.State.CountOfCallback(m.MessageId.ToString()))
            .ShouldAllBe(calls => calls.Equals(ValueTuple.Create(1, 1)), "nobody twice, nobody missed");
        (await tenant.Api.SendAsync("GET", $"/v1/webhooks/{hooks.GetProperty("id").GetGuid()}")).Status.ShouldBe(200);
        await neighbour.ImportAsync(Tenant.PlainNumbers(2));

        // The rows of the former shard go at once, its log stays a day; back again it finds nothing in its way.
        await Patience.UntilAsync(() => app.CountAsync("A-M", $"SELECT count(*) FROM contacts WHERE organization_id = '{tenant.Id}'"), n =>
            n == 0, "the former shard's rows are cleared away");
        await SettledAsync(tenant);
        before = await SeenAsync(tenant);
        await MovedAsync(tenant.Id, "A-M");
        (await SeenAsync(tenant)).ShouldBe(before);
        (await EventsAsync(tenant, half)).Count.ShouldBeGreaterThan(rest.Count);
        await tenant.CompletedAsync(await tenant.LaunchAsync());
        await AuditedAsync(tenant);
    }

    [Fact]
    public async Task In_the_middle_of_a_campaign_nobody_is_missed_or_reached_twice_and_commands_wait_a_moment_at_most()
    {
        const int people = 300;
        using var tenant = await Tenant.NewAsync(app.Address, app.Meta, 60);
        await WalletAsync(tenant.Id);
        await tenant.ImportAsync(Tenant.PlainNumbers(people));
        var campaign = await tenant.LaunchAsync();
        await tenant.SentAsync(campaign, 30);
        using var over = new CancellationTokenSource();
        var commands = CommandsAsync(tenant, over.Token);
        await MovedAsync(tenant.Id, "0-9");
        await over.CancelAsync();
        var answers = await commands;
        answers.ShouldAllBe(a => a.Status == 201 || (a.Status == 503 && a.Header("Retry-After") != null));
        answers.ShouldContain(a => a.Status == 201);

        await tenant.CompletedAsync(campaign);
        var members = await tenant.EndedAsync(campaign);
        members.Count.ShouldBe(people);
        members.ShouldAllBe(m => m.Status == "read" || m.Status == "delivered");
        members.Select(m => app.Meta.State.CountOfCallback($"{m.MessageId}")).ShouldAllBe(calls => calls.Equals(ValueTuple.Create(1, 1)));
        await Patience.UntilAsync(() => tenant.ProgressAsync(campaign), p => p["delivered"].GetInt32() == people, "the progress is "
            + "complete");
        await Patience.UntilAsync(() => app.CountAsync("A-M", $"SELECT count(*) FROM bsp.send_queue WHERE organization_id = '{tenant.Id}'"),
            n => n == 0, "the former shard's queue is cleared away");
        (await tenant.AllAsync("/v1/lists")).Count.ShouldBe(answers.Count(a => a.Status == 201), "what was answered is there, once");
        await AuditedAsync(tenant);
    }

    [Fact]
    public async Task What_cannot_be_moved_is_said_and_a_move_can_be_given_up()
    {
        using var tenant = await Tenant.NewAsync(app.Address, app.Meta, 1_000);
        var path = $"/v1/organizations/{tenant.Id}/move";
        (await app.Platform.SendAsync("POST", path, new { to = "Q" })).ShouldBeProblem(404, "shard.unknown").Text.ShouldContain("A-M");
        (await app.Platform.SendAsync("POST", path, new { to = "A-M" })).ShouldBeProblem(409, "move.same_shard");
        (await app.Platform.SendAsync("POST", path, new { to = " " })).ShouldBeProblem(400, "request.invalid");
        (await app.Platform.SendAsync("POST", $"/v1/organizations/{Guid.NewGuid()}/move", new { to = "A-M" }))
            .ShouldBeProblem(404, "organization.unknown");
        (await app.Platform.SendAsync("GET", path)).ShouldBeProblem(404, "move.unknown");
        (await app.Platform.SendAsync("POST", path + "/cancel")).ShouldBeProblem(404, "move.unknown");
        (await tenant.Api.SendAsync("POST", path, new { to = "N-Z" })).Status.ShouldBe(403);
        (await app.Platform.SendAsync("GET", "/v1/shards"))["data"].EnumerateArray().Select(s => s.GetProperty("name").GetString())
            .ShouldBe(["A-M", "N-Z", "0-9"], ignoreOrder: true);

        (await app.Platform.SendAsync("POST", "/v1/projections/conversations.v1/pause")).Status.ShouldBe(202);
        try
        {
            await Patience.UntilAsync(() => app.Platform.SendAsync("GET", "/v1/projections"), p => p["data"].EnumerateArray()
                .Count(v => v.GetProperty("name").GetString() == "conversations.v1" && v.GetProperty("state").GetString() == "paused") == 3,
                "a view is paused");
            (await app.Platform.SendAsync("POST", path, new { to = "N-Z" })).Status.ShouldBe(202);
            (await app.Platform.SendAsync("POST", path, new { to = "N-Z" })).Status.ShouldBe(202);
            (await app.Platform.SendAsync("POST", path, new { to = "0-9" })).ShouldBeProblem(409, "move.running");
            var stands = await Patience.UntilAsync(() => app.Platform.SendAsync("GET", path), m =>
                m["error"].ValueKind == JsonValueKind.String, "it says why it stands");
            stands["error"].GetString()!.ShouldContain("conversations.v1");
            (await app.Platform.SendAsync("POST", path + "/cancel")).Status.ShouldBe(202);
        }
        finally
        {
            await app.Platform.SendAsync("POST", "/v1/projections/conversations.v1/resume");
        }

        await Patience.UntilAsync(() => app.Platform.SendAsync("GET", path), m => m["state"].GetString() == "cancelled", "it is given up");
        await Patience.UntilAsync(() => app.Platform.SendAsync("GET", "/v1/projections"), p => p["data"].EnumerateArray()
            .All(v => v.GetProperty("state").GetString() == "running"), "all views run");
        await tenant.ImportAsync(Tenant.PlainNumbers(1));
    }

    private async Task<Answer> MovedAsync(Guid organization, string to)
    {
        (await app.Platform.SendAsync("POST", $"/v1/organizations/{organization}/move", new { to })).Status.ShouldBe(202);
        return await Patience.UntilAsync(() => app.Platform.SendAsync("GET", $"/v1/organizations/{organization}/move"), m =>
            m["target"].GetString() == to && m["state"].GetString() is "living" or "dropped", $"it lives on {to}");
    }

    private static async Task<List<Answer>> CommandsAsync(Tenant tenant, CancellationToken ct)
    {
        var answers = new List<Answer>();
        while (!ct.IsCancellationRequested)
        {
            answers.Add(await tenant.Api.SendAsync("POST", "/v1/lists", new { name = $"list {answers.Count}" }));
        }

        return answers;
    }

    private async Task WalletAsync(Guid organization)
    {
        var platform = app.Client(AppFixture.PlatformKey, organization);
        await AppFixture.CreatedAsync(platform, "/v1/wallet/topups",
            new { amount = "100.000000", currency = "USD", reference = $"pay_{Guid.NewGuid():N}" });
    }

    private async Task AuditedAsync(Tenant tenant)
    {
        var started = await tenant.Api.SendAsync("POST", "/v1/ledger/audits", new { });
        started.Status.ShouldBe(202, started.Text);
        var ended = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/ledger/audits/{started["id"].GetGuid()}"), a =>
            a["status"].GetString() != "running", "the ledger is audited");
        ended["status"].GetString().ShouldBe("passed", ended.Text);
    }

    // Nothing is under way any more: Meta has told everything, every view and process manager has what the log has, and answers stay.
    private async Task SettledAsync(Tenant tenant)
    {
        var ct = TestContext.Current.CancellationToken;
        await app.Meta.State.WhenWebhooksAccepted(ct).WaitAsync(Patience.Deadline, ct);
        await Patience.UntilAsync(InboxAsync, n => n == 0, "the inbox is empty");
        var shard = await app.Services.GetRequiredService<Shards>().OfAsync(tenant.Id, ct);
        for (var (now, before) = (0L, -1L); now != before;)
        {
            before = now;
            now = await app.CountAsync(shard.Name, $"SELECT coalesce(max(seq_id), 0) FROM mt_events WHERE tenant_id = '{tenant.Id}'");
            (await app.Services.GetRequiredService<MoveViews>().ReachAsync(shard, now, Patience.Deadline, ct)).ShouldBeTrue();
        }

        var last = "";
        await Patience.UntilAsync(async () =>
        {
            var now = JsonSerializer.Serialize(await SeenAsync(tenant));
            var same = now == last;
            last = now;
            return same;
        }, same => same, "nothing changes any more");
    }

    private async Task<long> InboxAsync()
    {
        await using var command = app.Admin.CreateCommand("SELECT count(*) FROM bsp.webhook_inbox");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static async Task<Dictionary<string, string>> SeenAsync(Tenant tenant)
    {
        var seen = new Dictionary<string, string>();
        foreach (var path in Shown)
        {
            var answer = await tenant.Api.SendAsync("GET", path);
            answer.Status.ShouldBe(200, $"{path}: {answer.Text}");
            var text = System.Text.RegularExpressions.Regex.Replace(answer.Text,
                "\"(last_used_at|as_of|position|next_cursor)\":(\"[^\"]*\"|null|[0-9.]+)", "");
            seen[path] = path == "/v1/webhooks" ? $"{answer["data"].GetArrayLength()}" : text;
        }

        return seen;
    }

    private static async Task<IReadOnlyList<Guid>> EventsAsync(Tenant tenant, string after)
    {
        var events = new List<Guid>();
        for (var cursor = after; ;)
        {
            var page = await tenant.Api.SendAsync("GET", $"/v1/events?limit=200&after={cursor}");
            page.Status.ShouldBe(200, page.Text);
            events.AddRange(page["data"].EnumerateArray().Select(e => e.GetProperty("id").GetGuid()));
            if (!page["more"].GetBoolean())
            {
                return events;
            }

            cursor = page["next_after"].GetString()!;
        }
    }
}
