using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Webhooks;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Own apps may post as fast as they like: what is read, and when, is looked at here.</summary>
public sealed class PoisonedLanesApp(StoresFixture stores) : TenantApp(stores)
{
    protected override IEnumerable<(string Name, string? Value)> Settings =>
        [.. base.Settings, ("Bsp:Limits:OwnWebhookKbPerSecond", "1000000"), ("Bsp:Limits:BesideOthersPercent", "40")];

    /// <summary>One a test, made while the application still reads webhooks by itself.</summary>
    internal Queue<Tenant> Poisoners { get; } = new();

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        for (var n = 0; n < 3; n++)
        {
            Poisoners.Enqueue(await NewTenantAsync());
        }

        await Views.InboxEmptyAsync();
        await Services.GetServices<IHostedService>().OfType<SupervisedLoop>().Single(loop => loop.Inner is WebhookReader)
            .StopAsync(CancellationToken.None);
    }
}

/// <summary>
/// What one organization sends itself through its own app costs its neighbours no page: the pages are taken by the test, one at a time,
/// so that they can be counted.
/// </summary>
public sealed class PoisonedLaneTests(PoisonedLanesApp app) : IClassFixture<PoisonedLanesApp>
{
    private const string Secret = "a-secret-that-it-knows";
    private const int Theirs = 20; // the neighbour's webhooks

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_neighbours_webhooks_take_as_many_pages_beside_poison_as_without()
    {
        using var poisoner = await PoisonerAsync();
        using var reader = await ReaderAsync();

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
        (await app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = 'message_received' AND tenant_id = $1", $"{poisoner.Id}"))
            .ShouldBe("2100", "and the poisoner's own messages arrive");
        (await app.Views.ScalarAsync("SELECT count(*) FROM bsp.webhook_inbox")).ShouldBe("0");
        await app.NoneAsideAsync();
    }

    [Fact]
    public async Task A_webhook_behind_five_thousand_items_of_another_is_carried_out_at_once_also_while_a_long_page_of_theirs_is_under_way()
    {
        using var poisoner = await PoisonerAsync();
        using var reader = await ReaderAsync();
        for (var n = 0; n < 50; n++)
        {
            var items = Many(100, i =>
                $$"""{"id":"wamid.behind.{{n}}.{{i}}","from":"9198116{{i:00000}}","timestamp":"{{1_000_000_000 + (i * 2_600_000L)}}","type":"text","text":{"body":"x"} }""");
            (await app.PostOwnWebhookAsync(poisoner.Id, Secret,
                SignedWebhooks.Envelope(poisoner, $"\"messages\":[{items}]"))).Status.ShouldBe(200);
        }

        // A long page of theirs holds its webhooks until it ends: here until the test does.
        await using var held = await app.Admin.OpenConnectionAsync(Ct);
        await using var under = await held.BeginTransactionAsync(Ct);
        (await WebhookInbox.TakeAsync(held, 20, Ct)).Webhooks.ShouldAllBe(w => w.Lane == poisoner.Id);
        await TheirsAsync("behind");
        await reader.PageAsync(Guid.Empty, patient: true, Ct, quick: true);

        (await CarriedOutAsync("behind")).ShouldBe($"{Theirs}", "all of the neighbour's in the very next page");
        var theirs =
            await app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = 'message_received' AND tenant_id = $1",
                $"{poisoner.Id}");
        int.Parse(theirs, System.Globalization.CultureInfo.InvariantCulture)
            .ShouldBeLessThanOrEqualTo(WebhookReader.QuickItemsMax - Theirs,
                "and of the thousands before them what is left of a short page");
        await under.RollbackAsync(Ct);
        await AllAsync(reader);
        (await app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = 'message_received' AND tenant_id = $1", $"{poisoner.Id}"))
            .ShouldBe("5000", "which arrive afterwards");
    }

    [Fact]
    public async Task Whoever_used_more_than_their_share_rests_while_others_are_there_and_has_a_page_in_the_end()
    {
        using var poisoner = await PoisonerAsync();
        using var reader = await ReaderAsync();
        var fair = app.Services.GetRequiredService<FairShare>();
        (await app.PostOwnWebhookAsync(poisoner.Id, Secret,
            SignedWebhooks.Envelope(poisoner, $"\"messages\":[{Text("wamid.rests", "919811700000")}]"))).Status.ShouldBe(200);
        await TheirsAsync("resting");
        fair.Used(poisoner.Id, TimeSpan.FromHours(1));
        await Patience.UntilAsync(() =>
        {
            fair.Used(app.Tenant.Id, TimeSpan.FromMilliseconds(1));
            return Task.FromResult(fair.Rest(poisoner.Id));
        }, rest => rest == FairShare.RestMax, "it is seen that it used too much");

        (await reader.PageAsync(Guid.Empty, patient: true, Ct)).Count.ShouldBe(Theirs, "the neighbour's only");
        await Patience.UntilAsync(async () =>
        {
            fair.Used(app.Tenant.Id, TimeSpan.FromMilliseconds(1)); // they are still there
            return (await reader.PageAsync(Guid.Empty, patient: true, Ct)).Count;
        }, count => count == 1, "it has its page all the same");
    }

    private async Task<Tenant> PoisonerAsync()
    {
        var poisoner = app.Poisoners.Dequeue();
        (await poisoner.Api.SendAsync("PATCH", $"/v1/organizations/{poisoner.Id}", new { meta_app_secret = Secret })).Status.ShouldBe(200);
        return poisoner;
    }

    // The application's own has stopped.
    private async Task<WebhookReader> ReaderAsync()
    {
        var reader = ActivatorUtilities.CreateInstance<WebhookReader>(app.Services);
        await AllAsync(reader);
        return reader;
    }

    private static IEnumerable<(string Name, string[] Bodies)> Poisons(Tenant poisoner)
    {
        yield return ("wamids of 6,000 characters",
            [.. Enumerable.Range(0, 4).Select(n => SignedWebhooks.Envelope(poisoner, $"\"statuses\":[{Many(1_000, i => $$"""
            {"id":"{{new string('w', 6_000)}}{{n}}.{{i}}","status":"delivered","timestamp":"1790000000","recipient_id":"919811400000"}
            """)}]"))]);
        yield return ("2,100 messages in one",
            [SignedWebhooks.Envelope(poisoner, $"\"messages\":[{Many(2_100, i => Text($"wamid.flood.{i}", $"9198115{i:00000}"))}]")]);
        yield return ("a thousand webhooks", [.. Enumerable.Range(0, 1_000).Select(n => SignedWebhooks.Envelope(poisoner, $$"""
            "statuses":[{"id":"{{new string('x', 300)}}{{n}}","status":"{{new string('s', 500)}}"}]
            """))]);
        yield return ("bodies that nobody can read",
            [.. Enumerable.Range(0, 50).Select(n => $"{{\"entry\":[{new string('[', 900)}{n}"),
                .. Enumerable.Repeat($"\"{new string('x', 5_000_000)}", 3)]);
        yield return ("depth, numbers and times", [SignedWebhooks.Envelope(poisoner, $"\"statuses\":[{Many(500, i => $$"""
            {"id":"wamid.odd.{{i}}","status":"sent","timestamp":"{{1_500_000_000 + (i * 2_600_000L)}}","pricing":{"x":1e131071,"y":1e-16383,"z":{{new string('[', 200)}}{{new string(']', 200)}} } }
            """)}]")]);
    }

    private static string Many(int count, Func<int, string> item) => string.Join(',', Enumerable.Range(0, count).Select(item));

    private async Task TheirsAsync(string name)
    {
        for (var i = 0; i < Theirs; i++)
        {
            (await app.PostWebhookAsync(SignedWebhooks.Envelope(app.Tenant,
                $"\"messages\":[{Text($"wamid.beside.{name}.{i}", "919811400001")}]"))).Status.ShouldBe(200);
        }
    }

    // Pages until all of the neighbour's are there.
    private async Task<int> PagesAsync(WebhookReader reader, string name)
    {
        var (next, pages, count) = (Guid.Empty, 0, 0);
        while (pages <= 100)
        {
            (count, _, next) = await reader.PageAsync(next, patient: true, Ct);
            pages += count > 0 ? 1 : 0; // an empty one: on a slow machine whoever has something may rest for a moment
            if (await CarriedOutAsync(name) == $"{Theirs}")
            {
                return pages;
            }
        }

        throw new TimeoutException($"The neighbour's messages beside {name} are not there after a hundred pages.");
    }

    private Task<string> CarriedOutAsync(string name) =>
        app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = 'message_received' AND stream_id = ANY ($1)",
        Enumerable.Range(0, Theirs).Select(i => Uuid.InboundMessage(app.Tenant.PhoneNumberId, $"wamid.beside.{name}.{i}")).ToArray());

    // A page is empty while those who have something rest.
    private async Task AllAsync(WebhookReader reader)
    {
        var next = Guid.Empty;
        await Patience.UntilAsync(async () =>
        {
            (_, _, next) = await reader.PageAsync(next, patient: true, Ct);
            return await app.Views.ScalarAsync("SELECT count(*) FROM bsp.webhook_inbox");
        }, left => left == "0", "all is carried out");

        await Patience.UntilAsync(async () =>
            await reader.AsidePageAsync(patient: true,
                Ct) + int.Parse(await app.Views.ScalarAsync("SELECT count(*) FROM bsp.webhook_set_aside WHERE next_at IS NOT NULL"),
            System.Globalization.CultureInfo.InvariantCulture), left => left == 0, "what was taken apart is carried out");
    }

    private static string Text(string wamid, string from) =>
        $$$"""{"id":"{{{wamid}}}","from":"{{{from}}}","timestamp":"1790000000","type":"text","text":{"body":"hello"}}""";
}
