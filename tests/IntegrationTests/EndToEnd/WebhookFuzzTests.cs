using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Webhooks;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// Every node of every payload that we know changed into something else, the same every time: each webhook is acknowledged, nothing throws,
/// and what stands unchanged in the same webhook is
/// carried out.
/// </summary>
public sealed class WebhookFuzzTests(TenantApp app) : IClassFixture<TenantApp>
{
    private const int EntriesOfWebhook = 20;

    [Fact]
    public Task Every_node_of_our_own_payloads_may_be_anything() => FuzzAsync(Folder("payloads"), "own", every: 1);

    [Fact]
    public Task Every_node_of_the_payloads_of_others_may_be_anything() =>
        FuzzAsync(Shared.FolderOrSkip("data", "webhooks"), "shared", every: 12);

    [Fact]
    public async Task A_body_that_breaks_off_anywhere_or_has_any_byte_changed_is_kept_and_holds_nobody_up()
    {
        var text = SignedWebhooks.Envelope(app.Tenant, """
            "contacts":[{"wa_id":"919812000001","profile":{"name":"Zo\u00eb 👩‍👧"}}],"messages":[{"id":"wamid.cut","from":"919812000001","timestamp":"1790000000","type":"text","text":{"body":"caf\u00e9 👍"}}]
            """);
        var whole = Encoding.UTF8.GetBytes(text);
        var bodies = Enumerable.Range(0, whole.Length / 5).Select(i => whole[..(5 * i)]).ToList();
        bodies.AddRange(Enumerable.Range(0, whole.Length / 3).Select(i =>
        {
            var body = (byte[])whole.Clone();
            body[3 * i] = (byte)(i * 37);
            return body;
        }));
        await Parallel.ForEachAsync(bodies, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (body, _) =>
            (await app.PostWebhookAsync(body)).Status.ShouldBe(200));
        await NeighbourAsync("wamid.after.cuts");
        await app.NoneAsideAsync();
    }

    private async Task FuzzAsync(string folder, string series, int every)
    {
        using var neighbour = await app.NewTenantAsync();
        var entries = Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal)
            .SelectMany((file, n) => Mutated(file, n, series, every)).ToList();
        entries.Count.ShouldBeGreaterThan(100);
        var neighbours = new List<string>();
        var webhooks = entries.Chunk(EntriesOfWebhook).Select((chunk, i) =>
        {
            neighbours.Add($"wamid.beside.{series}.{i}");
            return $$"""{"object":"whatsapp_business_account","entry":[{{string.Join(',', chunk)}},{{Beside(neighbour, neighbours[^1])}}]}""";
        }).ToList();
        await Parallel.ForEachAsync(webhooks, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (body, _) =>
            (await app.PostWebhookAsync(body)).Status.ShouldBe(200));
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync(
                "SELECT count(*) FROM mt_events WHERE type = 'message_received' AND tenant_id = $2 AND stream_id = ANY ($1)",
            neighbours.Select(w => Uuid.InboundMessage(neighbour.PhoneNumberId, w)).ToArray(), $"{neighbour.Id}"), n =>
                n == $"{neighbours.Count}", $"{neighbours.Count} neighbours are received");
        await NeighbourAsync($"wamid.after.{series}");
        await app.NoneAsideAsync();
        (await app.Views.ScalarAsync(
            "SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND (data ->> 'at')::timestamptz > now() + interval '1 minute'",
            $"{app.Tenant.Id}")).ShouldBe("0");
    }

    // The entries of a payload for our number, each with another node changed in another way.
    private IEnumerable<string> Mutated(string file, int n, string series, int every)
    {
        if (ReadableJson.ParseNode(File.ReadAllBytes(file))?["entry"] is not JsonArray entries)
        {
            yield break;
        }

        foreach (var given in entries.OfType<JsonObject>())
        {
            given["id"] = app.Tenant.WabaId;
            foreach (var change in (given["changes"] as JsonArray)?.OfType<JsonObject>() ?? [])
            {
                if (change["value"]?["metadata"] is JsonObject metadata)
                {
                    metadata["phone_number_id"] = app.Tenant.PhoneNumberId;
                }
            }

            var document = JsonSerializer.SerializeToElement(given);
            for (var (target, kind) = (n % every, n); target < Mutation.Count(document); target += every, kind++)
            {
                var mark = $".{series}.{n}.{target}";
                var entry = Mutation.Write(document, target, kind % Mutation.Kinds, mark);
                if (entry.Length > 0) // the entry itself left out: nothing to post
                {
                    // The WABA's own id stays, or nothing in the entry would be routed.
                    yield return entry.Replace($"\"{app.Tenant.WabaId}{mark}\"", $"\"{app.Tenant.WabaId}\"", StringComparison.Ordinal);
                }
            }
        }
    }

    private async Task NeighbourAsync(string wamid)
    {
        (await app.PostWebhookAsync($$"""{"entry":[{{Beside(app.Tenant, wamid)}}]}""")).Status.ShouldBe(200);
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = 'message_received' AND stream_id = $1",
                Uuid.InboundMessage(app.Tenant.PhoneNumberId, wamid)),
            n => n == "1", "the reader goes on");
        await app.Views.InboxEmptyAsync();
    }

    private static string Beside(Tenant tenant, string wamid) => $$$"""
        {"id":"{{{tenant.WabaId}}}","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"{{{tenant.PhoneNumberId}}}"},
        "messages":[{"id":"{{{wamid}}}","from":"919813000001","timestamp":"1790000000","type":"text","text":{"body":"beside"}}]}}]}
        """;

    private static string Folder(string name, [System.Runtime.CompilerServices.CallerFilePath] string path = "") =>
        Path.Combine(Path.GetDirectoryName(path)!, name);
}
