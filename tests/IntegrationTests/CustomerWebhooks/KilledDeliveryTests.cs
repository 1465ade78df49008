using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.EventStore;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace Bsp.IntegrationTests.CustomerWebhooks;

/// <summary>
/// The process that delivers is killed with -9 wherever it is, and the receiver lies: every event is told, in order for each key, none
/// missing. Checked against the log.
/// </summary>
public sealed class KilledDeliveryTests(ApiProcess api) : IClassFixture<ApiProcess>
{
    private const int Conversations = 12;
    private const int Each = 50;
    private const int Kills = 2;

    [Fact]
    public async Task Killed_again_and_again_with_a_receiver_that_lies_every_event_is_told_in_order()
    {
        await using var receiver = await HookReceiver.StartAsync();
        var random = new Random(4711);
        receiver.Answer = async (_, context) =>
        {
            int dice;
            lock (random)
            {
                dice = random.Next(100);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(dice % 10));
            if (dice == 0)
            {
                context.Abort(); // it took the event, and never says so
            }

            return 200;
        };
        using var platform = Client(AppFixture.PlatformKey, null);
        var organization =
            (await AppFixture.CreatedAsync(platform, "/v1/organizations", new { name = "Acme", slug = $"acme-{Guid.NewGuid():N}"[..30] }))
            .GetProperty("id").GetGuid();
        using var client = Client(AppFixture.PlatformKey, organization);
        var webhook =
            (await AppFixture.CreatedAsync(client, "/v1/webhooks", new { name = "w", url = receiver.Url, events = new[] { "message.*" } }))
            .GetProperty("id").GetGuid();

        var sent = await WriteAsync(organization);
        for (var kill = 0; kill < Kills; kill++)
        {
            var enough = sent.Count * (kill + 1) / (Kills + 2);
            await receiver.AcceptedAsync(all => all.DistinctBy(h => h.Id).Count() >= enough, "some are told");
            await api.KillAsync();
            // its lease ends
            await api.Views.ScalarAsync(
                "WITH due AS (UPDATE bsp.webhook_cursors SET due_at = least(due_at, now() + interval '1 second') WHERE owner IS NOT NULL RETURNING 1) SELECT count(*) FROM due");
            await api.StartAsync();
        }

        await Patience.UntilAsync(async () =>
        {
            await HurryAsync();
            return receiver.Accepted.DistinctBy(h => h.Id).Count();
        }, count => count == sent.Count, "all are told");

        // What was told and not acknowledged is told again, after pauses of minutes if nobody hurries.
        await Patience.UntilAsync(async () =>
        {
            await HurryAsync();
            return await api.Views.ScalarAsync($"SELECT count(*) FROM bsp.webhook_held_events WHERE webhook_id = '{webhook}'");
        }, n => n == "0", "nothing is held");
        DeliveryTests.ShouldBeInOrder(receiver, sent.Select(s => s.Conversation).Distinct(), sent);
        await Patience.UntilAsync(() => api.Views.ScalarAsync(
            $"SELECT count(*) FROM mt_events WHERE type = 'message_skipped' AND tenant_id = '{organization}' AND id::text NOT IN "
            + $"(SELECT event_id::text FROM bsp.webhook_deliveries WHERE webhook_id = '{webhook}' AND outcome = 'delivered')"),
            n => n == "0", "every delivery is in the log of deliveries");
    }

    [Fact]
    public async Task Two_processes_share_the_cursors_and_whoever_has_one_tells_everything_in_order()
    {
        await using var second = await api.StartBesideAsync();
        await using var receiver = await HookReceiver.StartAsync();
        using var platform = Client(AppFixture.PlatformKey, null);
        var organization =
            (await AppFixture.CreatedAsync(platform, "/v1/organizations", new { name = "Two", slug = $"two-{Guid.NewGuid():N}"[..30] }))
            .GetProperty("id").GetGuid();
        using var client = Client(AppFixture.PlatformKey, organization);
        var webhooks = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            webhooks.Add((await AppFixture.CreatedAsync(client, "/v1/webhooks",
                new { name = "w", url = $"{receiver.Url}/{i}", events = new[] { "message.*" } })).GetProperty("id").GetString()!);
        }

