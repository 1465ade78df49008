using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.CustomerWebhooks;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.CustomerWebhooks;

/// <summary>Who may be told, for how long, and by whom: one process at a time.</summary>
public sealed class RightsAndRacesTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Claimed_by_many_at_once_each_cursor_has_one_owner_and_an_owner_whose_term_is_over_writes_nothing()
    {
        var organization = await app.NewOrganizationAsync();
        var hooks = new List<TestHook>();
        for (var i = 0; i < 20; i++)
        {
            hooks.Add(await organization.NewHookAsync("http://127.0.0.1:1/", null, "campaign.*"));
        }

        Guid[] ids = [.. hooks.Select(h => h.Id)];
        await Patience.UntilAsync(() => ScalarAsync(
            "SELECT count(*) FROM bsp.webhook_cursors WHERE webhook_id = ANY ($1) AND (owner IS NOT NULL OR due_at IS NOT NULL)", ids),
            n => n == 0, "the application has looked at them");
        var shard = app.Services.GetRequiredService<Shards>().All[0];

        // Due a day from now, when nobody but this test looks.
        var future = DateTimeOffset.UtcNow.AddDays(1);
        await app.RunAsync("UPDATE bsp.webhook_cursors SET due_at = $2 WHERE webhook_id = ANY ($1)", ids, future);
        var claimed = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            var owner = Guid.NewGuid();
            return await shard.QueryAsync(Array.Empty<Guid>(), "SELECT webhook_id, term FROM bsp.claim_webhooks($1, $2, $3, 7)", r =>
                (Id: r.GetGuid(0), Term: r.GetInt64(1), Owner: owner), CancellationToken.None,
                owner, future, future.AddSeconds(30));
        }));
        var all = claimed.SelectMany(c => c).Where(c => ids.Contains(c.Id)).ToList(); // others' may be due by then, too
        all.Select(c => c.Id).ShouldBeUnique();
        all.Count.ShouldBe(20);

        // A process that was stopped for too long: its cursor is claimed by another, and what it writes then is not written.
        var stale = all[0];
        var taken = (await shard.QueryAsync(Array.Empty<Guid>(), "SELECT webhook_id, term FROM bsp.claim_webhooks($1, $2, $3, 100)", r =>
            (Id: r.GetGuid(0), Term: r.GetInt64(1)), CancellationToken.None,
            Guid.NewGuid(), future.AddSeconds(31), future.AddDays(2))).Single(c => c.Id == stale.Id);
        taken.Term.ShouldBe(stale.Term + 1);
        async Task<int> AdvanceAsync(long term) =>
            (await shard.QueryAsync(organization.Id, "SELECT * FROM bsp.advance_webhooks($1, $2, $3, $4, $4, $4, $5, $6)", r =>
                r.GetGuid(0), CancellationToken.None,
            new[] { stale.Id }, new[] { term }, new[] { 1_000_000L }, new[] { 0L }, new[] { 0 }, DateTimeOffset.UtcNow)).Count;
        (await AdvanceAsync(stale.Term)).ShouldBe(0);
        (await ScalarAsync("SELECT sequence FROM bsp.webhook_cursors WHERE webhook_id = $1", stale.Id)).ShouldBeLessThan(1_000_000);
        (await shard.QueryAsync(Array.Empty<Guid>(), "SELECT kept_id FROM bsp.keep_webhooks($1, $2, $3, $4, $5, $5)", r =>
            r.GetGuid(0), CancellationToken.None,
            stale.Owner, new[] { stale.Id }, new[] { stale.Term }, new[] { 1L }, future)).ShouldBeEmpty();
        (await AdvanceAsync(taken.Term)).ShouldBe(1);
        await Task.WhenAll(hooks.Select(h => organization.Admin.SendAsync("DELETE", h.Path)));
    }

    [Fact]
    public async Task A_suspended_organization_is_told_nothing_until_it_is_activated()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var hook = await organization.NewHookAsync(receiver.Url);
        (await app.Platform.SendAsync("POST", $"/v1/organizations/{organization.Id}/suspend")).Status.ShouldBe(200);
        (await organization.Admin.SendAsync("POST", $"{hook.Path}/test")).ShouldBeProblem(409, "organization.suspended");
        await app.SendAsync(organization, [Uuid.New()], 3);
        await Patience.UntilAsync(() =>
            ScalarAsync("SELECT count(*) FROM bsp.webhook_cursors WHERE webhook_id = $1 AND woken > sequence AND owner IS NULL AND due_at IS NULL", hook.Id),
            n => n == 1, "it was looked at and put off");
        receiver.All.ShouldBeEmpty();
        (await app.Platform.SendAsync("POST", $"/v1/organizations/{organization.Id}/activate")).Status.ShouldBe(200);
        await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == 3, "what happened meanwhile is told");
    }

    [Fact]
    public async Task An_endpoint_whose_creator_lost_the_right_stops_and_a_rotated_key_hands_it_on()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var key = await AppFixture.CreatedAsync(organization.Admin, "/v1/api-keys", new { name = "hooks", permissions = "admin" });
        var own = organization with { Admin = app.Client(key.GetProperty("key").GetString()) };
        var hook = await own.NewHookAsync(receiver.Url);
        var rotated =
            await organization.Admin.SendAsync("POST", $"/v1/api-keys/{key.GetProperty("id").GetGuid()}/rotate", new { grace_hours = 0 });
        await app.SendAsync(organization, [Uuid.New()], 1);
        var before = await receiver.AcceptedAsync(all => all.Count == 1, "the successor stands behind it");

        (await organization.Admin.SendAsync("DELETE", $"/v1/api-keys/{rotated["id"].GetGuid()}")).Status.ShouldBe(204);
        await app.SendAsync(organization, [Uuid.New()], 2);
        (await organization.ShownAsync(hook, w => w["status_exact"].GetString() == "disabled", "it stops"))["disabled_reason"].GetString()
            .ShouldBe("creator");
        receiver.All.Select(h => h.Id).Distinct().ShouldBe([before[0].Id]);
        (await organization.Admin.SendAsync("POST", $"{hook.Path}/enable")).Status.ShouldBe(200);
        await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() == 3, "whoever enables it stands behind it");

        await app.NewPersonAsync(organization.Admin, "admin"); // an organization keeps one
        var ann = await app.NewPersonAsync(organization.Admin, "admin");
        var hers = await (organization with { Admin = ann.Client }).NewHookAsync(receiver.Url + "/ann");
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{ann.Id}", new { role = "viewer" })).Status.ShouldBe(200);
        await app.SendAsync(organization, [Uuid.New()], 1);
        (await organization.ShownAsync(hers, w => w["status_exact"].GetString() == "disabled", "hers stops, too"))["disabled_reason"]
            .GetString().ShouldBe("creator");
        receiver.All.ShouldNotContain(h => h.Path == "/hook/ann");
    }

    [Fact]
    public async Task Of_an_erased_person_a_redelivery_and_the_log_of_deliveries_hold_nothing()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        receiver.Answer = async (hook, context) =>
        {
            await context.Response.Body.WriteAsync(hook.Body); // it echoes
            return 200;
        };
        var hook = await organization.NewHookAsync(receiver.Url, null, "message.received");
        var contact =
            await AppFixture.CreatedAsync(organization.Admin, "/v1/contacts", new { phone_number = "+919871700091", first_name = "Asha" });
        var id = contact.GetProperty("id").GetGuid();
        var content = await app.Services.GetRequiredService<IPersonalData>()
            .SealAsync(organization.Id, [(id, """{"from":"919871700091","text":{"body":"my secret wish"}}""")], CancellationToken.None);
        var reference =
            new MessageRef(Uuid.New(), organization.AccountId, id, Uuid.Conversation(organization.AccountId, id), null, "text", "inbound");
        await app.Services.GetRequiredService<IEventStore>().AppendAsync(organization.Id,
            [new StreamAppend(reference.MessageId, "message", null,
                [new MessageReceived(reference, "wamid.OTE5ODcxNzAwMDkx", content[0], false, null, DateTimeOffset.UtcNow)])],
                CancellationToken.None);
        var told = (await receiver.AcceptedAsync(all => all.Count == 1, "the message is told"))[0];
        told.Text.ShouldContain("my secret wish");
        told.Data.GetProperty("wa_message_id").GetString().ShouldBe("wamid.OTE5ODcxNzAwMDkx");
        var attempt =
            (await Patience.UntilAsync(() => organization.Reader.SendAsync("GET", $"{hook.Path}/deliveries"), a =>
                a["data"].GetArrayLength() == 1, "the attempt is logged"))["data"][0];
        attempt.GetProperty("answer").GetString().ShouldNotBeNullOrEmpty();
        // sealed
        (await ScalarAsync("SELECT count(*) FROM bsp.webhook_deliveries d WHERE d::text LIKE '%evt_%' OR d::text LIKE '%secret wish%'"))
            .ShouldBe(0);

        (await organization.Admin.SendAsync("POST", $"/v1/contacts/{id}/erase")).Status.ShouldBeOneOf(200, 202);
        var again = await organization.Admin.SendAsync("POST", $"/v1/deliveries/{attempt.GetProperty("id").GetGuid()}/redeliver");
        again["outcome"].GetString().ShouldBe("delivered", again.Text);
        // the attempt ends with the answer's first characters, which come before the last
        var body = (await receiver.AcceptedAsync(all => all.Count >= 2, "it is told once more"))[^1];
        body.Id.ShouldBe(told.Id);
        body.Text.ShouldNotContain("secret wish");
        body.Text.ShouldNotContain("OTE5ODcxNzAwMDkx");
        body.Data.GetProperty("erased").GetBoolean().ShouldBeTrue();
        (await organization.Admin.SendAsync("GET", "/v1/events?form=public&types=message.received")).Text.ShouldNotContain("secret wish");
        var shown = await organization.Reader.SendAsync("GET", $"{hook.Path}/deliveries");
        shown["data"].EnumerateArray().Where(d => d.GetProperty("id").GetGuid() == attempt.GetProperty("id").GetGuid()).Single()
            .GetProperty("answer").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task No_race_makes_more_than_fifty_endpoints()
    {
        var organization = await app.NewOrganizationAsync();
        var answers =
            await Task.WhenAll(Enumerable.Range(0, 60)
                .Select(i =>
                    organization.Admin.SendAsync("POST", "/v1/webhooks",
                        new { name = $"{i}", url = "http://127.0.0.1:1/", events = new[] { "campaign.*" } })));
        answers.Count(a => a.Status == 201).ShouldBe(50);
        answers.Where(a => a.Status != 201).ShouldAllBe(a => a.Code == "webhook.too_many");
    }

    [Fact]
    public async Task A_connection_is_judged_by_every_address_of_the_name_when_it_is_made()
    {
        using var strict = new OutboundHttp(Application.CustomerWebhooks.OutboundRules.Public, TimeProvider.System);
        byte[][] keys = [new byte[32]];
        foreach (var url in new[] { "https://localhost/", "https://127.0.0.1.nip.invalid/", "http://127.0.0.1/",
            "https://[::ffff:169.254.169.254]/", "https://[64:ff9b::a9fe:a9fe]/" })
        {
            var attempt =
                await strict.PostAsync(new(url), "{}"u8.ToArray(), "evt_1", keys, new Dictionary<string, string>(), CancellationToken.None);
            attempt.Outcome.ShouldBe(url.Contains("invalid", StringComparison.Ordinal) ? "dns" : "blocked", url);
        }
    }

    private async Task<long> ScalarAsync(string sql, params object[] arguments)
    {
        await using var command = app.Admin.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        return Convert.ToInt64(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture);
    }
}
