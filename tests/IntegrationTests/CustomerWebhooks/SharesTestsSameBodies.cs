using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.CustomerWebhooks;
using Bsp.Domain.Common;
using Bsp.IntegrationTests.Common;
using Bsp.LocalStores.Common;

namespace Bsp.IntegrationTests.CustomerWebhooks;

// Told, pulled and streamed: one contract.
public sealed partial class SharesTests
{
    [Fact]
    public async Task Every_type_of_the_catalogue_is_told_pulled_and_streamed_with_the_same_bytes()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        using var stream = await organization.Admin.GetAsync("/v1/events/stream", HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await stream.Content.ReadAsStreamAsync());
        (await lines.ReadLineAsync())!.ShouldStartWith(":");
        await organization.NewHookAsync(receiver.Url, new { concurrency = 32 }, "*");
        await WriteGoldenAsync(organization.Id);

        var wanted = PublicEvents.All.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        await receiver.AcceptedAsync(all => wanted.IsSubsetOf(all.Select(h => h.Type)), "every type is told");
        var told = receiver.Accepted.DistinctBy(h => h.Id).ToDictionary(h => h.Id, h => h.Text);
        var pulled = new Dictionary<string, string>();
        var places = new List<(string Id, string Place, string Type)>();
        for (string? after = null; ;)
        {
            var from = after is null ? "" : $"&after={after}";
            var page = await organization.Admin.SendAsync("GET", $"/v1/events?form=public&limit=20{from}");
            foreach (var e in page["data"].EnumerateArray())
            {
                pulled[e.GetProperty("id").GetString()!] = e.GetRawText();
                places.Add((e.GetProperty("id").GetString()!, e.GetProperty("position").GetString()!, e.GetProperty("type").GetString()!));
            }

            after = page["next_after"].GetString();
            if (!page["more"].GetBoolean())
            {
                break;
            }
        }

        foreach (var (id, body) in told)
        {
            pulled[id].ShouldBe(body);
        }

        var streamed = await DeliveryTests.ReadAsync(lines, told.Count);
        foreach (var (place, type, body) in streamed)
        {
            var id = JsonDocument.Parse(body).RootElement.GetProperty("id").GetString()!;
            pulled[id].ShouldBe(body);
            places.ShouldContain((id, place, type));
        }

        // From any place on, in the same order; filters keep what they name.
        var middle = places.Count / 2;
        using var resumed = new HttpRequestMessage(HttpMethod.Get, "/v1/events/stream")
        {
            Headers = { { "Last-Event-ID", places[middle].Place } },
        };
        using var answer = await organization.Admin.SendAsync(resumed, HttpCompletionOption.ResponseHeadersRead);
        using var rest = new StreamReader(await answer.Content.ReadAsStreamAsync());
        (await DeliveryTests.ReadAsync(rest, places.Count - middle - 1)).Select(e => e.Place)
            .ShouldBe(places.Skip(middle + 1).Select(p => p.Place));
        foreach (var family in wanted.Select(t => t.Split('.')[0]).Distinct())
        {
            var kept = await organization.Admin.SendAsync("GET", $"/v1/events?form=public&limit=200&types={family}.*");
            kept["data"].EnumerateArray().Select(e => e.GetProperty("id").GetString())
                .ShouldBe(places.Where(p => p.Type.StartsWith(family + ".", StringComparison.Ordinal)).Select(p => p.Id));
        }

        // Without the right to read the audit trail, the two families that are made of it are not there.
        var fewer = await organization.Reader.SendAsync("GET", "/v1/events?form=public&limit=200&types=account.*,webhook.*");
        fewer["data"].GetArrayLength().ShouldBe(0);
    }

    // Bodies as they lie in databases, one of every stored name that is told: what it is about need not exist.
    private async Task WriteGoldenAsync(Guid organization)
    {
        Assert.SkipWhen(Checkout.Root is null, "The golden bodies are in the checkout.");
        var rows = new List<(string Type, string Body)>();
        foreach (var type in PublicEvents.All)
        {
            foreach (var stored in type.Stored)
            {
                var body = JsonNode.Parse(File.ReadAllText(Path.Combine(Checkout.Root!, "tests", "UnitTests", "EventStore", "golden",
                    stored + ".json")))!.AsObject();
                if (stored == "administrative_act_done")
                {
                    (body["act"], body["target_type"]) = (type.Name, type.Name.Split('.')[0]);
                }

                if (body["ref"] is JsonObject reference)
                {
                    reference["direction"] = "outbound"; // the analytics have no word for another
                }

                rows.Add((stored, body.ToJsonString()));
            }
        }

        await app.RunAsync("""
            WITH announced AS MATERIALIZED (SELECT bsp.announce()),
            made AS (SELECT r.* FROM announced, unnest($2::text[], $3::text[], $4::uuid[]) WITH ORDINALITY AS r (type, body, id, n)),
            streams AS (INSERT INTO mt_streams (id, type, version, tenant_id) SELECT m.id, 'golden', 1, $1 FROM made m)
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type)
            SELECT nextval('mt_events_sequence'), m.id, m.id, 1, m.body::jsonb, m.type, clock_timestamp(), $1, 'golden'
              FROM made m ORDER BY m.n
            """, organization.ToString(), rows.Select(r => r.Type).ToArray(), rows.Select(r => r.Body).ToArray(),
            rows.Select(_ => Uuid.New()).ToArray());
    }
}