        // Cursors are taken from whoever has them, again and again, as by a change of the endpoint: the next owner is whoever is faster.
        Guid[] conversations = [.. Enumerable.Range(0, 5).Select(_ => Uuid.New())];
        var (sent, owners) = (new List<(Guid Conversation, Guid Message)>(), new HashSet<string>());
        var ids = string.Join("','", webhooks);
        await Patience.UntilAsync(async () =>
        {
            sent.AddRange(await WriteAsync(organization, conversations, 1));
            var owner = await api.Views.ScalarAsync(
                $"SELECT owner FROM bsp.webhook_cursors WHERE owner IS NOT NULL AND webhook_id IN ('{ids}') ORDER BY random() LIMIT 1");
            owners.UnionWith(string.IsNullOrEmpty(owner) ? [] : [owner]);
            await api.Views.ScalarAsync("WITH k AS (UPDATE bsp.webhook_cursors SET owner = NULL, term = term + 1, due_at = now() "
                + $"WHERE webhook_id IN ('{ids}') AND random() < 0.5 RETURNING 1) SELECT count(*) FROM k");
            return (Owners: owners.Count, Written: sent.Count);
        }, seen => seen is { Owners: >= 2, Written: >= 50 }, "both processes have had a cursor");

        await Patience.UntilAsync(async () =>
        {
            await HurryAsync();
            return receiver.Accepted.DistinctBy(h => (h.Path, h.Id)).Count();
        }, count => count == 3 * sent.Count, "all are told to all");
        foreach (var path in receiver.Accepted.GroupBy(h => h.Path))
        {
            var told = path.DistinctBy(h => h.Id).ToLookup(h => h.Conversation(), h => h.Message());
            foreach (var conversation in conversations)
            {
                told[conversation].ShouldBe(sent.Where(s => s.Conversation == conversation).Select(s => s.Message));
            }
        }
    }

    private Task HurryAsync() => api.Views.ScalarAsync(
        "WITH k AS (UPDATE bsp.webhook_held_keys SET next_at = now() RETURNING 1), c AS (UPDATE bsp.webhook_cursors SET due_at = now() "
        + "WHERE owner IS NULL AND due_at > now() RETURNING 1) SELECT count(*) FROM c");

    private HttpClient Client(string key, Guid? organization)
    {
        var client = new HttpClient { BaseAddress = api.Address };
        client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        if (organization is { } id)
        {
            client.DefaultRequestHeaders.Add("Bsp-Organization", id.ToString());
        }

        return client;
    }

    private Task<List<(Guid Conversation, Guid Message)>> WriteAsync(Guid organization) =>
        WriteAsync(organization, [.. Enumerable.Range(0, Conversations).Select(_ => Uuid.New())], Each);

    private async Task<List<(Guid Conversation, Guid Message)>> WriteAsync(Guid organization, Guid[] conversations, int each)
    {
        List<(Guid Conversation, Guid Message)> sent =
            [.. Enumerable.Range(0, each).SelectMany(_ => conversations.Select(c => (c, Uuid.New())))];
        await using var app = NpgsqlDataSource.Create(api.AppConnection);
        var shards = new Shards(app, [new Shard("default", 1, app) { ConnectionString = api.AppConnection }]);
        await using var store = new PostgresEventStore(shards, [], LogDatabase.NewSignals(), new(), TimeProvider.System);
        foreach (var row in sent.Chunk(conversations.Length))
        {
            var outcomes =
                await store.AppendManyAsync([.. row.Select(m => (organization, (IReadOnlyList<StreamAppend>)[new(m.Message, "message", 0,
                [new MessageSkipped(new MessageRef(m.Message, Uuid.New(), Uuid.New(), m.Conversation, null, "text", "outbound"), "limit",
                    DateTimeOffset.UtcNow)])]))], CancellationToken.None);
            outcomes.ShouldAllBe(outcome => outcome.Verdict == AppendVerdict.Ok);
        }

        return sent;
    }
}
