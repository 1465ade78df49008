using System.Text;
using System.Text.Json.Nodes;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Promise 3: the order in which Meta's statuses arrive, and how often, does not matter.</summary>
public sealed class StatusOrderTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    // What Meta says about each person's message, in Meta's own order: (status, second).
    private static readonly (string Status, int Second)[][] Said =
    [
        [("sent", 1), ("delivered", 2), ("read", 3)],
        [("sent", 1), ("delivered", 1), ("read", 1)],
        [("sent", 1), ("delivered", 5)],
        [("sent", 1), ("read", 3)],
        [("sent", 1), ("failed", 2)],
        [("failed", 2)],
        [("sent", 1), ("failed", 2), ("delivered", 4), ("read", 6)],
        [("sent", 1), ("delivered", 2), ("delivered", 3), ("read", 4), ("read", 9)],
        [("delivered", 2)],
        [("sent", 1), ("delivered", 2), ("played", 5), ("read", 3)],
        [("sent", 1), ("beamed", 2), ("delivered", 3)],
        [],
    ];

    private static readonly DateTimeOffset Start = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Any_order_with_repetitions_gives_the_documents_of_the_true_order(int seed)
    {
        var truth = await RunAsync(items => items);
        var random = new Random(seed);
        var shuffled = await RunAsync(items =>
        {
            string[] repeated = [.. items, .. items.Where(_ => random.Next(3) == 0), .. items.Where(_ => random.Next(5) == 0)];
            random.Shuffle(repeated);
            return repeated;
        });
        for (var person = 0; person < Said.Length; person++)
        {
            shuffled[person].ShouldBe(truth[person], $"person {person}: {string.Join(", ", Said[person])}");
        }
    }

    // A new organization's messages, told these statuses; their documents without what differs between two organizations.
    private async Task<List<string>> RunAsync(Func<string[], string[]> order)
    {
        using var tenant = await app.NewTenantAsync();
        string[] numbers = [.. Enumerable.Range(0, Said.Length).Select(i => $"+91987140{2000 + i}")];
        await tenant.ImportAsync(numbers);
        app.Meta.State.WebhooksPaused = true;
        try
        {
            var campaign = await tenant.LaunchAsync();
            await Patience.UntilAsync(() => tenant.MembersAsync(campaign), m =>
                m.Count == Said.Length && m.All(x => x.Status == "accepted"), "all are accepted");
            var messages = app.Meta.State.Messages().Where(m => m.PhoneNumberId == tenant.PhoneNumberId)
                .ToDictionary(m => $"+{m.To.TrimStart('+')}");
            var items = numbers.SelectMany((number, person) =>
                Said[person].Select(s => Item(messages[number].Wamid!, messages[number].CallbackData!, s.Status, s.Second))).ToArray();
            foreach (var batch in order(items).Chunk(3))
            {
                (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $"\"statuses\":[{string.Join(',', batch)}]"))).Status.ShouldBe(
                    200);
            }

            // What met trouble was set aside and is tried again: without it a rung would be shown as implied.
            await app.Views.InboxEmptyAsync();
            await Patience.UntilAsync(() => app.Views.ScalarAsync(
                "SELECT coalesce(string_agg(concat_ws(' ', part, error), E'\n'), '') FROM bsp.webhook_set_aside WHERE lane = $1",
                    tenant.Id),
                aside => aside.Length == 0, "nothing is aside any more");
            await app.Views.AgreeAsync(tenant, campaign);
            await app.Views.DocumentsReachedAsync(tenant.Id);
            var contacts = (await tenant.NumbersAsync()).ToDictionary(c => c.Value, c => c.Key);
            var documents = new List<string>();
            foreach (var number in numbers)
            {
                documents.Add(Essence(await app.Views.Documents.MessageOfAsync(contacts[number])));
            }

            return documents;
        }
        finally
        {
            app.Meta.State.Reset(); // what the simulator itself would say
            app.Meta.State.WebhooksPaused = false;
        }
    }

    private static string Item(string wamid, string callback, string status, int second) =>
        $$"""{"id":"{{wamid}}","status":"{{status}}","timestamp":"{{Start.AddSeconds(second).ToUnixTimeSeconds()}}","recipient_id":"1","biz_opaque_callback_data":"{{callback}}"{{(status == "failed" ? ",\"errors\":[{\"code\":131026,\"title\":\"Message undeliverable\",\"error_data\":{\"details\":\"no WhatsApp\"}}]" : "")}}}""";

    private static string Essence(string document)
    {
        var doc = JsonNode.Parse(document)!.AsObject();
        var kept = new StringBuilder();
        foreach (var name in new[] { "status", "status_exact", "sent_at", "delivered_at", "read_at", "failed_at", "error_code" })
        {
            kept.Append(name).Append('=').Append(doc[name]?.ToJsonString()).Append('\n');
        }

        foreach (var change in doc["status_history"]!.AsArray().Where(c => c!["status"]!.GetValue<string>() != "pending"))
        {
            kept.Append(change!.ToJsonString()).Append('\n');
        }

        return kept.Append(doc["raw_webhook"]?["status"]).ToString();
    }
}
