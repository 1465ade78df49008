using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Webhooks;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// What one organization sends itself through its own app costs its neighbours no page: the pages are taken by the test, one at a time,
/// so that they can be counted.
/// </summary>
public sealed class PoisonedLaneTests(TenantApp app) : IClassFixture<TenantApp>
{
    private const string Secret = "a-secret-that-it-knows";
    private const int Theirs = 20; // the neighbour's webhooks

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_neighbours_webhooks_take_as_many_pages_beside_poison_as_without()
    {
        using var poisoner = await app.NewTenantAsync();
        (await poisoner.Api.SendAsync("PATCH", $"/v1/organizations/{poisoner.Id}", new { meta_app_secret = Secret })).Status.ShouldBe(200);
        await app.Views.InboxEmptyAsync();
        var loops = app.Services.GetServices<IHostedService>().OfType<SupervisedLoop>().Where(loop => loop.Inner is WebhookReader).ToList();
        await loops.ShouldHaveSingleItem().StopAsync(Ct);
        using var reader = ActivatorUtilities.CreateInstance<WebhookReader>(app.Services);

        await TheirsAsync("quiet");
        var quiet = await PagesAsync(reader, "quiet");
        foreach (var (name, poison) in Poisons(poisoner))
        {
            foreach (var body in poison)
            {
                (await app.PostOwnWebhookAsync(poisoner.Id, Secret, body)).Status.ShouldBe(200, name);
            }

            await TheirsAsync(name);
            (await PagesAsync(reader, name)).ShouldBe(quiet, name);
        }

        await AllAsync(reader);
        (await app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = 'message_received' AND tenant_id = $1", $"{poisoner.Id}")).ShouldBe("2100", "and the poisoner's own messages arrive");
        (await app.Views.ScalarAsync("SELECT count(*) FROM bsp.webhook_inbox")).ShouldBe("0");
        await app.NoneAsideAsync();
    }

    private static IEnumerable<(string Name, string[] Bodies)> Poisons(Tenant poisoner)
    {
        yield return ("wamids of 6,000 characters", [.. Enumerable.Range(0, 4).Select(n => SignedWebhooks.Envelope(poisoner, $"\"statuses\":[{Many(1_000, i => $$"""
            {"id":"{{new string('w', 6_000)}}{{n}}.{{i}}","status":"delivered","timestamp":"1790000000","recipient_id":"919811400000"}
            """)}]"))]);
        yield return ("2,100 messages in one", [SignedWebhooks.Envelope(poisoner, $"\"messages\":[{Many(2_100, i => Text($"wamid.flood.{i}", $"9198115{i:00000}"))}]")]);
        yield return ("a thousand webhooks", [.. Enumerable.Range(0, 1_000).Select(n => SignedWebhooks.Envelope(poisoner, $$"""
            "statuses":[{"id":"{{new string('x', 300)}}{{n}}","status":"{{new string('s', 500)}}"}]
            """))]);
        yield return ("bodies that nobody can read", [.. Enumerable.Range(0, 50).Select(n => $"{{\"entry\":[{new string('[', 900)}{n}"), .. Enumerable.Repeat($"\"{new string('x', 5_000_000)}", 3)]);
        yield return ("depth, numbers and times", [SignedWebhooks.Envelope(poisoner, $"\"statuses\":[{Many(500, i => $$"""
            {"id":"wamid.odd.{{i}}","status":"sent","timestamp":"{{1_500_000_000 + (i * 2_600_000L)}}","pricing":{"x":1e131071,"y":1e-16383,"z":{{new string('[', 200)}}{{new string(']', 200)}} } }
            """)}]")]);
    }

    private static string Many(int count, Func<int, string> item) => string.Join(',', Enumerable.Range(0, count).Select(item));

    private async Task TheirsAsync(string name)
    {
        for (var i = 0; i < Theirs; i++)
        {
            (await app.PostWebhookAsync(SignedWebhooks.Envelope(app.Tenant, $"\"messages\":[{Text($"wamid.beside.{name}.{i}", "919811400001")}]"))).Status.ShouldBe(200);
        }
    }

    // Pages until all of the neighbour's are there.
    private async Task<int> PagesAsync(WebhookReader reader, string name)
    {
        var streams = Enumerable.Range(0, Theirs).Select(i => Uuid.InboundMessage(app.Tenant.PhoneNumberId, $"wamid.beside.{name}.{i}")).ToArray();
        var next = Guid.Empty;
        for (var pages = 1; pages <= 100; pages++)
        {
            (_, _, next) = await reader.PageAsync(next, patient: true, Ct);
            if (await app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = 'message_received' AND stream_id = ANY ($1)", streams) == $"{Theirs}")
            {
                return pages;
            }
        }

        throw new TimeoutException($"The neighbour's messages beside {name} are not there after a hundred pages.");
    }

    private async Task AllAsync(WebhookReader reader)
    {
        var next = Guid.Empty;
        for (var count = 1; count > 0;)
        {
            (count, _, next) = await reader.PageAsync(next, patient: true, Ct);
        }

        await Patience.UntilAsync(async () => await reader.AsidePageAsync(patient: true, Ct) + int.Parse(await app.Views.ScalarAsync("SELECT count(*) FROM bsp.webhook_set_aside WHERE next_at IS NOT NULL"),
            System.Globalization.CultureInfo.InvariantCulture), left => left == 0, "what was taken apart is carried out");
    }

    private static string Text(string wamid, string from) => $$$"""{"id":"{{{wamid}}}","from":"{{{from}}}","timestamp":"1790000000","type":"text","text":{"body":"hello"}}""";
}
